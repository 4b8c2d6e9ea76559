/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One line that tells how far something is, redrawn in place.
 *
 * Layer: os. Drawn only where a person can see it: on a terminal, or when
 * always is asked for. The colour follows NO_COLOR (no-color.org). Whoever
 * prints another line clears the bar first.
 */
#ifndef DFOTA_OS_PROGRESS_H
#define DFOTA_OS_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

enum progress_mode { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

struct progress {
    FILE *out;
    bool on;
    bool colour;
    bool drawn; /* the line is on the screen now */
};

/** auto, always or never. errors: E_ARG another word; mode is as it was */
int progress_mode_parse(const char *word, enum progress_mode *mode);

/** out: usually stderr; borrowed. */
void progress_init(struct progress *p, enum progress_mode mode, FILE *out);

/** label: at most 12 letters are shown; percent: 0..100, or -1 for unknown */
void progress_show(struct progress *p, const char *label, int percent);

/** Take the line off the screen. */
void progress_clear(struct progress *p);

#endif
