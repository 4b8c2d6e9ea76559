/* SPDX-License-Identifier: Apache-2.0 */
#include "server/events/streams.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "base/err.h"
#include "os/buffer.h"
#include "server/events/streams_parts.h"
#include "server/fleet/events.h"

enum { NUMBERS_BIT = 1U << 16, CATCH_UP = 64, PIECE = 16 * 1024 };

/* One reader. Its connection's thread has it while it runs, the hub's lock
 * guards what the hub touches: the list, sleeping, woken, over. */
struct stream {
    LIST_ENTRY(stream) all;
    struct streams *hub;
    struct stream_wish wish;
    struct MHD_Connection *connection;
    int fd;            /* its socket */
    struct buffer out; /* still to be given */
    size_t given;
    int64_t last;   /* the event it has */
    uint64_t place; /* in the ring */
    bool behind;    /* reads from the database */
    bool begun, sleeping, over, fresh;
    int64_t said_s; /* steady clock */
};

unsigned streams_kind(const char *word, size_t len)
{
    for (unsigned i = 0; events_kinds[i]; i++) {
        if (strlen(events_kinds[i]) == len &&
            strncmp(events_kinds[i], word, len) == 0)
            return 1U << i;
    }
    return len == 7 && strncmp(word, "numbers", 7) == 0 ? NUMBERS_BIT : 0;
}

/* The audit log is for those who may read it. */
static bool wants(const struct stream_wish *wish, int64_t tenant,
                  const char *kind, int64_t plan)
{
    unsigned bit = streams_kind(kind, strlen(kind));

    if (!(bit & wish->kinds) || (wish->plan && wish->plan != plan))
        return false;
    if (strcmp(kind, "audit") == 0 && wish->actor.role < ROLE_ADMIN)
        return false;
    return tenant == wish->actor.tenant;
}

static void say(struct stream *s, int64_t id, const char *kind,
                const char *body)
{
    if (id > 0)
        buffer_printf(&s->out, "id: %" PRId64 "\n", id);
    buffer_printf(&s->out, "event: %s\ndata: %s\n\n", kind, body);
}

/* ---- what is older than the memory ---- */

static int read_old(struct stream *s, struct sql *sql, int64_t until, size_t *n)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT id, tenant, kind, plan, body FROM event WHERE "
                        "id > $1 AND id <= $2 ORDER BY id LIMIT 64",
                        SQL_ARGS(SQL_INT(s->last), SQL_INT(until)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        err = 0;
        ++*n;
        s->last = sql_int(&rows, 0);
        if (wants(&s->wish, sql_int(&rows, 1), sql_text(&rows, 2),
                  sql_int(&rows, 3)))
            say(s, s->last, sql_text(&rows, 2), sql_text(&rows, 4));
    }
    sql_done(&rows);
    return err;
}

/* In the connection's thread, without the lock. */
static int catch_up(struct stream *s, int64_t until)
{
    struct store *store = s->hub->node->store;
    struct sql *sql;
    size_t n = 0;
    int err = store_read_begin(store, &sql);

    if (!err) {
        err = read_old(s, sql, until, &n);
        store_read_end(store, sql);
    }
    if (!err && n < CATCH_UP && s->last < until)
        s->last = until;
    return err;
}

/* ---- from the memory ---- */

/* returns false: the memory does not reach back so far */
static bool find_place(struct stream *s)
{
    struct streams *hub = s->hub;
    uint64_t place = ring_first(hub);

    if (s->last < hub->forgotten)
        return false;
    while (place < hub->next && hub->ring[place % STREAMS_KEPT].last <= s->last)
        place++;
    s->place = place;
    return true;
}

static void take_new(struct stream *s)
{
    struct streams *hub = s->hub;

    if (s->place < ring_first(hub)) {
        s->behind = true;
        return;
    }
    while (s->place < hub->next && s->out.len < PIECE) {
        const struct ring_event *e = &hub->ring[s->place++ % STREAMS_KEPT];

        s->last = e->last;
        if (wants(&s->wish, e->tenant, e->kind, e->plan))
            say(s, e->id, e->kind, e->body);
    }
}

/* "From now on" is what is known when the stream begins; a number far beyond
 * that is of another database. */
static void set_out(struct stream *s)
{
    int64_t last = s->hub->last;

    s->begun = true;
    s->behind = true;
    s->last = s->wish.after < 0 || s->wish.after > last + STREAMS_KEPT
                  ? last
                  : s->wish.after;
}

/* With the lock. */
static void gather(struct stream *s)
{
    int64_t until = s->hub->last;
    int err = 0;

    if (until < 0) /* the hub has to look first */
        return;
    if (!s->begun)
        set_out(s);
    if (s->behind && find_place(s))
        s->behind = false;
    if (!s->behind)
        take_new(s);
    if (s->behind) {
        pthread_mutex_unlock(&s->hub->lock);
        err = catch_up(s, until);
        pthread_mutex_lock(&s->hub->lock);
    }
    if (err) /* the browser comes back, with its last event */
        s->over = true;
}

/* Without anything to give it sleeps: a 0 without that spins a core. */
static ssize_t give(struct stream *s, char *out, size_t room)
{
    size_t len;

    if (s->given == s->out.len) {
        buffer_clear(&s->out);
        s->given = 0;
        gather(s);
        if (s->behind && s->out.len == 0)
            gather(s);
    }
    if (s->out.len == 0 &&
        (s->fresh || steady_s() - s->said_s >= STREAMS_HEARTBEAT_S))
        buffer_add_str(&s->out, ": here\n\n");
    if (s->over || s->out.err)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (s->out.len == 0 && s->behind) {
        buffer_add_str(&s->out, ":\n"); /* go on reading */
    } else if (s->out.len == 0) {
        s->sleeping = true;
        MHD_suspend_connection(s->connection);
        return 0;
    }
    s->fresh = false;
    s->said_s = steady_s();
    len = s->out.len - s->given < room ? s->out.len - s->given : room;
    memcpy(out, s->out.data + s->given, len);
    s->given += len;
    return (ssize_t)len;
}

