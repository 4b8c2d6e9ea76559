/* SPDX-License-Identifier: Apache-2.0 */
#include "link/psk_file.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/files.h"

enum { FILE_MAX = 1024 };

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

int psk_parse(struct psk *p, const char *text)
{
    /* The key has no colon, an identity may have. */
    size_t line = strcspn(text, "\r\n"), name = line;

    memset(p, 0, sizeof *p);
    while (name > 0 && text[name - 1] != ':')
        name--;
    if (name < 2 || name - 1 > DTLS_IDENTITY_MAX)
        return DFOTA_E_SYNTAX;
    for (size_t i = name; i + 1 < line + 1; i += 2) {
        int high = digit(text[i]);
        int low = high < 0 ? -1 : digit(text[i + 1]);

        if (low < 0 || p->key_len == DTLS_KEY_MAX)
            return DFOTA_E_SYNTAX;
        p->key[p->key_len++] = (uint8_t)(high << 4 | low);
    }
    if (p->key_len == 0)
        return DFOTA_E_SYNTAX;
    memcpy(p->identity, text, name - 1);
    return 0;
}

int psk_read(struct psk *p, const char *path)
{
    uint8_t *text;
    size_t len;
    int err = files_read(path, FILE_MAX, &text, &len);

    if (err)
        return err;
    err = strlen((char *)text) == len ? psk_parse(p, (char *)text)
                                      : DFOTA_E_SYNTAX;
    gnutls_memset(text, 0, len);
    free(text);
    return err;
}
