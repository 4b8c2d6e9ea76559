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

enum { SETTING_TEXT_MAX = 128 };

struct settings {
    char *path; /* owned */

    /* APN of the update (AT+QCFGEXT). */
    uint8_t ip_type; /* 0 IPv4, 1 IPv6, 2 both */
    char apn[SETTING_TEXT_MAX], user[SETTING_TEXT_MAX],
        password[SETTING_TEXT_MAX];

    /* Profile of AT&W. */
    uint32_t rate; /* AT+IPR, 0: adaptive */
    uint8_t cmee;
    bool echo;

    uint32_t image_len;   /* bytes of the running image, 0: no image */
    uint32_t package_len; /* bytes of the stored package, 0: none */
    uint32_t updates;     /* updates begun in this device's life */
    bool pending;         /* reset for an update whose start is not recorded */
    bool off;             /* switched off, as opposed to cut off */
    int64_t clock_offset; /* seconds that the clock was moved */
};

/**
 * Load folder/settings.json, or the defaults when there is none.
 *
 * errors   E_NOMEM; E_IO, said: the file is there and cannot be read
 */
int settings_open(struct settings *s, const char *folder);
void settings_close(struct settings *s);

/** Write all, durably. errors: E_IO, said */
int settings_save(const struct settings *s);

#endif
