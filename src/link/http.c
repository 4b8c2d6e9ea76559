/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 and HTTPS on libcurl's multi interface, driven by libuv.
 *
 * The length is counted here and not by libcurl (IGNORE_CONTENT_LENGTH):
 * libcurl stops reading at the announced length, and a server that sends
 * more than it announced would pass for an honest one. "Connection: close"
 * makes an honest server end by closing; one that stays open is given a
 * short grace after the last announced byte.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/fault.h"
#include "link/http_error.h"
#include "link/http_head.h"
#include "link/link.h"

enum { GRACE_MS = 30 };

struct http {
    struct link link;
    uv_loop_t *loop;
    struct fault *fault;
    CURLM *multi;
    CURL *easy; /* NULL: nothing under way */
    struct curl_slist *headers;
    uv_timer_t *timer, *watch;
    link_callback *callback;
    void *ctx;
    uint64_t silence_ms, connect_ms;
    uint64_t moved_ms; /* when the newest byte came */
    bool connected, head_given, refused;
    /* Of the response. */
    struct http_head head;
    uint64_t asked_from, got;
    char error[CURL_ERROR_SIZE];
};

struct watched {
    uv_poll_t poll;
    struct http *http;
    curl_socket_t socket;
};

static void stop(struct http *h)
{
    if (h->easy) {
        curl_multi_remove_handle(h->multi, h->easy);
        curl_easy_cleanup(h->easy);
        h->easy = NULL;
    }
    curl_slist_free_all(h->headers);
    h->headers = NULL;
    uv_timer_stop(h->watch);
}

static void fail(struct http *h, enum link_error error, const char *text)
{
    struct link_event event = {
        .kind = LINK_ERROR, .error = error, .text = text};
    link_callback *callback = h->callback;

    stop(h);
    if (!h->refused)
        callback(h->ctx, &event);
}

static void end(struct http *h)
{
    struct link_event event = {.kind = LINK_END};

    stop(h);
    h->callback(h->ctx, &event);
}

static int give_head(struct http *h)
{
    long status = 0;
    struct link_event event = {.kind = LINK_HEAD};

    h->head_given = true;
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    event.status = (int)status;
    event.from = status == 206 ? h->head.range_from : 0;
    event.length = status == 206 ? h->head.total : h->head.content_len;
    event.etag = h->head.has_etag ? h->head.etag : NULL;
    event.digest = h->head.has_digest ? h->head.digest : NULL;
    h->refused = h->callback(h->ctx, &event) != 0;
    return h->refused ? DFOTA_E_CANCELLED : 0;
}

/* Told here and not with the first data: a body may be empty. */
static int headers_end(struct http *h)
{
    long status = 0;

    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    return status < 200 || h->head_given ? 0 : give_head(h);
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    struct http *h = ctx;
    size_t len = size * count;
    char line[1024];

    h->moved_ms = uv_now(h->loop);
    if (len >= sizeof line)
        return len;
    memcpy(line, data, len);
    while (len > 0 && strchr("\r\n \t", data[len - 1]))
        len--;
    line[len] = '\0';
    if (len == 0)
        return headers_end(h) == 0 ? size * count : 0;
    http_head_take(&h->head, line, h->asked_from > 0);
    return size * count;
}

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
    struct http *h = ctx;
    size_t len = size * count;
    struct link_event event = {
        .kind = LINK_DATA, .data = (uint8_t *)data, .len = len};

    h->moved_ms = uv_now(h->loop);
    h->got += len;
    h->refused = h->callback(h->ctx, &event) != 0;
    return h->refused ? 0 : len;
}

/* In TLS 1.3 a server refuses the client's certificate when the handshake is
 * over for the client; libcurl then tells of a receive error, and only its
 * text has GNUTLS_E_FATAL_ALERT_RECEIVED in it. */
static bool was_alerted(const struct http *h)
{
    return !h->head_given && strstr(h->error, "(-12)") != NULL;
}

/* All that was announced has come: how the connection ends is then no
 * matter (many servers close TLS without saying so). */
