/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

enum { DIGEST_LEN = 32 };

void secrets_random(void *out, size_t len)
{
    if (gnutls_rnd(GNUTLS_RND_KEY, out, len) != 0)
        abort(); /* no randomness: nothing here would be safe */
}

void secrets_to_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool secrets_from_hex(const char *hex, uint8_t *out, size_t len)
{
    if (strlen(hex) != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void secrets_base64(const uint8_t *bytes, size_t len, char *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned n = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (n += 8; n >= 6; n -= 6)
            *out++ = letters[bits >> (n - 6) & 63];
    }
    if (n > 0)
        *out++ = letters[bits << (6 - n) & 63];
    *out = '\0';
}

void secrets_id(char out[SECRETS_ID_ROOM])
{
    uint8_t bytes[16];

    secrets_random(bytes, sizeof bytes);
    secrets_to_hex(bytes, sizeof bytes, out);
}

void secrets_word(char out[SECRETS_WORD_ROOM])
{
    uint8_t bytes[32];

    secrets_random(bytes, sizeof bytes);
    secrets_base64(bytes, sizeof bytes, out);
}

void secrets_hash(const void *data, size_t len, char out[SECRETS_HEX_ROOM])
{
    uint8_t digest[DIGEST_LEN];

    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, digest) != 0)
        abort();
    secrets_to_hex(digest, sizeof digest, out);
}

static void mac_of(const uint8_t *key, const char *text,
                   uint8_t digest[DIGEST_LEN])
{
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, SECRETS_KEY_LEN, text,
                         strlen(text), digest) != 0)
        abort();
}

void secrets_mac_hex(const uint8_t key[SECRETS_KEY_LEN], const char *text,
                     char out[SECRETS_HEX_ROOM])
{
    uint8_t digest[DIGEST_LEN];

    mac_of(key, text, digest);
    secrets_to_hex(digest, sizeof digest, out);
}

void secrets_mac_by(const char *key, const char *text,
                    char out[SECRETS_HEX_ROOM])
{
    uint8_t digest[DIGEST_LEN];

    if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, strlen(key), text,
                         strlen(text), digest) != 0)
        abort();
    secrets_to_hex(digest, sizeof digest, out);
}

void secrets_mac_word(const uint8_t key[SECRETS_KEY_LEN], const char *text,
                      char out[SECRETS_WORD_ROOM])
{
    uint8_t digest[DIGEST_LEN];

    mac_of(key, text, digest);
    secrets_base64(digest, sizeof digest, out);
}

void secrets_mac(const uint8_t key[SECRETS_KEY_LEN], const char *text,
                 char out[SECRETS_SIG_ROOM])
{
    uint8_t digest[DIGEST_LEN];

    mac_of(key, text, digest);
    secrets_base64(digest, 16, out);
}

bool secrets_equal(const char *a, const char *b)
{
    size_t len = strlen(a);

    return strlen(b) == len && gnutls_memcmp(a, b, len) == 0;
}

static int make_file(const char *path, uint8_t key[SECRETS_KEY_LEN])
{
    char hex[SECRETS_HEX_ROOM];
    int err;

    secrets_random(key, SECRETS_KEY_LEN);
    secrets_to_hex(key, SECRETS_KEY_LEN, hex);
    err = files_write(path, hex, strlen(hex));
    if (!err && chmod(path, 0600) != 0)
        err = DFOTA_E_IO;
    if (err)
        log_error("%s: %s", path, strerror(errno));
    return err;
}

int secrets_file(const char *path, uint8_t key[SECRETS_KEY_LEN])
{
    uint8_t *text;
    size_t len;
    int err;

    if (access(path, F_OK) != 0)
        return make_file(path, key);
    err = files_read(path, 128, &text, &len);
    if (err) {
        log_error("%s: %s", path, strerror(errno));
        return err;
    }
    if (len > 0 && text[len - 1] == '\n')
        text[len - 1] = '\0';
    if (!secrets_from_hex((const char *)text, key, SECRETS_KEY_LEN)) {
        log_error("%s: not a key of 64 hex digits; put the right one back, or "
                  "every module needs a new password",
                  path);
        err = DFOTA_E_SYNTAX;
    }
    free(text);
    return err;
}
