/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CoAP and CoAPS behind link.h: one fetch over one socket.
 *
 * An open() is a try: when a request stays without answer for the wait of an
 * exchange it ends with LINK_SILENT, and the next open() goes on at the
 * block reached if the entity tag is still the same.
 */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/coap_block.h"
#include "link/coap_socket.h"
#include "link/coap_url.h"
#include "link/link.h"
#include "link/psk_file.h"
#include "os/log.h"

enum {
    LIFETIME_FACTOR = 3, /* EXCHANGE_LIFETIME is 247 s, an exchange 93 s */
    BLOCK_OPTIONS = 16,  /* bytes of Block2 and Size2 */
    STATUS_OK = 200,
    STATUS_PART = 206,
};

struct coap {
    struct link link;
    uv_loop_t *loop;
    struct fault *fault;
    uv_timer_t *timer; /* of the fetch: pauses */
    struct coap_socket *socket;
    struct dtls_credentials *credentials;
    struct coap_params params;
    uint8_t szx;
    struct coap_get get;
    uint8_t options[COAP_OPTIONS_MAX];
    size_t options_len;
    uint32_t from;
    uint8_t etag[COAP_ETAG_MAX];
    uint8_t etag_len;
    link_callback *callback;
    void *ctx;
};

static void stop(struct coap *c)
{
    if (c->socket)
        coap_get_stop(&c->get, coap_socket_now(c->socket));
    coap_socket_close(c->socket);
    c->socket = NULL;
    uv_timer_stop(c->timer);
}

static void fail(struct coap *c, enum link_error error, const char *text)
{
    struct link_event event = {
        .kind = LINK_ERROR, .error = error, .text = text};

    stop(c);
    c->callback(c->ctx, &event);
}

/* ---- events of the fetch ------------------------------------------------- */

/* Entity tags are bytes here and text in a link: as hex, in quotes. */
static void etag_to_text(const struct coap_get_event *e,
                         char text[2 * COAP_ETAG_MAX + 3])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;

    *at++ = '"';
    for (size_t i = 0; i < e->etag_len; i++) {
        *at++ = digits[e->etag[i] >> 4];
        *at++ = digits[e->etag[i] & 15];
    }
    *at++ = '"';
    *at = '\0';
}

static int give_head(struct coap *c, const struct coap_get_event *e)
{
    char etag[2 * COAP_ETAG_MAX + 3];
    struct link_event event = {.kind = LINK_HEAD,
                               .from = e->from,
                               .length = e->length,
                               .length_is_hint = true};

    event.status = COAP_CLASS(e->code) * 100 + COAP_DETAIL(e->code);
    if (e->code == COAP_CONTENT)
        event.status = e->from > 0 ? STATUS_PART : STATUS_OK;
    if (e->etag_len > 0) {
        etag_to_text(e, etag);
        event.etag = etag;
    }
    return c->callback(c->ctx, &event);
}

static void failed(struct coap *c, const struct coap_get_event *e)
{
    static const struct {
        enum link_error error;
        const char *text;
    } meanings[] = {
        [COAP_GET_SILENCE] = {LINK_SILENT, "no answer within an exchange"},
        [COAP_GET_RESET] = {LINK_LOST, "the server answers with RST"},
        [COAP_GET_ALIEN] = {LINK_ALIEN, "not what RFC 7959 says"},
        [COAP_GET_CHANGES] = {LINK_LOST, "the resource changes all the time"},
        [COAP_GET_BUSY] = {LINK_LOST, "the server is busy"},
        [COAP_GET_HUGE] = {LINK_FAILED, "more than 2^20 blocks"},
        [COAP_GET_NOMEM] = {LINK_FAILED, "out of memory"},
    };
    struct coap_get_event head = {
        .kind = COAP_GET_HEAD, .code = e->code, .length = -1};

    /* A server that never stops to say 5.03 has said its status. */
    if (e->failure == COAP_GET_BUSY && give_head(c, &head) != 0) {
        stop(c);
        return;
    }
    fail(c, meanings[e->failure].error, meanings[e->failure].text);
}

static int on_fetch(void *ctx, const struct coap_get_event *e)
{
    struct coap *c = ctx;
    struct link_event event = {.kind = LINK_DATA};
    int refused = 0;

    switch (e->kind) {
    case COAP_GET_HEAD:
        refused = give_head(c, e);
        break;
    case COAP_GET_DATA:
        event.data = e->data;
        event.len = e->len;
        refused = c->callback(c->ctx, &event);
        break;
    case COAP_GET_END:
        stop(c);
        event.kind = LINK_END;
        c->callback(c->ctx, &event);
        return 0;
    default:
        failed(c, e);
        return 0;
    }
    if (refused)
        stop(c);
    return refused;
}

/* ---- events of the socket ------------------------------------------------ */

static void on_pause_over(uv_timer_t *timer)
{
    struct coap *c = timer->data;

    coap_get_tick(&c->get, coap_socket_now(c->socket));
}

static void on_pause(void *ctx, uint64_t at)
{
    struct coap *c = ctx;
    uint64_t now = coap_socket_now(c->socket);

    uv_timer_start(c->timer, on_pause_over, at > now ? at - now : 0, 0);
}

