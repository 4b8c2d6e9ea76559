/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A pre-shared key in a file: one line "identity:key", the key in hex, as
 * psktool(1) writes them.
 *
 * Layer: link.
 */
#ifndef DFOTA_LINK_PSK_FILE_H
#define DFOTA_LINK_PSK_FILE_H

#include "link/dtls.h"

struct psk {
    char identity[DTLS_IDENTITY_MAX + 1];
    uint8_t key[DTLS_KEY_MAX];
    size_t key_len;
};

/** Parse such a line; what follows it is not looked at. errors: E_SYNTAX */
int psk_parse(struct psk *p, const char *text);

/** errors: E_IO (errno), E_NOMEM, E_FULL over 1 KB, E_SYNTAX */
int psk_read(struct psk *p, const char *path);

#endif
