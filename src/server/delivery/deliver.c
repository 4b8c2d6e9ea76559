/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/deliver.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "server/delivery/etag.h"
#include "server/delivery/folder.h"
#include "server/delivery/range.h"
#include "server/http/reply.h"

/* Read and sent at once from a file: one record of TLS. */
enum { FILE_PIECE = 16 * 1024 };

/* The header fields that matter here, NULL if not there. */
struct wishes {
    const char *range, *if_range, *if_match, *if_none_match;
    unsigned ranges;
};

/* A file that is about to be sent. Sending it uses up both. */
struct source {
    int fd;
    const struct blob *blob;
    char etag[ETAG_ROOM];
};

static enum MHD_Result take_wish(void *ctx, enum MHD_ValueKind kind,
                                 const char *name, const char *value)
{
    struct wishes *wishes = ctx;

    (void)kind;
    if (strcasecmp(name, "Range") == 0) {
        wishes->range = value;
        wishes->ranges++;
    } else if (strcasecmp(name, "If-Range") == 0) {
        wishes->if_range = value;
    } else if (strcasecmp(name, "If-Match") == 0) {
        wishes->if_match = value;
    } else if (strcasecmp(name, "If-None-Match") == 0) {
        wishes->if_none_match = value;
    }
    return MHD_YES;
}

/* Two Range fields are a list of several ranges: the whole is the answer. */
static enum range_verdict wanted_range(const struct http_request *request,
                                       const struct wishes *wishes,
                                       const struct source *source,
                                       struct range *range)
{
    if (request->method != HTTP_GET || wishes->ranges != 1 ||
        !etag_if_range(wishes->if_range, source->etag))
        return RANGE_WHOLE;
    return range_parse(wishes->range, source->blob->size, range);
}

static void let_go(struct source *source)
{
    if (source->blob)
        blobs_release(source->blob);
    if (source->fd >= 0)
        close(source->fd);
    *source = (struct source){.fd = -1};
}

static void release_blob(void *blob)
{
    blobs_release(blob);
}

/* The part of a file that an answer still has to send. */
struct file_part {
    int fd;
    uint64_t first;
};

static ssize_t read_file(void *ctx, uint64_t pos, char *out, size_t max)
{
    const struct file_part *part = ctx;
    ssize_t got;

    do
        got = pread(part->fd, out, max, (off_t)(part->first + pos));
    while (got < 0 && errno == EINTR);
    /* The file became shorter: the promised length cannot be kept. */
    return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void release_file(void *ctx)
{
    struct file_part *part = ctx;

    close(part->fd);
    free(part);
}

/* Not by the library's own file response: over TLS that goes in pieces of
 * 4 KB, and it waits for ever on a file that became shorter. */
static struct MHD_Response *file_response(struct source *source,
                                          const struct range *range)
{
    struct file_part *part = malloc(sizeof *part);
    struct MHD_Response *response;

    if (!part)
        return NULL;
    *part = (struct file_part){source->fd, range->first};
    response = MHD_create_response_from_callback(range->len, FILE_PIECE,
                                                 read_file, part, release_file);
    if (response)
        source->fd = -1;
    else
        free(part);
    return response;
}

static struct MHD_Response *memory_response(struct source *source,
                                            const struct range *range)
{
    const struct blob *blob = source->blob;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(
            (size_t)range->len, (void *)(uintptr_t)(blob->data + range->first),
            release_blob, (void *)(uintptr_t)blob);

    if (response)
        source->blob = NULL;
    return response;
}

/* What is in memory keeps the blob until it is sent, the rest keeps the
 * descriptor. */
static struct MHD_Response *make_response(struct source *source,
                                          const struct range *range)
{
    if (range->len == 0)
        return MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    return source->blob->data ? memory_response(source, range)
                              : file_response(source, range);
}

static enum MHD_Result send_content(const struct http_request *request,
                                    struct source *source,
                                    const struct range *range, unsigned status)
{
    uint64_t size = source->blob->size;
    struct MHD_Response *response = make_response(source, range);
    char field[80];

    if (response) {
        MHD_add_response_header(response, "ETag", source->etag);
        MHD_add_response_header(response, "Accept-Ranges", "bytes");
        MHD_add_response_header(response, "Content-Type",
                                "application/octet-stream");
        if (status == MHD_HTTP_PARTIAL_CONTENT) {
            snprintf(field, sizeof field,
                     "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
                     range->first + range->len - 1, size);
            MHD_add_response_header(response, "Content-Range", field);
        }
    }
    let_go(source);
    return reply_queue(request->connection, status, response);
}

static enum MHD_Result send_not_modified(const struct http_request *request,
                                         struct source *source)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);

    if (response)
        MHD_add_response_header(response, "ETag", source->etag);
    let_go(source);
    return reply_queue(request->connection, MHD_HTTP_NOT_MODIFIED, response);
}