static bool is_whole(const struct http *h)
{
    return h->head_given && h->head.content_len >= 0 &&
           h->got >= (uint64_t)h->head.content_len;
}

static void finished(struct http *h, CURLcode code)
{
    enum link_error error;

    if (h->refused) {
        stop(h);
        return;
    }
    if (is_whole(h) ||
        (code == CURLE_OK && h->head_given && h->head.content_len < 0)) {
        end(h);
        return;
    }
    error = code == CURLE_OK ? LINK_LOST
                             : http_error(code, h->connected, was_alerted(h));
    fail(h, error, h->error[0] ? h->error : curl_easy_strerror(code));
}

static void look_for_end(struct http *h)
{
    CURLMsg *message;
    int left;

    while (h->easy && (message = curl_multi_info_read(h->multi, &left))) {
        if (message->msg == CURLMSG_DONE)
            finished(h, message->data.result);
    }
}

static bool stands(struct http *h)
{
    curl_off_t us = 0;
    long status = 0;

    /* PRETRANSFER is set once the request can be sent: behind TLS. */
    curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &us);
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    return us > 0 || status > 0;
}

static void on_watch(uv_timer_t *timer)
{
    struct http *h = timer->data;
    uint64_t still = uv_now(h->loop) - h->moved_ms;

    if (!h->connected && stands(h)) {
        h->connected = true;
        h->moved_ms = uv_now(h->loop);
    } else if (is_whole(h) && still >= GRACE_MS) {
        end(h);
    } else if (!h->connected && still >= h->connect_ms) {
        fail(h, LINK_CONNECT, "no connection within the time-out");
    } else if (h->connected && still >= h->silence_ms) {
        fail(h, LINK_SILENT, "no data within the time-out");
    }
}

static void on_socket_event(uv_poll_t *poll, int status, int events)
{
    struct watched *w = poll->data;
    struct http *h = w->http;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;

    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(h->multi, w->socket, flags, &running);
    look_for_end(h);
}

static void on_timer(uv_timer_t *timer)
{
    struct http *h = timer->data;
    int running;

    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    look_for_end(h);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void free_watched(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watched *watch_socket(struct http *h, curl_socket_t s)
{
    struct watched *w = calloc(1, sizeof *w);

    if (!w || uv_poll_init_socket(h->loop, &w->poll, s) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    w->http = h;
    w->socket = s;
    curl_multi_assign(h->multi, s, w);
    return w;
}

static int want_socket(CURL *easy, curl_socket_t s, int what, void *ctx,
                       void *known)
{
    struct http *h = ctx;
    struct watched *w = known;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, free_watched);
            curl_multi_assign(h->multi, s, NULL);
        }
        return 0;
    }
    if (!w)
        w = watch_socket(h, s);
    if (!w)
        return -1;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    uv_poll_start(&w->poll, events, on_socket_event);
    return 0;
}

