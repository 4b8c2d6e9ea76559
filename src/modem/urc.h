/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The URCs of an update, spelled as the dialect does, or as one of the
 * documents' misprints when a quirk asks for it.
 *
 * Layer: modem.
 */
#ifndef DFOTA_MODEM_URC_H
#define DFOTA_MODEM_URC_H

#include <stdbool.h>
#include <stdint.h>

#include "modem/dialect.h"

enum {
    QUIRK_HTTPTART = 1 << 0,
    QUIRK_HTTP_START = 1 << 1,
    QUIRK_HTTPPEND = 1 << 2,
    QUIRK_RESETTING_BLANK = 1 << 3,
    QUIRK_RESETTING_3 = 1 << 4,
    QUIRK_COMMA_BLANK = 1 << 5,
    QUIRK_PERCENT_NONE = 1 << 6,
    QUIRK_PERCENT_TIGHT = 1 << 7,
    QUIRK_PERCENT_BLANK = 1 << 8,
    QUIRK_POLLING_BLANK = 1 << 9,
    QUIRK_BANNER_UPGRADE = 1 << 10,
    QUIRK_BANNER_UPDATE = 1 << 11,
    QUIRK_BANNER_BLANK = 1 << 12,
    QUIRK_BANNER_TIGHT = 1 << 13,
    QUIRK_NO_DOWNLOADING = 1 << 14,
    QUIRK_NO_START = 1 << 15,
    QUIRK_NO_END = 1 << 16,
    QUIRK_RDY_MIDDLE = 1 << 17,
    QUIRK_END_GLUED = 1 << 18,
};

/** The bit of a --quirk name, 0 when there is no such name. */
uint32_t quirk_find(const char *name);

/** The --quirk name of bit i. NULL: there are no more. */
const char *quirk_name(unsigned i);

/** Print a stage that has no number. */
void urc_stage(struct module *m, enum stage stage);

/** Print a stage with the number that ends it. */
void urc_end(struct module *m, enum stage stage, unsigned number);

/** Print what a resumed RESTORE begins with. */
void urc_resumed(struct module *m);

/** Print a line of polling: word, then what (NULL: none), then the number
 * (with what: none when it is negative). */
void urc_poll(struct module *m, const char *word, const char *what, int number);

/* How far a percentage has been printed. */
struct urc_counter {
    enum stage stage;
    const struct percent *rule;
    unsigned next; /* the next value to print, 101: all are */
};

void urc_count_begin(struct urc_counter *c, enum stage stage,
                     const struct percent *rule);

/** Print every step up to percent that was not printed yet. */
void urc_count(struct module *m, struct urc_counter *c, unsigned percent);

#endif
