/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name -> address -> UDP socket -> (fault) -> (DTLS) -> peer.
 *
 * Closing is in two turns of the loop: it is legal in every callback, and
 * neither the peer nor the DTLS session may be freed inside one of theirs.
 */
#include "link/coap_socket.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { READ_MAX = 4096, RETRANSMIT_MAX_MS = 1000 };

struct resolve {
    uv_getaddrinfo_t request;
    struct coap_socket *s; /* NULL: closed meanwhile */
};

struct coap_socket {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_udp_t *udp; /* on the heap: another address, another socket */
    struct fault_line *line;
    struct resolve *resolve;
    struct addrinfo *addresses, *next;
    struct coap_peer_ops peer_ops;
    struct coap_peer peer;
    struct dtls_credentials *credentials;
    struct dtls *dtls;
    char *host;
    uint16_t port;
    const struct coap_socket_ops *ops;
    void *ctx;
    uint64_t deadline;      /* of the way to open, COAP_NEVER behind it */
    unsigned retransmit_ms; /* of the DTLS handshake, at first */
    bool opened, told, over, closing, heard, refused;
    uint8_t buffer[READ_MAX];
};

static void go_on(struct coap_socket *s);
static void refuse(struct coap_socket *s);
static void take_datagram(void *ctx, enum fault_way way, const uint8_t *data,
                          size_t len);
static void cut(void *ctx);

static const struct fault_line_ops line_ops = {take_datagram, cut};

static void fail(struct coap_socket *s, enum link_error error, const char *text)
{
    if (s->over || s->closing)
        return;
    s->over = true;
    uv_timer_stop(&s->timer);
    s->ops->failed(s->ctx, s, error, text);
}

/* ---- time ---------------------------------------------------------------- */

static void on_time(uv_timer_t *timer)
{
    struct coap_socket *s = timer->data;
    uint64_t now = uv_now(s->loop);

    if (s->refused) {
        s->refused = false;
        refuse(s);
    } else if (now >= s->deadline) {
        fail(s, s->dtls && s->heard ? LINK_TLS : LINK_CONNECT,
             s->dtls && s->heard ? "the DTLS handshake did not end"
                                 : "no answer within the time-out");
    } else {
        if (s->dtls)
            dtls_tick(s->dtls);
        if (!s->closing && s->opened && coap_peer_wake(&s->peer) <= now)
            coap_peer_tick(&s->peer, now);
    }
    go_on(s);
}

static uint64_t next_wake(const struct coap_socket *s)
{
    uint64_t wake = s->deadline, now = uv_now(s->loop);
    int dtls = s->dtls ? dtls_timeout(s->dtls) : DTLS_NO_TIMEOUT;

    if (s->refused)
        return now;
    if (s->opened && coap_peer_wake(&s->peer) < wake)
        wake = coap_peer_wake(&s->peer);
    if (dtls != DTLS_NO_TIMEOUT && now + (uint64_t)dtls < wake)
        wake = now + (uint64_t)dtls;
    return wake;
}

static void go_on(struct coap_socket *s)
{
    uint64_t wake, now = uv_now(s->loop);

    if (s->over || s->closing)
        return;
    wake = next_wake(s);
    if (wake == COAP_NEVER)
        uv_timer_stop(&s->timer);
    else
        uv_timer_start(&s->timer, on_time, wake > now ? wake - now : 0, 0);
}

static void on_peer_wake(void *ctx, uint64_t at)
{
    (void)at;
    go_on(ctx);
}

/* ---- out ----------------------------------------------------------------- */

static void to_network(struct coap_socket *s, const uint8_t *data, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
    int sent;

    if (!s->udp)
        return;
    sent = uv_udp_try_send(s->udp, &buf, 1, NULL);
    /* Said from the loop: nobody expects it inside a request. */
    if (sent == UV_ECONNREFUSED && !s->heard) {
        s->refused = true;
        go_on(s);
    }
}

static void send_datagram(void *ctx, const uint8_t *data, size_t len)
{
    struct coap_socket *s = ctx;

    fault_line_send(s->line, FAULT_OUT, data, len);
}

