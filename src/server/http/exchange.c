/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"
#include "server/http/reply.h"
#include "server/http/url_path.h"

struct exchange *exchange_create(struct MHD_Connection *connection,
                                 const char *target)
{
    size_t len = strlen(target);
    struct exchange *exchange = calloc(1, sizeof *exchange + len + 1);

    if (!exchange)
        return NULL;
    exchange->raw_len = len;
    exchange->path_err = url_path_decode(target, exchange->path, len + 1);
    buffer_init(&exchange->body, 1);
    exchange->request =
        (struct http_request){.connection = connection,
                              .path = exchange->path,
                              .body = "",
                              .body_fd = -1,
                              .later = (struct http_later *)exchange};
    return exchange;
}

void exchange_destroy(struct exchange *exchange)
{
    if (!exchange)
        return;
    buffer_release(&exchange->body);
    free(exchange->certificate.data);
    if (exchange->request.body_fd >= 0)
        close(exchange->request.body_fd);
    if (exchange->late)
        MHD_destroy_response(exchange->late);
    free(exchange);
}

int exchange_expect(struct exchange *exchange,
                    const struct http_content *wanted)
{
    exchange->wanted = *wanted;
    if (!wanted->folder) {
        buffer_init(&exchange->body, wanted->max);
        return 0;
    }
    exchange->request.body_fd =
        open(wanted->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (exchange->request.body_fd >= 0)
        return 0;
    log_error("%s: %s: no upload can be taken", wanted->folder,
              strerror(errno));
    exchange->broken = true;
    return DFOTA_E_IO;
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

void exchange_add(struct exchange *exchange, const char *data, size_t len)
{
    if (exchange->too_large || exchange->broken)
        return;
    exchange->taken += len;
    if (exchange->taken > exchange->wanted.max)
        exchange->too_large = true;
    else if (exchange->request.body_fd >= 0)
        exchange->broken = !write_all(exchange->request.body_fd, data, len);
    else
        exchange->broken = buffer_add(&exchange->body, data, len) != 0;
}

int exchange_finish(struct exchange *exchange)
{
    if (exchange->too_large || exchange->broken)
        return DFOTA_E_FULL;
    exchange->request.body = exchange->body.data;
    exchange->request.body_len = exchange->taken;
    return 0;
}

enum MHD_Result exchange_answer_late(struct exchange *exchange)
{
    struct MHD_Response *response = exchange->late;

    exchange->late = NULL;
    return reply_queue(exchange->request.connection, exchange->late_status,
                       response);
}

struct http_later *http_suspend(const struct http_request *request)
{
    MHD_suspend_connection(request->connection);
    return request->later;
}

void http_resume(struct http_later *later, unsigned status,
                 struct MHD_Response *response)
{
    struct exchange *exchange = (struct exchange *)later;

    exchange->late = response;
    exchange->late_status = status;
    MHD_resume_connection(exchange->request.connection);
}

void http_again(struct http_later *later, int err)
{
    struct exchange *exchange = (struct exchange *)later;

    exchange->request.again = true;
    exchange->request.err = err;
    exchange->answered = false;
    MHD_resume_connection(exchange->request.connection);
}

int http_peer_is(const struct http_request *request, const char *name)
{
    const struct exchange *exchange = (const struct exchange *)request->later;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    if (exchange->certificate.data)
        return tls_names(&exchange->certificate, name);
    return info ? tls_peer_is(info->tls_session, name) : DFOTA_E_NOTFOUND;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                       name);
}

const char *http_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection,
                                       MHD_GET_ARGUMENT_KIND, name);
}