static int want_timer(CURLM *multi, long ms, void *ctx)
{
    struct http *h = ctx;

    (void)multi;
    if (ms < 0)
        uv_timer_stop(h->timer);
    else
        uv_timer_start(h->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

static void set_tls(CURL *e, const struct link_request *r)
{
    curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, r->ca ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, r->ca ? 2L : 0L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (r->ca)
        curl_easy_setopt(e, CURLOPT_CAINFO, r->ca);
    if (r->cert && r->key) {
        curl_easy_setopt(e, CURLOPT_SSLCERT, r->cert);
        curl_easy_setopt(e, CURLOPT_SSLKEY, r->key);
    }
}

static void add_header(struct http *h, const char *line)
{
    struct curl_slist *more = curl_slist_append(h->headers, line);

    if (more)
        h->headers = more;
}

static void set_range(struct http *h, CURL *e, const struct link_request *r)
{
    char text[LINK_ETAG_MAX + 16];

    if (r->from == 0)
        return;
    snprintf(text, sizeof text, "%llu-", (unsigned long long)r->from);
    curl_easy_setopt(e, CURLOPT_RANGE, text);
    if (r->etag) {
        snprintf(text, sizeof text, "If-Range: %s", r->etag);
        add_header(h, text);
    }
}

/* What calls of an API have and downloads have not. */
static void set_call(struct http *h, CURL *e, const struct link_request *r)
{
    if (r->bearer) {
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(e, CURLOPT_XOAUTH2_BEARER, r->bearer);
    }
    if (r->json) {
        curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, r->json);
        add_header(h, "Content-Type: application/json");
        add_header(h, "Expect:");
    }
}

/* Over a bad network the connection is one to a pump (fault.h). */
static curl_socket_t open_bad_socket(void *ctx, curlsocktype purpose,
                                     struct curl_sockaddr *to)
{
    struct http *h = ctx;
    struct sockaddr_in here;

    (void)purpose;
    if (fault_stream_open(h->loop, h->fault, &to->addr, to->addrlen, &here))
        return CURL_SOCKET_BAD;
    to->family = AF_INET;
    to->addrlen = sizeof here;
    memcpy(&to->addr, &here, sizeof here);
    return socket(AF_INET, to->socktype, to->protocol);
}

static void set_fault(struct http *h, CURL *e)
{
    if (fault_is_none(h->fault))
        return;
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_bad_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, h);
}

static void set_options(struct http *h, CURL *e, const struct link_request *r)
{
    static const long families[] = {CURL_IPRESOLVE_V4, CURL_IPRESOLVE_V6,
                                    CURL_IPRESOLVE_WHATEVER};

    curl_easy_setopt(e, CURLOPT_URL, r->url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_IGNORE_CONTENT_LENGTH, 1L);
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e, CURLOPT_IPRESOLVE, families[r->ip_type % 3]);
    curl_easy_setopt(e, CURLOPT_USERAGENT,
                     "dfota-module/" DFOTA_PROGRAM_VERSION);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 24 * 3600000L);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error);
    set_tls(e, r);
    set_fault(h, e);
    add_header(h, "Connection: close");
    set_range(h, e, r);
    set_call(h, e, r);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
}

static int http_open(struct link *l, const struct link_request *r)
{
    struct http *h = (struct http *)l;

    stop(h);
    h->easy = curl_easy_init();
    if (!h->easy)
        return DFOTA_E_NOMEM;
    h->callback = r->callback;
    h->ctx = r->ctx;
    h->connect_ms = r->connect_ms;
    h->silence_ms = r->silence_ms;
    h->asked_from = r->from;
    h->got = 0;
    h->connected = h->head_given = h->refused = false;
    h->error[0] = '\0';
    http_head_reset(&h->head);
    set_options(h, h->easy, r);
    uv_update_time(h->loop);
    h->moved_ms = uv_now(h->loop);
    uv_timer_start(h->watch, on_watch, GRACE_MS / 2, GRACE_MS / 2);
    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK) {
        stop(h);
        return DFOTA_E_ARG;
    }
    return 0;
}

static void http_close(struct link *l)
{
    stop((struct http *)l);
}

static void http_destroy(struct link *l)
{
    struct http *h = (struct http *)l;

    stop(h);
    if (h->multi)
        curl_multi_cleanup(h->multi);
    if (h->timer)
        uv_close((uv_handle_t *)h->timer, free_handle);
    if (h->watch)
        uv_close((uv_handle_t *)h->watch, free_handle);
    free(h);
}

static const struct link_ops ops = {http_open, http_close, http_destroy};

static uv_timer_t *make_timer(struct http *h)
{
    uv_timer_t *timer = malloc(sizeof *timer);

    if (timer) {
        uv_timer_init(h->loop, timer);
        timer->data = h;
    }
    return timer;
}

struct link *link_http_create(uv_loop_t *loop, struct fault *fault)
{
    struct http *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->link.ops = &ops;
    h->loop = loop;
    h->fault = fault;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    h->multi = curl_multi_init();
    h->timer = make_timer(h);
    h->watch = make_timer(h);
    if (!h->multi || !h->timer || !h->watch) {
        http_destroy(&h->link);
        return NULL;
    }
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    return &h->link;
}
