/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session: GnuTLS between two callbacks, one datagram at a time.
 */
#include "link/dtls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "link/coap_msg.h"
#include "link/dtls_parts.h"

enum {
    RETRANSMIT_MS = 1000, /* RFC 6347 4.2.4.1 */
    HANDSHAKE_MS = 60000,
    LOOK_MS = 250,
    /* Record header, explicit nonce, tag or padding: 13 + 16 + 48 at most. */
    OVERHEAD = 80,
    TYPE_FIRST = 20,
    TYPE_LAST = 23,
    MAJOR = 254, /* of every DTLS version there is: FE FF, FE FD */
    NAME_MAX_LEN = 256,
};

/* ---- GnuTLS' side -------------------------------------------------------- */

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
    struct dtls *d = ptr;

    d->ops->send(d->ctx, data, len);
    return (ssize_t)len;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *buffer, size_t room)
{
    struct dtls *d = ptr;
    size_t len = d->in_len < room ? d->in_len : room;

    if (!d->in) {
        gnutls_transport_set_errno(d->session, EAGAIN);
        return -1;
    }
    memcpy(buffer, d->in, len);
    d->in = NULL;
    return (ssize_t)len;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
    const struct dtls *d = ptr;

    (void)ms;
    return d->in != NULL;
}

/* ---- state --------------------------------------------------------------- */

static void enter(struct dtls *d, enum dtls_state state)
{
    d->state = state;
    d->ops->state(d->ctx, state);
}

static void close_with(struct dtls *d, const char *error)
{
    d->error = error;
    enter(d, DTLS_CLOSED);
}

static const char *text_of(const struct dtls *d, int err)
{
    if (err == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return gnutls_alert_get_name(gnutls_alert_get(d->session));
    if (err == GNUTLS_E_TIMEDOUT)
        return "no answer to the handshake";
    return gnutls_strerror(err);
}

static void fail(struct dtls *d, int err)
{
    /* The peer is told, but for what it said itself. */
    if (err != GNUTLS_E_FATAL_ALERT_RECEIVED && err != GNUTLS_E_TIMEDOUT)
        gnutls_alert_send_appropriate(d->session, err);
    close_with(d, text_of(d, err));
}

/* ---- who the peer is ----------------------------------------------------- */

static char *copy_name(const void *data, size_t len)
{
    /* A NUL inside would make two names out of one. */
    if (len == 0 || memchr(data, 0, len))
        return NULL;
    return strndup(data, len);
}

static char *common_name(gnutls_session_t session)
{
    char name[NAME_MAX_LEN];
    size_t len = sizeof name;
    unsigned count;
    const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &count);
    gnutls_x509_crt_t cert;
    char *copy = NULL;

    if (!certs || count == 0 || gnutls_x509_crt_init(&cert) != 0)
        return NULL;
    if (gnutls_x509_crt_import(cert, &certs[0], GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
                                      name, &len) == 0)
        copy = copy_name(name, len);
    gnutls_x509_crt_deinit(cert);
    return copy;
}

static void learn_identity(struct dtls *d)
{
    gnutls_datum_t name;

    if (gnutls_auth_get_type(d->session) == GNUTLS_CRD_CERTIFICATE)
        d->identity = common_name(d->session);
    else if (d->shared->server &&
             gnutls_psk_server_get_username2(d->session, &name) == 0)
        d->identity = copy_name(name.data, name.size);
}

/* A resumed session is not verified again: its ticket is good for the name
 * that was verified and for no other. */
