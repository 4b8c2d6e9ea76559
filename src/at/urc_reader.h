/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a module says by itself: the URCs of an update and the boot banners.
 *
 * Layer: at (freestanding). One vocabulary for all families: it takes the
 * misprints of the vendor's documents (HTTPTART, "HTTP START", HTTPPEND,
 * " RESETTING", blanks after commas, percents with or without sign and
 * blank, both wordings of the resume banner), since firmware is made by the
 * people who made the documents. Only the tags FOTA and SBFOTA count,
 * whatever noise made of the prefix before them.
 */
#ifndef DFOTA_AT_URC_READER_H
#define DFOTA_AT_URC_READER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dfota_urc_kind {
    DFOTA_URC_OTHER,     /* the tag, or only its letters, and nothing known */
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

#define DFOTA_URC_NO_VALUE (-1)

struct dfota_urc {
    uint8_t kind;  /* enum dfota_urc_kind */
    int32_t value; /* the number that followed, as it was */
};

/**
 * Find the first URC in a line.
 *
 * text     a line of dfota_line; URCs glued to each other, to an echo or to
 *          noise are found
 * returns  where to look for the next | NULL: there was none
 */
const char *dfota_urc_next(const char *text, struct dfota_urc *urc);

#ifdef __cplusplus
}
#endif

#endif
