/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What dtls.c, dtls_accept.c and dtls_credentials.c share.
 *
 * Layer: link, private to those three.
 */
#ifndef DFOTA_LINK_DTLS_PARTS_H
#define DFOTA_LINK_DTLS_PARTS_H

#include <gnutls/crypto.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include "link/dtls.h"

struct dtls_credentials {
    unsigned uses;
    bool server, verify;
    gnutls_psk_client_credentials_t psk_client;
    gnutls_psk_server_credentials_t psk_server;
    gnutls_certificate_credentials_t x509;
    gnutls_priority_t priority;
    dtls_find_key *find_key;
    void *find_key_ctx;
    gnutls_datum_t ticket;        /* client: of the newest session */
    char *ticket_host;            /* the one that was verified */
    gnutls_datum_t ticket_key;    /* server */
    gnutls_datum_t cookie_key[2]; /* of this minute, of the one before */
    uint64_t cookie_minute;
};

enum { DTLS_RECORD_HEADER = 13 };

struct dtls {
    struct dtls_credentials *shared;
    gnutls_session_t session;
    const struct dtls_ops *ops;
    void *ctx;
    enum dtls_state state;
    bool closed_by_peer;
    bool ticked; /* since the last datagram */
    const char *error;
    /* The datagram being taken; NULL once it was. */
    const uint8_t *in;
    size_t in_len;
    char *host, *identity;
    gnutls_typed_vdata_st wanted[2]; /* of the peer's certificate */
};

/** A session of either side, nothing sent; host as in dtls_connect(). NULL:
 * no memory */
struct dtls *dtls_create(struct dtls_credentials *c, const char *host,
                         const struct dtls_ops *ops, void *ctx);

#endif