static bool same_host(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void keep_ticket(struct dtls *d)
{
    struct dtls_credentials *s = d->shared;
    char *host = d->host ? strdup(d->host) : NULL;
    gnutls_datum_t data;

    if (s->server || (d->host && !host) ||
        gnutls_session_get_data2(d->session, &data) != 0) {
        free(host);
        return;
    }
    gnutls_free(s->ticket.data);
    free(s->ticket_host);
    s->ticket = data;
    s->ticket_host = host;
}

/* ---- going on ------------------------------------------------------------ */

static void handshake(struct dtls *d)
{
    int err;

    do {
        err = gnutls_handshake(d->session);
    } while (err == GNUTLS_E_INTERRUPTED ||
             (err < 0 && err != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(err) &&
              d->in));
    if (err == 0) {
        gnutls_dtls_set_mtu(d->session, COAP_DATAGRAM_MAX + OVERHEAD);
        learn_identity(d);
        keep_ticket(d);
        enter(d, DTLS_OPEN);
    } else if (gnutls_error_is_fatal(err)) {
        fail(d, err);
    }
}

/* Returns false when there is nothing (more) to take. */
static bool take_record(struct dtls *d)
{
    uint8_t data[COAP_DATAGRAM_MAX + OVERHEAD];
    ssize_t len = gnutls_record_recv(d->session, data, sizeof data);

    if (len > 0) {
        d->ops->data(d->ctx, data, (size_t)len);
        return d->state == DTLS_OPEN;
    }
    if (len == GNUTLS_E_AGAIN)
        return false;
    if (len == 0) {
        d->closed_by_peer = true;
        close_with(d, NULL);
        return false;
    }
    if (len == GNUTLS_E_REHANDSHAKE) {
        gnutls_alert_send(d->session, GNUTLS_AL_WARNING,
                          GNUTLS_A_NO_RENEGOTIATION);
        return true;
    }
    if (!gnutls_error_is_fatal((int)len))
        return true;
    fail(d, (int)len);
    return false;
}

/* GnuTLS keeps the rest of a datagram whose records do not add up and takes
 * it for the head of the next, which is lost then: a stranger's datagram
 * would cost several of the peer's. So each is looked at before. */
static bool is_records(const uint8_t *data, size_t len)
{
    while (len >= DTLS_RECORD_HEADER) {
        size_t record = DTLS_RECORD_HEADER + (size_t)dfota_get_be16(data + 11);

        if (data[0] < TYPE_FIRST || data[0] > TYPE_LAST || data[1] != MAJOR ||
            record == DTLS_RECORD_HEADER || record > len)
            return false;
        data += record;
        len -= record;
    }
    return len == 0;
}

void dtls_set_retransmission(struct dtls *d, unsigned ms)
{
    gnutls_dtls_set_timeouts(d->session, ms, HANDSHAKE_MS);
}

void dtls_tick(struct dtls *d)
{
    d->ticked = true;
    if (d->state == DTLS_HANDSHAKE)
        handshake(d);
}

void dtls_receive(struct dtls *d, const uint8_t *data, size_t len)
{
    /* Every turn takes a record or the datagram itself. */
    unsigned turns = (unsigned)(len / DTLS_RECORD_HEADER) + 2;

    if (len == 0 || !is_records(data, len))
        return;
    d->in = data;
    d->in_len = len;
    d->ticked = false;
    if (d->state == DTLS_HANDSHAKE)
        handshake(d);
    while (d->state == DTLS_OPEN && turns-- > 0 && take_record(d))
        ;
    d->in = NULL;
}

int dtls_send(struct dtls *d, const uint8_t *data, size_t len)
{
    ssize_t sent;

    if (d->state != DTLS_OPEN)
        return DFOTA_E_STATE;
    if (len > COAP_DATAGRAM_MAX)
        return DFOTA_E_ARG;
    sent = gnutls_record_send(d->session, data, len);
    return sent == (ssize_t)len ? 0 : DFOTA_E_IO;
}

int dtls_timeout(const struct dtls *d)
{
    unsigned ms;

    if (d->state != DTLS_HANDSHAKE)
        return DTLS_NO_TIMEOUT;
    ms = gnutls_dtls_get_timeout(d->session);
    /* While it waits for the rest of a flight GnuTLS sends nothing again, and
     * says 0 all the time. */
    return ms == 0 && d->ticked ? LOOK_MS : (int)ms;
}

enum dtls_state dtls_state(const struct dtls *d)
{
    return d->state;
}

const char *dtls_error(const struct dtls *d)
{
    return d->error;
}

bool dtls_closed_by_peer(const struct dtls *d)
{
    return d->closed_by_peer;
}

const char *dtls_identity(const struct dtls *d)
{
    return d->identity;
}

bool dtls_resumed(const struct dtls *d)
{
    return gnutls_session_is_resumed(d->session) != 0;
}

/* ---- life ---------------------------------------------------------------- */

static void set_verification(struct dtls *d)
{
    gnutls_typed_vdata_st *wanted = d->wanted; /* kept by pointer */
    unsigned count = 0;

    if (!d->shared->verify)
        return;
    wanted[count].type = GNUTLS_DT_KEY_PURPOSE_OID;
    wanted[count].data = (void *)(d->shared->server ? GNUTLS_KP_TLS_WWW_CLIENT
                                                    : GNUTLS_KP_TLS_WWW_SERVER);
    wanted[count++].size = 0;
    if (d->host) {
        wanted[count].type = GNUTLS_DT_DNS_HOSTNAME;
        wanted[count].data = (void *)d->host;
        wanted[count++].size = 0;
    }
    gnutls_session_set_verify_cert2(d->session, wanted, count, 0);
}

static bool is_address(const char *host)
{
    return strchr(host, ':') || host[strspn(host, "0123456789.")] == '\0';
}

static int set_up_client(struct dtls *d)
{
    const struct dtls_credentials *s = d->shared;

    if (d->host && !is_address(d->host))
        gnutls_server_name_set(d->session, GNUTLS_NAME_DNS, d->host,
                               strlen(d->host));
    if (s->ticket.data && same_host(s->ticket_host, d->host))
        gnutls_session_set_data(d->session, s->ticket.data, s->ticket.size);
    return s->psk_client ? gnutls_credentials_set(d->session, GNUTLS_CRD_PSK,
                                                  s->psk_client)
                         : 0;
}

static int set_up_server(struct dtls *d)
{
    const struct dtls_credentials *s = d->shared;

    gnutls_session_ticket_enable_server(d->session, &s->ticket_key);
    if (s->x509)
        gnutls_certificate_server_set_request(
            d->session, s->verify ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
    return s->psk_server ? gnutls_credentials_set(d->session, GNUTLS_CRD_PSK,
                                                  s->psk_server)
                         : 0;
}

static int set_up(struct dtls *d)
{
    const struct dtls_credentials *s = d->shared;
    unsigned flags = GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
                     (s->server ? GNUTLS_SERVER : GNUTLS_CLIENT);

    if (gnutls_init(&d->session, flags) != 0) {
        d->session = NULL;
        return DFOTA_E_NOMEM;
    }
    gnutls_session_set_ptr(d->session, d);
    gnutls_transport_set_ptr(d->session, d);
    gnutls_transport_set_push_function(d->session, push);
    gnutls_transport_set_pull_function(d->session, pull);
    gnutls_transport_set_pull_timeout_function(d->session, pull_timeout);
    gnutls_dtls_set_timeouts(d->session, RETRANSMIT_MS, HANDSHAKE_MS);
    gnutls_dtls_set_mtu(d->session, DTLS_MTU);
    set_verification(d);
    if (gnutls_priority_set(d->session, s->priority) != 0 ||
        (s->x509 && gnutls_credentials_set(d->session, GNUTLS_CRD_CERTIFICATE,
                                           s->x509) != 0) ||
        (s->server ? set_up_server(d) : set_up_client(d)) != 0)
        return DFOTA_E_NOMEM;
    return 0;
}

static void destroy(struct dtls *d)
{
    if (d->session)
        gnutls_deinit(d->session);
    dtls_credentials_free(d->shared);
    free(d->host);
    free(d->identity);
    free(d);
}

struct dtls *dtls_create(struct dtls_credentials *c, const char *host,
                         const struct dtls_ops *ops, void *ctx)
{
    struct dtls *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->shared = c;
    c->uses++;
    d->ops = ops;
    d->ctx = ctx;
    d->host = host ? strdup(host) : NULL;
    if ((host && !d->host) || set_up(d) != 0) {
        destroy(d);
        return NULL;
    }
    return d;
}

struct dtls *dtls_connect(struct dtls_credentials *c, const char *host,
                          const struct dtls_ops *ops, void *ctx)
{
    return dtls_create(c, host, ops, ctx);
}

void dtls_free(struct dtls *d)
{
    if (!d)
        return;
    if (d->state == DTLS_OPEN)
        gnutls_bye(d->session, GNUTLS_SHUT_WR);
    destroy(d);
}