static void send_message(void *ctx, const uint8_t *data, size_t len)
{
    struct coap_socket *s = ctx;

    if (!s->credentials)
        send_datagram(s, data, len);
    else if (s->dtls)
        (void)dtls_send(s->dtls, data, len);
}

/* ---- in ------------------------------------------------------------------ */

static void take_message(void *ctx, const uint8_t *data, size_t len)
{
    struct coap_socket *s = ctx;

    if (!s->closing && !s->over)
        coap_peer_receive(&s->peer, uv_now(s->loop), data, len);
}

static void take_datagram(void *ctx, enum fault_way way, const uint8_t *data,
                          size_t len)
{
    struct coap_socket *s = ctx;

    if (s->closing)
        return;
    if (way == FAULT_OUT) {
        to_network(s, data, len);
        return;
    }
    s->heard = true;
    if (s->dtls)
        dtls_receive(s->dtls, data, len);
    else
        take_message(s, data, len);
    go_on(s);
}

static void take_request(void *ctx, const struct coap_ticket *ticket,
                         const struct coap_msg *m)
{
    struct coap_socket *s = ctx;

    s->ops->request(s->ctx, s, ticket, m);
}

static void alloc_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct coap_socket *s = handle->data;

    (void)wanted;
    *buf = uv_buf_init((char *)s->buffer, sizeof s->buffer);
}

static void on_datagram(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
    struct coap_socket *s = udp->data;

    if (s->closing || udp != s->udp)
        return;
    if (len == UV_ECONNREFUSED)
        refuse(s);
    else if (len > 0 && from && !(flags & UV_UDP_PARTIAL))
        fault_line_send(s->line, FAULT_IN, (const uint8_t *)buf->base,
                        (size_t)len);
}

/* ---- DTLS ---------------------------------------------------------------- */

static void open_now(struct coap_socket *s)
{
    s->opened = true;
    s->deadline = COAP_NEVER;
    if (!s->told && s->ops->open) {
        s->told = true; /* and not again for another address */
        s->ops->open(s->ctx, s);
    }
}

static void on_dtls_state(void *ctx, enum dtls_state state)
{
    struct coap_socket *s = ctx;

    if (s->closing || s->over)
        return;
    if (state == DTLS_OPEN)
        open_now(s);
    else if (s->opened)
        fail(s, LINK_LOST, "the DTLS session was closed");
    else if (state == DTLS_CLOSED)
        fail(s, LINK_TLS,
             dtls_error(s->dtls) ? dtls_error(s->dtls) : "DTLS was refused");
}

static const struct dtls_ops dtls_ops = {send_datagram, take_message,
                                         on_dtls_state};

/* ---- the way to open ----------------------------------------------------- */

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void drop_udp(struct coap_socket *s)
{
    if (s->udp)
        uv_close((uv_handle_t *)s->udp, free_handle);
    s->udp = NULL;
}

static int make_udp(struct coap_socket *s, const struct sockaddr *addr)
{
    uv_udp_t *udp = malloc(sizeof *udp);

    if (!udp || uv_udp_init(s->loop, udp) != 0) {
        free(udp);
        return DFOTA_E_NOMEM;
    }
    udp->data = s;
    s->udp = udp;
    if (uv_udp_connect(udp, addr) != 0 ||
        uv_udp_recv_start(udp, alloc_buffer, on_datagram) != 0) {
        drop_udp(s);
        return DFOTA_E_CONNECT;
    }
    return 0;
}

static void try_next_address(struct coap_socket *s)
{
    int err = DFOTA_E_CONNECT;

    drop_udp(s);
    while (err && s->next) {
        err = make_udp(s, s->next->ai_addr);
        s->next = s->next->ai_next;
    }
    if (err) {
        fail(s, LINK_CONNECT, "refused, or no way there");
        return;
    }
    if (!s->credentials) {
        open_now(s);
        return;
    }
    dtls_free(s->dtls);
    s->dtls = dtls_connect(s->credentials, s->host, &dtls_ops, s);
    if (!s->dtls) {
        fail(s, LINK_FAILED, "out of memory");
        return;
    }
    dtls_set_retransmission(s->dtls, s->retransmit_ms);
    dtls_tick(s->dtls);
}

/* Nobody is there. Before the first word another address may do; behind it
 * a server that starts again looks the same, and silence will tell. */
