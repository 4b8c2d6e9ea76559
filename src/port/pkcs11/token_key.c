/* SPDX-License-Identifier: Apache-2.0 */
#include "port/pkcs11/token_key.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"

enum { HALF = DFOTA_SIGNATURE_LEN / 2 };

struct token_key {
    gnutls_privkey_t key;
};

/* Everything from pin-value or pin-source on may be a secret or lead to it:
 * attributes are parted by ';' and '&' and may stand in any order. */
void token_key_name(const char *uri, char *name, size_t room)
{
    size_t n = 0;

    while (*uri && n + 1 < room) {
        size_t len = strcspn(uri, ";&?");

        if (strncmp(uri, "pin-", 4) != 0)
            n += (size_t)snprintf(name + n, room - n, "%.*s", (int)len, uri);
        else
            n += (size_t)snprintf(name + n, room - n, "pin-..");
        uri += len;
        if (*uri && n + 1 < room)
            name[n++] = *uri++;
    }
    name[n < room ? n : room - 1] = '\0';
}

/* ---- the PIN ---- */

static int ask_terminal(const char *label, char *pin, size_t room)
{
    struct termios before, quiet;
    FILE *terminal = fopen("/dev/tty", "r+");
    int code = -1;

    if (!terminal)
        return -1;
    fprintf(terminal, "PIN of token %s: ", label);
    fflush(terminal);
    if (tcgetattr(fileno(terminal), &before) == 0) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fileno(terminal), TCSAFLUSH, &quiet);
        if (fgets(pin, (int)room, terminal)) {
            pin[strcspn(pin, "\r\n")] = '\0';
            code = 0;
        }
        tcsetattr(fileno(terminal), TCSAFLUSH, &before);
        fputc('\n', terminal);
    }
    fclose(terminal);
    return code;
}

static int give_pin(void *ctx, int attempt, const char *url, const char *label,
                    unsigned flags, char *pin, size_t room)
{
    const char *known = getenv("DFOTA_PIN");

    (void)ctx;
    (void)url;
    if (attempt > 0 || (flags & (GNUTLS_PIN_WRONG | GNUTLS_PIN_FINAL_TRY)))
        return -1;
    if (!known)
        return isatty(STDIN_FILENO) ? ask_terminal(label, pin, room) : -1;
    if (strlen(known) >= room)
        return -1;
    memcpy(pin, known, strlen(known) + 1);
    return 0;
}

/* ---- the key ---- */

static int check_curve(gnutls_privkey_t key)
{
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    gnutls_pubkey_t public;
    int code;

    if (gnutls_privkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_ECDSA)
        return DFOTA_E_KEY;
    if (gnutls_pubkey_init(&public) < 0)
        return DFOTA_E_NOMEM;
    code = gnutls_pubkey_import_privkey(public, key, 0, 0);
    if (code >= 0)
        code = gnutls_pubkey_export_ecc_raw2(public, &curve, NULL, NULL, 0);
    gnutls_pubkey_deinit(public);
    /* A token that keeps the public half to itself says its size only. */
    if (code < 0)
        return DFOTA_E_KEY;
    return curve == GNUTLS_ECC_CURVE_SECP256R1 ? 0 : DFOTA_E_KEY;
}

static int explain(const char *uri, int code, char *why, size_t room)
{
    char name[160];

    token_key_name(uri, name, sizeof name);
    if (code == GNUTLS_E_PKCS11_PIN_ERROR || code == GNUTLS_E_PKCS11_ERROR)
        snprintf(why, room,
                 "%s: the token takes no PIN: give it as DFOTA_PIN, or "
                 "pin-source=FILE in the URI",
                 name);
    else
        snprintf(why, room,
                 "%s: %s; p11tool --list-privkeys --login shows "
                 "what there is",
                 name, gnutls_strerror(code));
    return DFOTA_E_KEY;
}

static int import(struct token_key *made, const char *uri, char *why,
                  size_t room)
{
    char name[160];
    int code = gnutls_privkey_init(&made->key), err;

    if (code < 0)
        return DFOTA_E_NOMEM;
    gnutls_privkey_set_pin_function(made->key, give_pin, NULL);
    code = gnutls_privkey_import_url(made->key, uri, 0);
    if (code < 0)
        return explain(uri, code, why, room);
    err = check_curve(made->key);
    if (err) {
        token_key_name(uri, name, sizeof name);
        snprintf(why, room, "%s: not an ECDSA P-256 key with its public half",
                 name);
    }
    return err;
}

int token_key_open(const char *uri, struct token_key **out, char *why,
                   size_t room)
{
    struct token_key *made = calloc(1, sizeof *made);
    int err = made ? import(made, uri, why, room) : DFOTA_E_NOMEM;

    if (err) {
        token_key_close(made);
        return err;
    }
    *out = made;
    return 0;
}

void token_key_close(struct token_key *key)
{
    if (!key)
        return;
    if (key->key)
        gnutls_privkey_deinit(key->key);
    free(key);
}

/* A number of DER, without its leading zeros or with one more. */
static int put_number(const gnutls_datum_t *number, uint8_t out[HALF])
{
    const uint8_t *bytes = number->data;
    size_t len = number->size;

    while (len > HALF && *bytes == 0) {
        bytes++;
        len--;
    }
    if (len > HALF)
        return DFOTA_E_IO;
    memset(out, 0, HALF);
    memcpy(out + HALF - len, bytes, len);
    return 0;
}

int token_key_sign(struct token_key *key, const uint8_t digest[DFOTA_HASH_LEN],
                   uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    gnutls_datum_t hash = {.data = (uint8_t *)(uintptr_t)digest,
                           .size = DFOTA_HASH_LEN};
    gnutls_datum_t der = {0}, r = {0}, s = {0};
    int err = DFOTA_E_IO;

    if (gnutls_privkey_sign_hash2(key->key, GNUTLS_SIGN_ECDSA_SHA256, 0, &hash,
                                  &der) < 0)
        return err;
    if (gnutls_decode_rs_value(&der, &r, &s) >= 0) {
        err = put_number(&r, signature);
        if (!err)
            err = put_number(&s, signature + HALF);
        gnutls_free(r.data);
        gnutls_free(s.data);
    }
    gnutls_free(der.data);
    return err;
}
