/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/http.h"

#include <gnutls/abstract.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "os/log.h"
#include "server/http/conns.h"
#include "server/http/exchange.h"
#include "server/http/forwarded.h"
#include "server/http/handshakes.h"
#include "server/http/head_check.h"
#include "server/http/listen.h"
#include "server/http/reply.h"
#include "server/http/url_path.h"

enum {
    CONNECTION_MEMORY = 6 * 1024,
    /* Of a proxy that hands certificates over: those of RSA are long. */
    PROXY_MEMORY = 16 * 1024,
    /* Silence of any kind. One value for all connections: the library keeps
     * differing ones in a list that it walks at every turn. */
    SILENCE_S = 600,
    /* What the kernel may hold unsent for a slow peer. */
    NOT_SENT_MAX = 16 * 1024
};

struct http_listener {
    struct http_service service;
    struct tls *tls;
    struct forwarded forwarded; /* of plain HTTP */
    struct conns *conns;
    struct handshakes *handshakes; /* NULL: without TLS */
    struct MHD_Daemon *daemon;
    int fd; /* the listening socket, the daemon's */
};

static struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* The handshake is over for the peer; the request may come. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when,
                       unsigned incoming, const gnutls_datum_t *message)
{
    struct conn *conn = conn_of(gnutls_session_get_ptr(session));

    (void)type;
    (void)when;
    (void)message;
    if (incoming && conn) {
        conn_report(conn, CONN_HEAD);
        handshake_over(conn->handshake);
    }
    return 0;
}

/* Without credentials of ours the library's own stand, and those have no
 * certificate: the handshake fails. */
static void start_tls(struct http_listener *listener, struct conn *conn,
                      struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    if (!info)
        return;
    conn->tls = tls_attach(listener->tls, info->tls_session);
    conn->handshake = handshake_begin(listener->handshakes, connection,
                                      info->tls_session, conn->fd);
    gnutls_handshake_set_hook_function(info->tls_session,
                                       GNUTLS_HANDSHAKE_FINISHED,
                                       GNUTLS_HOOK_POST, on_finished);
}

static void start_connection(struct http_listener *listener,
                             struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const int not_sent_max = NOT_SENT_MAX;
    struct conn *conn;

    if (!info)
        return;
    setsockopt(info->connect_fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent_max,
               sizeof not_sent_max);
    conn = conns_add(listener->conns, info->connect_fd,
                     listener->tls ? CONN_HANDSHAKE : CONN_HEAD);
    *context = conn;
    if (!conn) /* no deadline could be kept, so it may not stay */
        shutdown(info->connect_fd, SHUT_RDWR);
    else if (listener->tls)
        start_tls(listener, conn, connection);
}

static void on_connection(void *ctx, struct MHD_Connection *connection,
                          void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_listener *listener = ctx;
    struct conn *conn = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        start_connection(listener, connection, context);
    } else if (conn) {
        /* The session is gone, the descriptor is still open. */
        if (listener->tls)
            tls_detach(listener->tls, conn->tls);
        handshake_end(conn->handshake);
        conns_remove(listener->conns, conn);
    }
}

static void *on_target(void *ctx, const char *target,
                       struct MHD_Connection *connection)
{
    (void)ctx;
    return exchange_create(connection, target ? target : "");
}

static enum MHD_Result add_field(void *ctx, enum MHD_ValueKind kind,
                                 const char *name, size_t name_len,
                                 const char *value, size_t value_len)
{
    (void)kind;
    head_check_add(ctx, name, name_len, value, value_len);
    return MHD_YES;
}

/* The library hands out pointers into the request line, so the version
 * stands right behind the target, unless a NUL cut the target short. */
static bool cut_by_nul(const struct exchange *exchange, const char *url,
                       const char *version)
{
    return version != url + exchange->raw_len + 1;
}

static const char *refusal(struct MHD_Connection *connection,
                           struct exchange *exchange, const char *url,
                           const char *version, enum http_method method)
{
    struct head_check check = {0};
    const char *why;

    if (cut_by_nul(exchange, url, version))
        return "a NUL in the request target";
    if (exchange->path_err == DFOTA_E_SYNTAX)
        return "a malformed request target";
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_field, &check);
    why = head_check_refusal(&check, strcmp(version, "HTTP/1.0") != 0);
    if (!why && check.body && method <= HTTP_HEAD)
        why = "content in a GET or HEAD";
    exchange->has_body = check.body;
    return why;
}

