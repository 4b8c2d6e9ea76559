/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way from a ClientHello to a session: nothing of an address is
 * remembered before its cookie came back.
 */
#include <string.h>

#include "base/crc32.h"
#include "base/err.h"
#include "link/dtls_parts.h"

enum { TYPE_HANDSHAKE = 22, CLIENT_HELLO = 1, COOKIE_S = 60 };

bool dtls_is_hello(const uint8_t *data, size_t len)
{
    return len > DTLS_RECORD_HEADER && data[0] == TYPE_HANDSHAKE &&
           data[3] == 0 && data[4] == 0 &&
           data[DTLS_RECORD_HEADER] == CLIENT_HELLO;
}

uint32_t dtls_hello_sum(const uint8_t *data, size_t len)
{
    return dfota_crc32(0, data + DTLS_RECORD_HEADER, len - DTLS_RECORD_HEADER);
}

static void turn_cookie_keys(struct dtls_credentials *c, uint64_t now_s)
{
    gnutls_datum_t old = c->cookie_key[1];

    if (now_s / COOKIE_S == c->cookie_minute)
        return;
    c->cookie_minute = now_s / COOKIE_S;
    c->cookie_key[1] = c->cookie_key[0];
    if (gnutls_key_generate(&c->cookie_key[0], GNUTLS_COOKIE_KEY_SIZE) != 0) {
        c->cookie_key[0] = c->cookie_key[1];
        c->cookie_key[1] = old;
        return;
    }
    gnutls_free(old.data);
}

struct hello {
    const struct dtls_ops *ops;
    void *ctx;
};

static ssize_t push_hello(gnutls_transport_ptr_t ptr, const void *data,
                          size_t len)
{
    const struct hello *h = ptr;

    h->ops->send(h->ctx, data, len);
    return (ssize_t)len;
}

static bool has_cookie(struct dtls_credentials *c, const void *addr,
                       size_t addr_len, const uint8_t *data, size_t len,
                       gnutls_dtls_prestate_st *prestate)
{
    for (int i = 0; i < 2; i++) {
        memset(prestate, 0, sizeof *prestate);
        if (gnutls_dtls_cookie_verify(&c->cookie_key[i], (void *)addr, addr_len,
                                      (void *)data, len, prestate) == 0)
            return true;
    }
    return false;
}

int dtls_accept(struct dtls_credentials *c, const void *addr, size_t addr_len,
                const uint8_t *data, size_t len, uint64_t now_s,
                const struct dtls_ops *ops, void *ctx, struct dtls **out)
{
    gnutls_dtls_prestate_st prestate;
    struct hello hello = {ops, ctx};
    struct dtls *d;

    *out = NULL;
    if (!dtls_is_hello(data, len))
        return DFOTA_E_PROTOCOL;
    turn_cookie_keys(c, now_s);
    if (!has_cookie(c, addr, addr_len, data, len, &prestate)) {
        return gnutls_dtls_cookie_send(&c->cookie_key[0], (void *)addr,
                                       addr_len, &prestate, &hello,
                                       push_hello) < 0
                   ? DFOTA_E_PROTOCOL
                   : 0;
    }
    d = dtls_create(c, NULL, ops, ctx);
    if (!d)
        return DFOTA_E_NOMEM;
    gnutls_dtls_prestate_set(d->session, &prestate);
    *out = d;
    dtls_receive(d, data, len);
    return 0;
}
