/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a module says by itself: the URCs of an update and the boot banners.
 *
 * Layer: at (freestanding). One vocabulary for all families: it takes the
 * misprints of the vendor's documents (HTTPTART, "HTTP START", HTTPPEND,
 * " RESETTING", blanks after commas, percents with or without sign and
 * blank, both wordings of the resume banner), since firmware is made by the
 * people who made the documents. Only the tags FOTA and SBFOTA count.
 */
#ifndef DFOTA_AT_URC_READER_H
#define DFOTA_AT_URC_READER_H

#include <stdbool.h>
#include <stdint.h>

enum dfota_urc_kind {
    DFOTA_URC_OTHER,     /* right tag, a stage that says nothing here */
    DFOTA_URC_RDY,       /* RDY: the module has started */
    DFOTA_URC_APP_RDY,   /* APP RDY: and runs its normal firmware */
    DFOTA_URC_DL_START,  /* HTTPSTART, COAPSTART */
    DFOTA_URC_DL_COAP,   /* COAPSTART: no percents will come */
    DFOTA_URC_DL,        /* DOWNLOADING,<percent> */
    DFOTA_URC_DL_END,    /* HTTPEND, COAPEND, DOWNLOADED,<number> */
    DFOTA_URC_DELAY,     /* UPDATE_TIMEOUT,<seconds> */
    DFOTA_URC_RESETTING, /* about to enter DFOTA mode */
    DFOTA_URC_START,     /* START, and the banner of a resumed update */
    DFOTA_URC_UPDATING,  /* UPDATING and RESTORE,<percent> */
    DFOTA_URC_END        /* END,<number> */
};

struct dfota_urc {
    uint8_t kind;   /* enum dfota_urc_kind */
    bool has_value; /* a number followed; a percent only if 0..100 */
    int32_t value;
};

/**
 * Find the first URC in a line.
 *
 * text     a line of dfota_line; URCs glued to each other, to an echo or to
 *          noise are found
 * returns  where to look for the next | NULL: there was none
 */
const char *dfota_urc_next(const char *text, struct dfota_urc *urc);

#endif
