/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sessions share: keys, certificates, priorities, the last session's
 * ticket (client), the keys of cookies and tickets (server).
 */
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/dtls_parts.h"

/* Strong AEAD first, then what LwM2M 1.1 makes mandatory. */
#define COMMON                                                                 \
    "NONE:+VERS-DTLS1.2:+COMP-NULL:+CTYPE-X509:+AES-128-GCM:+AES-128-CCM:"     \
    "+AES-128-CCM-8:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CBC:+AEAD:"       \
    "+SHA256:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-RSA-SHA256:"          \
    "+SIGN-RSA-SHA384:+SIGN-RSA-PSS-RSAE-SHA256:+GROUP-SECP256R1:"             \
    "+GROUP-X25519:+GROUP-SECP384R1"
#define WITH_PSK ":+PSK:+ECDHE-PSK"
#define WITH_X509 ":+ECDHE-ECDSA:+ECDHE-RSA"

static char reason[256];

static int refuse(const char **why, const char *what, const char *name, int err)
{
    snprintf(reason, sizeof reason, "%s%s%s: %s", what, name ? " " : "",
             name ? name : "", gnutls_strerror(err));
    *why = reason;
    return DFOTA_E_ARG;
}

/* ---- PSK ----------------------------------------------------------------- */

/* An unknown identity gets a key nobody has, so that the peer cannot tell it
 * from a wrong key (RFC 4279 2). */
static int key_of(gnutls_session_t session, const gnutls_datum_t *name,
                  gnutls_datum_t *key)
{
    const struct dtls *d = gnutls_session_get_ptr(session);
    char identity[DTLS_IDENTITY_MAX + 1];
    uint8_t bytes[DTLS_KEY_MAX];
    size_t len = 16;
    int err = DFOTA_E_NOTFOUND;

    if (name->size < sizeof identity && name->size > 0 &&
        !memchr(name->data, 0, name->size)) {
        memcpy(identity, name->data, name->size);
        identity[name->size] = '\0';
        err =
            d->shared->find_key(d->shared->find_key_ctx, identity, bytes, &len);
    }
    if (err || len == 0 || len > sizeof bytes) {
        len = 16;
        if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, len) != 0)
            return -1;
    }
    key->data = gnutls_malloc(len);
    if (!key->data)
        return -1;
    memcpy(key->data, bytes, len);
    key->size = (unsigned)len;
    gnutls_memset(bytes, 0, sizeof bytes);
    return 0;
}

static int set_client_psk(struct dtls_credentials *s,
                          const struct dtls_config *c, const char **why)
{
    gnutls_datum_t name = {(unsigned char *)c->identity,
                           (unsigned)strlen(c->identity)};
    gnutls_datum_t key = {(unsigned char *)c->key, (unsigned)c->key_len};
    int err;

    if (name.size > DTLS_IDENTITY_MAX || c->key_len == 0 ||
        c->key_len > DTLS_KEY_MAX)
        return refuse(why, "PSK", NULL, GNUTLS_E_INVALID_REQUEST);
    if (gnutls_psk_allocate_client_credentials(&s->psk_client) != 0)
        return DFOTA_E_NOMEM;
    err = gnutls_psk_set_client_credentials2(s->psk_client, &name, &key,
                                             GNUTLS_PSK_KEY_RAW);
    return err ? refuse(why, "PSK", NULL, err) : 0;
}

static int set_server_psk(struct dtls_credentials *s,
                          const struct dtls_config *c)
{
    if (gnutls_psk_allocate_server_credentials(&s->psk_server) != 0)
        return DFOTA_E_NOMEM;
    s->find_key = c->find_key;
    s->find_key_ctx = c->find_key_ctx;
    gnutls_psk_set_server_credentials_function2(s->psk_server, key_of);
    return 0;
}

/* ---- X.509 --------------------------------------------------------------- */

static int set_x509(struct dtls_credentials *s, const struct dtls_config *c,
                    const char **why)
{
    int err;

    if (gnutls_certificate_allocate_credentials(&s->x509) != 0)
        return DFOTA_E_NOMEM;
    if (c->ca) {
        err = gnutls_certificate_set_x509_trust_file(s->x509, c->ca,
                                                     GNUTLS_X509_FMT_PEM);
        if (err <= 0)
            return refuse(why, "certificates in", c->ca,
                          err ? err : GNUTLS_E_NO_CERTIFICATE_FOUND);
        s->verify = true;
    }
    if (c->cert && c->key_file) {
        err = gnutls_certificate_set_x509_key_file(
            s->x509, c->cert, c->key_file, GNUTLS_X509_FMT_PEM);
        if (err < 0)
            return refuse(why, "certificate and key in", c->cert, err);
    }
    return 0;
}

/* ---- together ------------------------------------------------------------ */

static int set_priority(struct dtls_credentials *s, const char **why)
{
    bool psk = s->psk_client || s->psk_server;
    const char *text = COMMON WITH_PSK WITH_X509;
    const char *at;
    int err;

    if (!psk)
        text = COMMON WITH_X509;
    else if (!s->x509)
        text = COMMON WITH_PSK;
    err = gnutls_priority_init(&s->priority, text, &at);
    return err ? refuse(why, "cipher suites", NULL, err) : 0;
}

static int set_server_keys(struct dtls_credentials *s)
{
    if (gnutls_session_ticket_key_generate(&s->ticket_key) != 0 ||
        gnutls_key_generate(&s->cookie_key[0], GNUTLS_COOKIE_KEY_SIZE) != 0 ||
        gnutls_key_generate(&s->cookie_key[1], GNUTLS_COOKIE_KEY_SIZE) != 0)
        return DFOTA_E_NOMEM;
    return 0;
}

int dtls_credentials_create(struct dtls_credentials **out,
                            const struct dtls_config *c, const char **why)
{
    struct dtls_credentials *s = calloc(1, sizeof *s);
    bool psk = c->server ? c->find_key != NULL : c->identity != NULL;
    int err = 0;

    *out = NULL;
    *why = "out of memory";
    if (!s)
        return DFOTA_E_NOMEM;
    s->uses = 1;
    s->server = c->server;
    if (psk)
        err = c->server ? set_server_psk(s, c) : set_client_psk(s, c, why);
    /* A client with a PSK offers nothing else. */
    if (!err && (!psk || (c->server && c->cert)))
        err = set_x509(s, c, why);
    if (!err)
        err = set_priority(s, why);
    if (!err && c->server)
        err = set_server_keys(s);
    if (err) {
        dtls_credentials_free(s);
        return err;
    }
    *out = s;
    return 0;
}

static void free_secret(gnutls_datum_t *d)
{
    if (d->data)
        gnutls_memset(d->data, 0, d->size);
    gnutls_free(d->data);
    d->data = NULL;
}

void dtls_credentials_hold(struct dtls_credentials *c)
{
    c->uses++;
}

void dtls_credentials_free(struct dtls_credentials *s)
{
    if (!s || --s->uses > 0)
        return;
    if (s->psk_client)
        gnutls_psk_free_client_credentials(s->psk_client);
    if (s->psk_server)
        gnutls_psk_free_server_credentials(s->psk_server);
    if (s->x509)
        gnutls_certificate_free_credentials(s->x509);
    if (s->priority)
        gnutls_priority_deinit(s->priority);
    free_secret(&s->ticket);
    free(s->ticket_host);
    free_secret(&s->ticket_key);
    free_secret(&s->cookie_key[0]);
    free_secret(&s->cookie_key[1]);
    free(s);
}