static enum http_method method_of(const char *name)
{
    static const char *const names[] = {"GET", "HEAD",  "POST",
                                        "PUT", "PATCH", "DELETE"};

    for (unsigned i = 0; i < HTTP_OTHER; i++) {
        if (strcmp(names[i], name) == 0)
            return (enum http_method)i;
    }
    return HTTP_OTHER;
}

static enum MHD_Result answer(struct http_listener *listener,
                              struct exchange *exchange)
{
    struct MHD_Connection *connection = exchange->request.connection;

    conn_report(conn_of(connection), CONN_ANSWER);
    exchange->answered = true;
    if (exchange->path_err == DFOTA_E_FULL)
        return reply_text(connection, MHD_HTTP_URI_TOO_LONG,
                          "the request target is too long", NULL, NULL);
    if (exchange->path_err)
        return reply_text(connection, MHD_HTTP_NOT_FOUND, "not found", NULL,
                          NULL);
    if (exchange_finish(exchange) == DFOTA_E_FULL)
        return reply_text(connection, MHD_HTTP_CONTENT_TOO_LARGE,
                          "the content is too large", "Connection", "close");
    return listener->service.answer(listener->service.ctx, &exchange->request);
}

/* Told before it is sent, if the head says it. */
static bool is_too_long(struct exchange *exchange,
                        const struct http_content *wanted)
{
    const char *length = http_header(&exchange->request, "Content-Length");

    exchange->too_large = length && strtoull(length, NULL, 10) > wanted->max;
    return exchange->too_large;
}

/* The head is here. An answer now makes the library close the connection,
 * which is right for what is refused and for content that nobody wants. */
static enum MHD_Result begin(struct http_listener *listener,
                             struct exchange *exchange)
{
    const struct http_service *service = &listener->service;
    struct http_content wanted = {0};

    if (exchange->request.method == HTTP_OTHER || exchange->path_err)
        return exchange->request.method <= HTTP_HEAD
                   ? MHD_YES
                   : answer(listener, exchange);
    if (service->content && exchange->has_body)
        wanted = service->content(service->ctx, &exchange->request);
    if (exchange->has_body ||
        (exchange->request.method > HTTP_HEAD && !service->content)) {
        if (wanted.max == 0 || is_too_long(exchange, &wanted) ||
            exchange_expect(exchange, &wanted) != 0)
            return answer(listener, exchange);
        conn_report(conn_of(exchange->request.connection),
                    wanted.folder ? CONN_UPLOAD : CONN_BODY);
    }
    return MHD_YES;
}

/* TLS that ends here says itself who the client is: what a balancer passes
 * through in TCP mode was written by the client. */
static unsigned come_through(const struct http_listener *listener,
                             struct exchange *exchange, const char **why)
{
    exchange->request.is_secure = listener->tls != NULL;
    return listener->tls ? 0
                         : forwarded_take(&listener->forwarded, exchange, why);
}