static ssize_t read_stream(void *ctx, uint64_t at, char *out, size_t room)
{
    struct stream *s = ctx;
    ssize_t len;

    (void)at;
    pthread_mutex_lock(&s->hub->lock);
    len = give(s, out, room);
    pthread_mutex_unlock(&s->hub->lock);
    return len;
}

static void free_stream(void *ctx)
{
    struct stream *s = ctx;

    pthread_mutex_lock(&s->hub->lock);
    LIST_REMOVE(s, all);
    s->hub->n_streams--;
    pthread_mutex_unlock(&s->hub->lock);
    buffer_release(&s->out);
    free(s);
}

/* One person, or one script that forgets its streams, takes not all. */
static bool has_room(const struct streams *hub, const struct stream *for_it)
{
    const struct stream *s;
    unsigned own = 0;

    if (hub->n_streams < STREAMS_MAX - STREAMS_OF_FEW)
        return true;
    LIST_FOREACH(s, &hub->streams, all)
    {
        own += s->wish.actor.person == for_it->wish.actor.person;
    }
    return hub->n_streams < STREAMS_MAX && own < STREAMS_FEW;
}

static bool enter(struct streams *hub, struct stream *s)
{
    bool taken;

    pthread_mutex_lock(&hub->lock);
    taken = !hub->stopping && has_room(hub, s);
    if (taken) {
        LIST_INSERT_HEAD(&hub->streams, s, all);
        hub->n_streams++;
        hub_start(hub);
    }
    pthread_mutex_unlock(&hub->lock);
    return taken;
}

static int fd_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info ? info->connect_fd : -1;
}

int streams_open(struct streams *hub, const struct stream_wish *wish,
                 struct MHD_Connection *connection,
                 struct MHD_Response **response)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s)
        return DFOTA_E_NOMEM;
    *s = (struct stream){
        .hub = hub, .wish = *wish, .connection = connection, .fresh = true};
    s->fd = fd_of(connection);
    buffer_init(&s->out, 1 << 20);
    if (!enter(hub, s)) {
        free(s);
        return DFOTA_E_FULL;
    }
    *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096,
                                                  read_stream, s, free_stream);
    if (!*response) {
        free_stream(s);
        return DFOTA_E_NOMEM;
    }
    MHD_add_response_header(*response, "Content-Type", "text/event-stream");
    MHD_add_response_header(*response, "Cache-Control", "no-store");
    MHD_add_response_header(*response, "X-Accel-Buffering", "no");
    return 0;
}

/* ---- for the hub's thread, with the lock ---- */

void stream_rouse(struct stream *s)
{
    if (!s->sleeping)
        return;
    s->sleeping = false;
    MHD_resume_connection(s->connection);
}

static bool has_news(const struct stream *s, int64_t now_s)
{
    if (s->over || !s->begun || s->behind ||
        now_s - s->said_s >= STREAMS_HEARTBEAT_S)
        return true;
    for (uint64_t i = s->place; i < s->hub->next; i++) {
        const struct ring_event *e = &s->hub->ring[i % STREAMS_KEPT];

        if (i < ring_first(s->hub) ||
            wants(&s->wish, e->tenant, e->kind, e->plan))
            return true;
    }
    return false;
}

/* A connection that sleeps is not watched by the library. */
static void find_gone(struct streams *hub)
{
    struct pollfd fds[STREAMS_MAX];
    struct stream *s;
    nfds_t n = 0, i = 0;

    LIST_FOREACH(s, &hub->streams, all)
    {
        fds[n++] = (struct pollfd){.fd = s->fd, .events = POLLRDHUP};
    }
    if (poll(fds, n, 0) <= 0)
        return;
    LIST_FOREACH(s, &hub->streams, all)
    {
        if (fds[i++].revents)
            s->over = true;
    }
}

void streams_rouse(struct streams *hub)
{
    int64_t now_s = steady_s();
    struct stream *s;

    find_gone(hub);

    LIST_FOREACH(s, &hub->streams, all)
    {
        if (s->sleeping && has_news(s, now_s))
            stream_rouse(s);
    }
}

void streams_end(struct streams *hub)
{
    struct stream *s;

    LIST_FOREACH(s, &hub->streams, all)
    {
        s->over = true;
        stream_rouse(s);
    }
}

/* Is there a stream that wants the numbers of that plan? */
bool streams_want_numbers(const struct streams *hub, int64_t tenant,
                          int64_t plan)
{
    struct stream *s;

    LIST_FOREACH(s, &hub->streams, all)
    {
        if (wants(&s->wish, tenant, "numbers", plan))
            return true;
    }
    return false;
}

/* Each stream's right, looked up again; a person's streams often share it. */
void streams_check(struct streams *hub, struct sql *sql, int64_t now)
{
    struct stream *s;
    struct actor actor;
    int err;

    LIST_FOREACH(s, &hub->streams, all)
    {
        if (s->over || s->wish.actor.proof == PROOF_LOCAL)
            continue;
        err = people_by_proof(sql, s->wish.actor.proof, s->wish.actor.hash, now,
                              &actor);
        if (err == DFOTA_E_NOTFOUND ||
            (!err && actor.role != s->wish.actor.role)) {
            s->over = true;
            stream_rouse(s);
        }
    }
}
