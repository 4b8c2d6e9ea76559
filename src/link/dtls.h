/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DTLS 1.2 sessions on GnuTLS, without sockets.
 *
 * Layer: link. Datagrams of the network go in by dtls_receive() and come out
 * by ops->send; application data the other way round. Nothing blocks. Time:
 * GnuTLS measures the retransmission of a handshake with the real clock
 * itself, so dtls_timeout() is in real milliseconds from now, also where
 * CoAP above runs on a virtual clock.
 *
 * Cipher suites: those LwM2M makes mandatory
 * (TLS_PSK_WITH_AES_128_CCM_8, TLS_PSK_WITH_AES_128_CBC_SHA256,
 * TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8) and GnuTLS' own choice of AEAD ones
 * with ECDHE. No Connection ID (GnuTLS 3.7 has none): a new port is a new
 * handshake. Sessions resume by ticket.
 */
#ifndef DFOTA_LINK_DTLS_H
#define DFOTA_LINK_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DTLS_IDENTITY_MAX = 128, /* bytes */
    DTLS_KEY_MAX = 64,
    DTLS_MTU = 1280 - 48, /* IPv6's least, less its and UDP's headers */
    DTLS_NO_TIMEOUT = -1,
};

/* ---- credentials, shared by sessions ------------------------------------- */

struct dtls_credentials;

/** Called by a server for each handshake with PSK. key: DTLS_KEY_MAX bytes
 * of room. returns 0, or E_NOTFOUND; an unknown identity is answered as a
 * wrong key is (RFC 4279 2). */
typedef int dtls_find_key(void *ctx, const char *identity, uint8_t *key,
                          size_t *key_len);

struct dtls_config {
    bool server;
    /* PSK of a client: identity (up to DTLS_IDENTITY_MAX bytes) and key. */
    const char *identity;
    const uint8_t *key;
    size_t key_len;
    /* PSK of a server. */
    dtls_find_key *find_key;
    void *find_key_ctx;
    /* X.509, PEM files. No ca: the peer is not verified. cert and key_file
     * together or not at all; a server without PSK needs them. With ca a
     * server demands a client's certificate. */
    const char *ca, *cert, *key_file;
};

/**
 * errors   E_ARG with a sentence in why (valid until the next call), E_NOMEM
 */
int dtls_credentials_create(struct dtls_credentials **out,
                            const struct dtls_config *c, const char **why);

/** One more hold, for one more dtls_credentials_free(). */
void dtls_credentials_hold(struct dtls_credentials *c);

/** Drop one's own hold; sessions keep theirs. NULL is harmless. */
void dtls_credentials_free(struct dtls_credentials *c);

/* ---- one session --------------------------------------------------------- */

struct dtls;

enum dtls_state {
    DTLS_HANDSHAKE,
    DTLS_OPEN,
    DTLS_CLOSED, /* by the peer's close_notify, an alert, a failure */
};

struct dtls_ops {
    /* A datagram for the network. */
    void (*send)(void *ctx, const uint8_t *data, size_t len);
    /* Decrypted bytes of one record; valid until the return. */
    void (*data)(void *ctx, const uint8_t *data, size_t len);
    /* The state changed. At CLOSED dtls_error() says why. dtls_free() is
     * legal in no callback. */
    void (*state)(void *ctx, enum dtls_state state);
};

/**
 * A client. The first flight leaves with the first dtls_tick().
 *
 * host     name or address that the server's certificate must have (used
 *          with ca only) and, when it is a name, the SNI; NULL: none
 * returns  NULL without memory
 */
struct dtls *dtls_connect(struct dtls_credentials *c, const char *host,
                          const struct dtls_ops *ops, void *ctx);

/** How long the first wait for an answer of the handshake is; it doubles.
 * 1000 ms (RFC 6347 4.2.4.1) unless this is called before the first tick. */
void dtls_set_retransmission(struct dtls *d, unsigned ms);

/** Send close_notify if open, and free. NULL is harmless. */
void dtls_free(struct dtls *d);

/** Begin, go on, retransmit: call at once after dtls_connect() and when
 * dtls_timeout() has passed. */
void dtls_tick(struct dtls *d);

/** Real milliseconds until dtls_tick() is due, or DTLS_NO_TIMEOUT; behind a
 * dtls_tick() never 0. A tick that is early is harmless. A handshake fails by
 * itself 60 s after its begin. */
int dtls_timeout(const struct dtls *d);

/** A datagram from the network. Any bytes are legal. */
void dtls_receive(struct dtls *d, const uint8_t *data, size_t len);

/** Encrypt and send. errors: E_STATE not open, E_ARG over COAP's 2048 bytes
 */
int dtls_send(struct dtls *d, const uint8_t *data, size_t len);

enum dtls_state dtls_state(const struct dtls *d);

/** Why it closed, for people; NULL while it is not, or if the peer said
 * close_notify. */
const char *dtls_error(const struct dtls *d);

/** True if the close was the peer's close_notify. */
bool dtls_closed_by_peer(const struct dtls *d);

/** Who the peer is: the PSK identity a client gave, or the common name of
 * its certificate; NULL before OPEN and for a peer without either. */
const char *dtls_identity(const struct dtls *d);

/** The session began with another's secrets, by ticket. */
bool dtls_resumed(const struct dtls *d);

/* ---- server -------------------------------------------------------------- */

/**
 * A datagram from an address that has no session, or a ClientHello from one
 * that has (the client began anew: RFC 6347 4.2.8). Without a valid cookie a
 * HelloVerifyRequest is sent and nothing is remembered; with one a session
 * is made and fed the datagram.
 *
 * addr     what the cookie is bound to: address and port
 * now_s    any count of seconds; a cookie is good for 1 to 2 minutes
 * send     of ops: used before there is a session, with ctx
 * out      NULL, or the new session, whose callbacks use ctx
 * errors   E_PROTOCOL neither a ClientHello nor anything to answer; E_NOMEM
 * cost     one HMAC without a cookie; 10 KB a session
 */
int dtls_accept(struct dtls_credentials *c, const void *addr, size_t addr_len,
                const uint8_t *data, size_t len, uint64_t now_s,
                const struct dtls_ops *ops, void *ctx, struct dtls **out);

/** The datagram may be a ClientHello: worth dtls_accept() although the
 * address has a session. Looks at the first 14 bytes. */
bool dtls_is_hello(const uint8_t *data, size_t len);

/** What a ClientHello is known by when it comes again: its record may have
 * another number, the rest is the same. len: at least 14 */
uint32_t dtls_hello_sum(const uint8_t *data, size_t len);

#endif