static void on_open(void *ctx, struct coap_socket *s)
{
    struct coap *c = ctx;
    struct coap_get_request r = {.options = c->options,
                                 .options_len = c->options_len,
                                 .szx = c->szx,
                                 .from = c->from,
                                 .etag = c->etag,
                                 .etag_len = c->etag_len,
                                 .event = on_fetch,
                                 .wake = on_pause,
                                 .ctx = c};

    if (coap_get_start(&c->get, coap_socket_peer(s), coap_socket_now(s), &r))
        fail(c, LINK_FAILED, "no room for the options of the URL");
}

static void on_failed(void *ctx, struct coap_socket *s, enum link_error error,
                      const char *text)
{
    (void)s;
    fail(ctx, error, text);
}

static const struct coap_socket_ops socket_ops = {on_open, on_failed, NULL};

/* ---- opening ------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The way back of etag_to_text(); a tag that is none of ours is none. */
static void etag_from_text(struct coap *c, const char *text)
{
    c->etag_len = 0;
    if (!text || *text != '"')
        return;
    for (text++; hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0;
         text += 2) {
        if (c->etag_len == COAP_ETAG_MAX)
            break;
        c->etag[c->etag_len++] =
            (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    }
    if (strcmp(text, "\"") != 0)
        c->etag_len = 0;
}

static uint8_t szx_of(uint16_t block_size)
{
    uint8_t szx = COAP_SZX_MAX;

    while (block_size > 0 && szx > 0 && coap_block_size(szx) > block_size)
        szx--;
    return szx;
}

/* RFC 7252's times, with r->exchange_ms in the place of its 93 s. */
static void set_times(struct coap *c, const struct link_request *r)
{
    uint64_t wait = coap_params_wait_ms(&coap_params_rfc);
    uint64_t ms = coap_params_rfc.ack_timeout_ms * r->exchange_ms / wait;

    c->params = coap_params_rfc;
    c->params.ack_timeout_ms = ms > 0 ? (uint32_t)ms : 1;
    c->params.response_ms = (uint32_t)r->exchange_ms;
    c->params.lifetime_ms = (uint32_t)r->exchange_ms * LIFETIME_FACTOR;
}

static int set_credentials(struct coap *c, const struct link_request *r)
{
    struct dtls_config config = {
        .ca = r->ca, .cert = r->cert, .key_file = r->key};
    struct psk psk;
    const char *why = r->psk;
    int err = 0;

    dtls_credentials_free(c->credentials);
    c->credentials = NULL;
    if (r->psk) {
        err = psk_read(&psk, r->psk);
        config.identity = psk.identity;
        config.key = psk.key;
        config.key_len = psk.key_len;
    }
    if (!err)
        err = dtls_credentials_create(&c->credentials, &config, &why);
    if (r->psk)
        gnutls_memset(&psk, 0, sizeof psk);
    if (!err)
        return 0;
    log_warn("%s: %s", why, dfota_strerror(err));
    return DFOTA_E_ARG;
}

static int set_options(struct coap *c, const struct coap_url *u)
{
    struct coap_options o;
    int err;

    coap_options_init(&o, c->options, sizeof c->options - BLOCK_OPTIONS);
    err = coap_url_options(u, &o);
    c->options_len = o.len;
    return err;
}

static int coap_open(struct link *l, const struct link_request *r)
{
    struct coap *c = (struct coap *)l;
    struct coap_url u;
    int err = coap_url_parse(&u, r->url);

    stop(c);
    if (!err)
        err = set_options(c, &u);
    if (!err && u.secure)
        err = set_credentials(c, r);
    if (err || r->from > UINT32_MAX)
        return err ? err : DFOTA_E_ARG;
    c->callback = r->callback;
    c->ctx = r->ctx;
    c->from = (uint32_t)r->from;
    etag_from_text(c, r->etag);
    c->szx = szx_of(r->block_size);
    set_times(c, r);
    c->socket = coap_socket_open(
        c->loop,
        &(struct coap_socket_config){.host = u.host,
                                     .port = u.port,
                                     .ip_type = r->ip_type,
                                     .dtls = u.secure ? c->credentials : NULL,
                                     .params = &c->params,
                                     .handshake_ms = r->connect_ms,
                                     .fault = c->fault},
        &socket_ops, c);
    return c->socket ? 0 : DFOTA_E_NOMEM;
}

static void coap_close(struct link *l)
{
    stop((struct coap *)l);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void coap_destroy(struct link *l)
{
    struct coap *c = (struct coap *)l;

    stop(c);
    dtls_credentials_free(c->credentials);
    uv_close((uv_handle_t *)c->timer, on_timer_closed);
    free(c);
}

static const struct link_ops ops = {coap_open, coap_close, coap_destroy};

struct link *link_coap_create(uv_loop_t *loop, struct fault *fault)
{
    struct coap *c = calloc(1, sizeof *c);
    uv_timer_t *timer = malloc(sizeof *timer);

    if (!c || !timer) {
        free(c);
        free(timer);
        return NULL;
    }
    uv_timer_init(loop, timer);
    timer->data = c;
    *c = (struct coap){
        .link.ops = &ops, .loop = loop, .fault = fault, .timer = timer};
    return &c->link;
}
