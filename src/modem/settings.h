/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a module remembers over power-off, beside flash and files: one JSON
 * file in the state folder, replaced whole at every change.
 *
 * Layer: modem. A file that cannot be read is said, kept aside under another
 * name, and started anew.
 */
#ifndef DFOTA_MODEM_SETTINGS_H
#define DFOTA_MODEM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "modem/contexts.h"

enum { SETTING_TEXT_MAX = 512, SETTING_APN_MAX = 128 };

/* Who triggered an update. */
enum origin {
    ORIGIN_NONE,
    ORIGIN_URL,
    ORIGIN_LOCAL,
    ORIGIN_POLL,
    ORIGIN_LWM2M
};

struct settings {
    char *path;          /* owned */
    volatile char *mark; /* the page of settings_mark() */

    /* APN of the update (AT+QCFGEXT). */
    uint8_t ip_type; /* 0 IPv4, 1 IPv6, 2 both */
    char apn[SETTING_APN_MAX], user[SETTING_APN_MAX], password[SETTING_APN_MAX];

    struct pdp_context contexts[CONTEXTS]; /* AT+CGDCONT, AT+QICSGP */

    /* Profile of AT&W. */
    uint32_t rate; /* AT+IPR, 0: adaptive */
    uint8_t cmee;
    bool echo;

    uint32_t image_len;   /* bytes of the running image, 0: no image */
    uint32_t package_len; /* bytes of the stored package, 0: none */
    uint32_t updates;     /* updates begun in this device's life */
    bool pending;         /* reset for an update whose start is not recorded */
    uint8_t origin;       /* enum origin: START may have been said, END has
                           * not. In a file of its own: settings_mark() */
    bool off;             /* switched off, as opposed to cut off */
    int64_t clock_offset; /* seconds that the clock was moved */
    /* What a broken download left: download_resume.c */
    char partial[SETTING_TEXT_MAX];

    /* Polling. */
    uint8_t delay_s;      /* end of download to START */
    int64_t poll_due;     /* by the module's clock, 0: never set */
    uint8_t report;       /* a result waits: enum poll_report */
    uint32_t report_code; /* HTTPEND's or END's number */
    char plan[SETTING_TEXT_MAX], attempt[SETTING_TEXT_MAX];
    char refresh_token[SETTING_TEXT_MAX];
};

/**
 * Load folder/settings.json, or the defaults when there is none.
 *
 * rate     AT+IPR of a new module
 * errors   E_NOMEM; E_IO, said: the file is there and cannot be read
 */
int settings_open(struct settings *s, const char *folder, uint32_t rate);
void settings_close(struct settings *s);

/** Note durably that an update of that origin is about to say START. */
void settings_mark(struct settings *s, enum origin origin);

/** END is about to be said. A store to memory and no system call, so that
 * between it and the word there is no time for a power cut worth speaking
 * of. */
void settings_unmark(struct settings *s);

/** Write all else, durably. errors: E_IO, said */
int settings_save(const struct settings *s);

#endif
