/* SPDX-License-Identifier: Apache-2.0 */
#include "server/lwm2m/lwm2m_keys.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

enum { FILE_MAX = 64 << 20 };

struct lwm2m_keys {
    size_t n, room;
    struct psk *key; /* by identity */
};

static int by_identity(const void *a, const void *b)
{
    return strcmp(((const struct psk *)a)->identity,
                  ((const struct psk *)b)->identity);
}

static int add(struct lwm2m_keys *keys, const struct psk *psk)
{
    struct psk *more;

    if (keys->n == keys->room) {
        keys->room = keys->room ? 2 * keys->room : 64;
        more = realloc(keys->key, keys->room * sizeof *more);
        if (!more)
            return DFOTA_E_NOMEM;
        keys->key = more;
    }
    keys->key[keys->n++] = *psk;
    return 0;
}

static int parse(struct lwm2m_keys *keys, const char *path, const char *text)
{
    unsigned line = 1;
    struct psk psk;
    int err = 0;

    while (*text && !err) {
        if (*text != '#' && *text != '\n' && *text != '\r') {
            err = psk_parse(&psk, text);
            if (err)
                log_error("%s:%u: not endpoint:key, with the key in hex", path,
                          line);
            else
                err = add(keys, &psk);
        }
        text += strcspn(text, "\n");
        text += *text != '\0';
        line++;
    }
    gnutls_memset(&psk, 0, sizeof psk);
    return err;
}

static int check_doubles(const struct lwm2m_keys *keys, const char *path)
{
    for (size_t i = 1; i < keys->n; i++)
        if (by_identity(&keys->key[i - 1], &keys->key[i]) == 0) {
            log_error("%s: %s has two keys", path, keys->key[i].identity);
            return DFOTA_E_STATE;
        }
    return 0;
}

int lwm2m_keys_read(const char *path, struct lwm2m_keys **out)
{
    struct lwm2m_keys *keys = calloc(1, sizeof *keys);
    uint8_t *text;
    size_t len;
    int err = keys ? files_read(path, FILE_MAX, &text, &len) : DFOTA_E_NOMEM;

    if (err) {
        log_error("%s: %s", path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
        free(keys);
        return err;
    }
    err = parse(keys, path, (const char *)text);
    gnutls_memset(text, 0, len);
    free(text);
    if (!err && keys->n > 0) {
        qsort(keys->key, keys->n, sizeof keys->key[0], by_identity);
        err = check_doubles(keys, path);
    }
    if (err)
        lwm2m_keys_free(keys);
    else
        *out = keys;
    return err;
}

void lwm2m_keys_free(struct lwm2m_keys *keys)
{
    if (!keys)
        return;
    if (keys->n > 0)
        gnutls_memset(keys->key, 0, keys->n * sizeof keys->key[0]);
    free(keys->key);
    free(keys);
}

const struct psk *lwm2m_keys_find(const struct lwm2m_keys *keys,
                                  const char *identity)
{
    struct psk wanted;

    if (!keys || keys->n == 0 || strlen(identity) > DTLS_IDENTITY_MAX)
        return NULL;
    memcpy(wanted.identity, identity, strlen(identity) + 1);
    return bsearch(&wanted, keys->key, keys->n, sizeof keys->key[0],
                   by_identity);
}
