/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of what happens. */
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/events/streams.h"

/* "plan,attempt"; nothing is all. */
static int take_kinds(struct api_call *call, unsigned *kinds)
{
    const char *word = api_query(call, "kinds");

    *kinds = *word ? 0 : ~0U;
    while (*word) {
        size_t len = strcspn(word, ",");
        unsigned kind = streams_kind(word, len);

        if (!kind)
            return api_refuse(call, 400,
                              "kinds: of plan, attempt, package, module, "
                              "lwm2m, audit, numbers, with commas between");
        *kinds |= kind;
        word += len;
        word += *word == ',';
    }
    return 0;
}

/* A browser that comes back says what it has. */
static int take_place(struct api_call *call, int64_t *after)
{
    const char *last = http_header(call->request, "Last-Event-ID");

    if (!last)
        last = http_query(call->request, "after");
    *after = -1;
    if (!last || !*last || api_number(last, after))
        return 0;
    return api_refuse(call, 400, "Last-Event-ID: a number is wanted");
}

static int tell_events(struct api_call *call, struct sql *sql)
{
    struct stream_wish wish = {.actor = call->actor};
    const char *plan = api_query(call, "plan");
    int err = take_kinds(call, &wish.kinds);

    (void)sql;
    if (!err)
        err = take_place(call, &wish.after);
    if (!err && *plan && !api_number(plan, &wish.plan))
        err = api_refuse(call, 400, "plan: a number is wanted");
    if (err)
        return err;
    err = streams_open(call->api->streams, &wish, call->request->connection,
                       &call->response);
    if (err)
        return err;
    call->status = 200;
    http_streams(call->request);
    return 0;
}

const struct api_route api_event_routes[] = {
    {HTTP_GET, "events", ROLE_VIEWER, API_READS, tell_events, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