/* Called with the head, with every piece of content, when the request is
 * complete, and once more after http_resume(). */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
                                  const char *url, const char *name,
                                  const char *version, const char *upload,
                                  size_t *upload_len, void **context)
{
    struct exchange *exchange = *context;
    char text[120];
    const char *why;
    unsigned status;

    if (!exchange)
        return MHD_NO;
    if (exchange->answered)
        return exchange_answer_late(exchange);
    if (exchange->begun && *upload_len > 0) {
        exchange_add(exchange, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    if (exchange->begun)
        return answer(ctx, exchange);
    exchange->begun = true;
    exchange->request.method = method_of(name);
    why = refusal(connection, exchange, url, version, exchange->request.method);
    if (why)
        status = MHD_HTTP_BAD_REQUEST;
    else
        status = come_through(ctx, exchange, &why);
    if (status == 0)
        return begin(ctx, exchange);
    snprintf(text, sizeof text, "%s%s",
             status == MHD_HTTP_BAD_REQUEST ? "bad request: " : "", why);
    return reply_text(connection, status, text, "Connection", "close");
}

static void log_request(const struct exchange *exchange, unsigned status,
                        bool is_whole)
{
    char peer[PROXY_TEXT_ROOM];

    forwarded_peer(exchange->request.connection, peer);
    log_debug("%s: %u%s%s%s%s%s", exchange->request.path, status,
              is_whole ? "" : ", cut off", peer[0] ? ", from " : "", peer,
              exchange->client[0] ? " for " : "", exchange->client);
}

static void on_completed(void *ctx, struct MHD_Connection *connection,
                         void **context, enum MHD_RequestTerminationCode code)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    struct exchange *exchange = *context;
    unsigned status = info ? info->http_status : 0;

    (void)ctx;
    conn_report(conn_of(connection), CONN_IDLE);
    if (exchange && !exchange->path_err)
        log_request(exchange, status,
                    code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    exchange_destroy(exchange);
    *context = NULL;
}

__attribute__((format(printf, 2, 0))) static void
on_message(void *ctx, const char *format, va_list args)
{
    char line[256];

    (void)ctx;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\r\n")] = '\0';
    log_debug("libmicrohttpd: %s", line);
}

/* The credentials that the library insists on; never used. */
static int no_certificate(gnutls_session_t session,
                          const gnutls_datum_t *authorities, int n_authorities,
                          const gnutls_pk_algorithm_t *algorithms,
                          int n_algorithms, gnutls_pcert_st **certificates,
                          unsigned *n_certificates, gnutls_privkey_t *key)
{
    (void)session;
    (void)authorities;
    (void)n_authorities;
    (void)algorithms;
    (void)n_algorithms;
    (void)certificates;
    (void)n_certificates;
    (void)key;
    return -1;
}

void http_streams(const struct http_request *request)
{
    conn_report(conn_of(request->connection), CONN_STREAM);
}

static bool is_behind(const struct http_config *config)
{
    return !config->tls && config->proxies && config->proxies->n > 0;
}

static struct MHD_Daemon *start_daemon(struct http_listener *listener,
                                       const struct http_config *config)
{
    const struct MHD_OptionItem for_tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)no_certificate},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem for_plain[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
                     MHD_ALLOW_SUSPEND_RESUME;

    if (config->tls)
        flags |= MHD_USE_TLS;
    /* A pool of one thread is refused by the library. Its strictness towards
     * clients is left off: refusal() has both of its checks, and the library
     * sends the head of that answer twice. */
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, listener, MHD_OPTION_EXTERNAL_LOGGER,
        on_message, NULL, MHD_OPTION_LISTEN_SOCKET, listener->fd,
        MHD_OPTION_THREAD_POOL_SIZE, config->threads > 1 ? config->threads : 0,
        MHD_OPTION_CONNECTION_LIMIT, config->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)(is_behind(config) ? PROXY_MEMORY : CONNECTION_MEMORY),
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, listener, MHD_OPTION_URI_LOG_CALLBACK, on_target,
        listener, MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener,
        MHD_OPTION_ARRAY, config->tls ? for_tls : for_plain, MHD_OPTION_END);
}

int http_open(const struct http_config *config, struct http_listener **out)
{
    struct http_listener *listener = calloc(1, sizeof *listener);
    int err;

    if (!listener)
        return DFOTA_E_NOMEM;
    *listener =
        (struct http_listener){.service = config->service,
                               .tls = config->tls,
                               .forwarded = {config->proxies, config->clients},
                               .conns = conns_create(),
                               .fd = -1};
    if (config->tls)
        listener->handshakes = handshakes_create();
    err = listener->conns && (listener->handshakes || !config->tls)
              ? listen_open(config->address, &listener->fd)
              : DFOTA_E_NOMEM;
    if (!err) {
        listener->daemon = start_daemon(listener, config);
        if (!listener->daemon) {
            log_error("%s: the HTTP library cannot start", config->address);
            listen_close(listener->fd);
            err = DFOTA_E_NOMEM;
        }
    }
    if (err)
        http_close(listener);
    else
        *out = listener;
    return err;
}

void http_name(const struct http_listener *listener, char *name, size_t room)
{
    listen_name(listener->fd, name, room);
}

void http_sweep(struct http_listener *listener, int64_t now_ms)
{
    conns_sweep(listener->conns, now_ms);
}

void http_close(struct http_listener *listener)
{
    if (!listener)
        return;
    handshakes_stop(listener->handshakes);
    if (listener->daemon)
        MHD_stop_daemon(listener->daemon);
    handshakes_destroy(listener->handshakes);
    conns_destroy(listener->conns);
    free(listener);
}