static enum MHD_Result send_unsatisfiable(const struct http_request *request,
                                          struct source *source)
{
    char field[40];

    snprintf(field, sizeof field, "bytes */%" PRIu64, source->blob->size);
    let_go(source);
    return reply_text(request->connection, MHD_HTTP_RANGE_NOT_SATISFIABLE,
                      "the range lies behind the end", "Content-Range", field);
}

static enum MHD_Result send_file(const struct http_request *request,
                                 struct source *source)
{
    struct range range = {0, source->blob->size};
    struct wishes wishes = {0};

    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, take_wish,
                              &wishes);
    if (wishes.if_match &&
        !etag_in_list(wishes.if_match, source->etag, false)) {
        let_go(source);
        return reply_text(request->connection, MHD_HTTP_PRECONDITION_FAILED,
                          "the content is another one now", NULL, NULL);
    }
    if (etag_in_list(wishes.if_none_match, source->etag, true))
        return send_not_modified(request, source);
    switch (wanted_range(request, &wishes, source, &range)) {
    case RANGE_PART:
        return send_content(request, source, &range, MHD_HTTP_PARTIAL_CONTENT);
    case RANGE_UNSATISFIABLE:
        return send_unsatisfiable(request, source);
    case RANGE_WHOLE:
        break;
    }
    return send_content(request, source, &range, MHD_HTTP_OK);
}

static enum MHD_Result send_later(const struct http_request *request)
{
    return reply_text(request->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "the file cannot be read now", "Retry-After", "2");
}

/* ---- what is not in the folder ---- */

struct wait {
    struct errand errand;
    struct http_later *later;
};

static void end_wait(struct errand *errand, int err)
{
    struct wait *wait = (struct wait *)errand;

    http_again(wait->later, err);
    free(wait);
}

static enum MHD_Result send_without(const struct http_request *request, int err)
{
    return err == DFOTA_E_NOTFOUND
               ? reply_text(request->connection, MHD_HTTP_NOT_FOUND,
                            "not found", NULL, NULL)
               : send_later(request);
}

/* The address was found right by now, so nobody makes the database busy with
 * names that he made up. */
static enum MHD_Result bring(const struct deliver *deliver,
                             const struct http_request *request, int err)
{
    struct wait *wait;

    if (request->again)
        return send_without(request,
                            request->err ? request->err : DFOTA_E_BUSY);
    if (!vault_shares(deliver->vault) || strncmp(request->path, "id/", 3) != 0)
        return send_without(request, err);
    wait = calloc(1, sizeof *wait);
    if (!wait)
        return send_later(request);
    snprintf(wait->errand.name, sizeof wait->errand.name, "%s",
             request->path + 3);
    wait->errand.done = end_wait;
    wait->later = http_suspend(request);
    vault_want(deliver->vault, &wait->errand);
    return MHD_YES;
}

static bool is_right(const struct deliver *deliver,
                     const struct http_request *request,
                     const struct source *source)
{
    return !deliver->vault ||
           vault_is_named(request->path, source->blob->sha256);
}

enum MHD_Result deliver_answer(void *ctx, const struct http_request *request)
{
    const struct deliver *deliver = ctx;
    struct source source = {.fd = -1};
    int err = folder_open_file(deliver->folder, request->path, &source.fd);

    if (err == DFOTA_E_NOTFOUND)
        return bring(deliver, request, err);
    if (err)
        return send_later(request);
    if (request->method > HTTP_HEAD) {
        let_go(&source);
        return reply_text(request->connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                          "only GET and HEAD", "Allow", "GET, HEAD");
    }
    if (blobs_get(deliver->blobs, source.fd, &source.blob)) {
        let_go(&source);
        return send_later(request);
    }
    if (!is_right(deliver, request, &source)) {
        let_go(&source);
        return bring(deliver, request, DFOTA_E_CORRUPT);
    }
    etag_make(source.blob->sha256, source.etag);
    return send_file(request, &source);
}
