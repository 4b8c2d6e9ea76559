/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The server's side of TLS: certificates that can be changed under way.
 *
 * Layer: server. Credentials are counted: every connection holds those it
 * began with, a reload makes new ones for the connections to come, and the
 * old ones go with their last connection.
 */
#ifndef DFOTA_SERVER_HTTP_TLS_H
#define DFOTA_SERVER_HTTP_TLS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TLS 1.2 and 1.3, certificates of any kind, no client needs SNI or ALPN. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls;
struct tls_credentials;

/* PEM files. The first certificate is the server's, the ones behind it are
 * sent along. */
struct tls_pair {
    const char *cert, *key;
};

/**
 * pairs    borrowed until destroy. Several, say one ECDSA and one RSA, serve
 *          clients that know only one of the two
 * n_pairs  0: only for tls_check_client()
 * client_ca  PEM file: clients need a certificate that follows from it and is
 *          for clients; NULL: none is asked for. borrowed
 * client_crl  PEM file: which of them are revoked; NULL: none. borrowed
 * errors   E_NOMEM, E_KEY (unreadable or no pair); said in the log
 */
int tls_create(const struct tls_pair *pairs, size_t n_pairs,
               const char *client_ca, const char *client_crl, struct tls **tls);

/** Every connection must be detached. NULL is harmless. */
void tls_destroy(struct tls *tls);

/** Read the files again; new ticket keys too. On an error (said in the log)
 * what was there stays. errors: as tls_create() */
int tls_reload(struct tls *tls);

/**
 * Give a session, before its handshake, the credentials of now.
 *
 * returns  what to detach once the session is gone; NULL: it failed, and the
 *          session must not be used
 */
struct tls_credentials *tls_attach(struct tls *tls, gnutls_session_t session);

/**
 * Does the client's certificate name this one: its CN, or one of its other
 * names (SAN), be it DNS, URI, address or mail? It was checked in the
 * handshake.
 *
 * returns  0 it does; E_NOTFOUND there is none; E_SIGNATURE it names another
 */
int tls_peer_is(gnutls_session_t session, const char *name);

/**
 * A client's certificate that somebody else took in a handshake: checked as in
 * one of our own, by the authority and the list of now.
 *
 * der      without those that follow it
 * errors   E_SIGNATURE; E_NOTFOUND none is asked for
 */
int tls_check_client(struct tls *tls, const gnutls_datum_t *der);

/** As tls_peer_is(), of a certificate. errors: E_SIGNATURE */
int tls_names(const gnutls_datum_t *der, const char *name);

/** Does a client need a certificate? */
bool tls_asks_clients(const struct tls *tls);

/** When the first of the server's certificates expires: seconds since 1970;
 * 0: nobody knows. */
int64_t tls_expiry(struct tls *tls);

/** NULL is harmless. */
void tls_detach(struct tls *tls, struct tls_credentials *credentials);

#endif