static void refuse(struct coap_socket *s)
{
    if (s->heard)
        return;
    if (s->next) {
        s->opened = false;
        try_next_address(s);
    } else {
        fail(s, LINK_CONNECT, "refused");
    }
    go_on(s);
}

static void cut(void *ctx)
{
    fail(ctx, LINK_LOST, "the connection was cut");
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
                        struct addrinfo *found)
{
    struct resolve *r = (struct resolve *)request;
    struct coap_socket *s = r->s;

    free(r);
    if (!s) {
        uv_freeaddrinfo(found);
        return;
    }
    s->resolve = NULL;
    s->addresses = s->next = found;
    if (status != 0)
        fail(s, LINK_CONNECT, uv_strerror(status));
    else
        try_next_address(s);
    go_on(s);
}

static int resolve(struct coap_socket *s, uint8_t ip_type)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNSPEC};
    struct addrinfo hints = {.ai_family = families[ip_type % 3],
                             .ai_socktype = SOCK_DGRAM};
    struct resolve *r = calloc(1, sizeof *r);
    char port[8];

    if (!r)
        return DFOTA_E_NOMEM;
    snprintf(port, sizeof port, "%u", s->port);
    r->s = s;
    if (uv_getaddrinfo(s->loop, &r->request, on_resolved, s->host, port,
                       &hints) != 0) {
        free(r);
        return DFOTA_E_NOMEM;
    }
    s->resolve = r;
    return 0;
}

/* ---- life ---------------------------------------------------------------- */

static void free_all(struct coap_socket *s)
{
    coap_peer_release(&s->peer);
    dtls_free(s->dtls); /* says close_notify: the socket is still there */
    fault_line_destroy(s->line);
    drop_udp(s);
    if (s->addresses)
        uv_freeaddrinfo(s->addresses);
    dtls_credentials_free(s->credentials);
    free(s->host);
    free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free_all(handle->data);
}

struct coap_socket *coap_socket_open(uv_loop_t *loop,
                                     const struct coap_socket_config *c,
                                     const struct coap_socket_ops *ops,
                                     void *ctx)
{
    struct coap_socket *s = calloc(1, sizeof *s);
    uint64_t seed;

    if (!s || gnutls_rnd(GNUTLS_RND_NONCE, &seed, sizeof seed) != 0) {
        free(s);
        return NULL;
    }
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    s->loop = loop;
    s->ops = ops;
    s->ctx = ctx;
    s->port = c->port;
    s->peer_ops =
        (struct coap_peer_ops){.send = send_message,
                               .request = ops->request ? take_request : NULL,
                               .wake = on_peer_wake};
    coap_peer_init(&s->peer, &s->peer_ops, s, c->params, seed);
    s->credentials = c->dtls;
    if (c->dtls)
        dtls_credentials_hold(c->dtls);
    uv_update_time(loop);
    s->deadline = uv_now(loop) + c->handshake_ms;
    /* Three losses fit into the time there is. */
    s->retransmit_ms = c->handshake_ms / 8 < RETRANSMIT_MAX_MS
                           ? (unsigned)(c->handshake_ms / 8) + 1
                           : RETRANSMIT_MAX_MS;
    s->host = strdup(c->host);
    s->line = fault_line_create(loop, c->fault, &line_ops, s);
    if (!s->host || !s->line || resolve(s, c->ip_type) != 0) {
        coap_socket_close(s);
        return NULL;
    }
    go_on(s);
    return s;
}

void coap_socket_close(struct coap_socket *s)
{
    if (!s || s->closing)
        return;
    s->closing = true;
    if (s->resolve) {
        s->resolve->s = NULL;
        uv_cancel((uv_req_t *)&s->resolve->request);
        s->resolve = NULL;
    }
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

struct coap_peer *coap_socket_peer(struct coap_socket *s)
{
    return &s->peer;
}

uint64_t coap_socket_now(const struct coap_socket *s)
{
    return uv_now(s->loop);
}

bool coap_socket_heard(const struct coap_socket *s)
{
    return s->heard;
}

struct dtls *coap_socket_dtls(struct coap_socket *s)
{
    return s->dtls;
}
