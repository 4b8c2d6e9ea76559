/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pump between two connections: the transport's to us, over loopback, and
 * ours to the real peer.
 *
 * Each way is a queue of pieces with the time they arrive. TCP never loses
 * bytes; a lost segment comes a retransmission time-out later, and all behind
 * it with it. At most WINDOW bytes are on their way, so a long round trip
 * makes a slow connection, as it does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/fault.h"

enum {
    SEGMENT = 1460,
    WINDOW = 65536,
    RTO_MIN_MS = 200, /* RFC 6298's second is not what systems do */
    HANDLES = 4,
};

struct piece {
    uv_write_t request;
    struct piece *next;
    struct way *way;
    uint64_t at;
    size_t len; /* 0: the end */
    uint8_t data[];
};

struct way {
    struct stream *s;
    uv_stream_t *from, *to;
    struct piece *first, **last;
    size_t queued; /* bytes, those being written too */
    uint64_t newest;
    bool paused;
};

struct stream {
    struct fault *f;
    uv_tcp_t listener, near, far;
    uv_timer_t timer;
    uv_connect_t connect;
    struct sockaddr_storage peer;
    struct way out, in;
    unsigned open_handles;
    bool closing, stalled, called;
    uint8_t buffer[SEGMENT];
};

static void move_on(struct stream *s);

/* ---- the end ------------------------------------------------------------- */

static void free_way(struct way *w)
{
    struct piece *p;

    while ((p = w->first)) {
        w->first = p->next;
        free(p);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct stream *s = handle->data;

    if (--s->open_handles > 0)
        return;
    free_way(&s->out);
    free_way(&s->in);
    free(s);
}

static void close_all(struct stream *s)
{
    if (s->closing)
        return;
    s->closing = true;
    uv_close((uv_handle_t *)&s->listener, on_closed);
    uv_close((uv_handle_t *)&s->near, on_closed);
    uv_close((uv_handle_t *)&s->far, on_closed);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

/* ---- out of the queue ---------------------------------------------------- */

static void alloc_segment(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct stream *s = handle->data;

    (void)wanted;
    *buf = uv_buf_init((char *)s->buffer, sizeof s->buffer);
}

static void on_read(uv_stream_t *from, ssize_t len, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int status)
{
    struct piece *p = (struct piece *)request;
    struct way *w = p->way;
    struct stream *s = w->s;

    w->queued -= p->len;
    free(p);
    if (s->closing)
        return;
    if (status != 0) {
        close_all(s);
    } else if (w->paused && w->queued < WINDOW) {
        w->paused = false;
        uv_read_start(w->from, alloc_segment, on_read);
    }
}

static void deliver(struct way *w, struct piece *p)
{
    uv_buf_t buf = uv_buf_init((char *)p->data, (unsigned)p->len);

    /* The end: everything before it has been handed over. */
    if (p->len == 0 || uv_write(&p->request, w->to, &buf, 1, on_written) != 0) {
        free(p);
        close_all(w->s);
    }
}

static void deliver_due(struct way *w, uint64_t now)
{
    struct piece *p;

    while (!w->s->closing && (p = w->first) && p->at <= now) {
        /* The end waits until what was written before it is out. */
        if (p->len == 0 && w->queued > 0) {
            p->at = now + 1;
            return;
        }
        w->first = p->next;
        if (!w->first)
            w->last = &w->first;
        deliver(w, p);
    }
}

static void on_time(uv_timer_t *timer)
{
    struct stream *s = timer->data;
    uint64_t now = uv_now(timer->loop);

    if (s->stalled)
        return;
    deliver_due(&s->out, now);
    deliver_due(&s->in, now);
    move_on(s);
}

static void move_on(struct stream *s)
{
    uint64_t now = uv_now(s->timer.loop), wake = UINT64_MAX;

    if (s->closing || s->stalled)
        return;
    if (s->out.first)
        wake = s->out.first->at;
    if (s->in.first && s->in.first->at < wake)
        wake = s->in.first->at;
    if (wake != UINT64_MAX)
        uv_timer_start(&s->timer, on_time, wake > now ? wake - now : 0, 0);
}

/* ---- into the queue ------------------------------------------------------ */

static int append(struct way *w, const uint8_t *data, size_t len)
{
    struct piece *p = malloc(sizeof *p + len);
    struct fault *f = w->s->f;
    uint64_t rto = 2ULL * f->rtt_ms;

    if (!p)
        return -1;
    p->next = NULL;
    p->way = w;
    p->at = uv_now(w->s->timer.loop) + f->rtt_ms / 2;
    p->len = len;
    if (len > 0)
        memcpy(p->data, data, len);
    if (len > 0 && fault_drops(f))
        p->at += rto > RTO_MIN_MS ? rto : RTO_MIN_MS;
    if (p->at < w->newest)
        p->at = w->newest;
    w->newest = p->at;
    *w->last = p;
    w->last = &p->next;
    w->queued += len;
    return 0;
}

static void on_read(uv_stream_t *from, ssize_t len, const uv_buf_t *buf)
{
    struct stream *s = from->data;
    struct way *w = from == s->in.from ? &s->in : &s->out;
    enum fault_event event = FAULT_NONE;

    if (len == 0 || s->stalled)
        return;
    if (len < 0)
        uv_read_stop(from);
    else if (w == &s->in)
        event = fault_take(s->f, (uint8_t *)buf->base, (size_t)len);
    if (event == FAULT_STALL) {
        s->stalled = true;
        return;
    }
    if (event == FAULT_CUT || (len < 0 && len != UV_EOF) ||
        append(w, (uint8_t *)buf->base, len > 0 ? (size_t)len : 0) != 0) {
        close_all(s);
        return;
    }
    if (w->queued >= WINDOW) {
        w->paused = true;
        uv_read_stop(from);
    }
    move_on(s);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct stream *s = request->data;

    if (s->closing)
        return;
    if (status != 0 ||
        uv_read_start(s->out.from, alloc_segment, on_read) != 0 ||
        uv_read_start(s->in.from, alloc_segment, on_read) != 0)
        close_all(s);
}

/* ---- the beginning ------------------------------------------------------- */

static void init_way(struct way *w, struct stream *s, void *from, void *to)
{
    w->s = s;
    w->from = from;
    w->to = to;
    w->last = &w->first;
}

static struct stream *create(uv_loop_t *loop, struct fault *f)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->f = f;
    uv_tcp_init(loop, &s->listener);
    uv_tcp_init(loop, &s->near);
    uv_tcp_init(loop, &s->far);
    uv_timer_init(loop, &s->timer);
    s->listener.data = s->near.data = s->far.data = s->timer.data =
        s->connect.data = s;
    s->open_handles = HANDLES;
    init_way(&s->out, s, &s->near, &s->far);
    init_way(&s->in, s, &s->far, &s->near);
    return s;
}

/* One connection is taken, then the door is shut by closing all at its end. */
static void on_caller(uv_stream_t *listener, int status)
{
    struct stream *s = listener->data;

    if (s->called || s->closing)
        return;
    s->called = true;
    if (status != 0 || uv_accept(listener, (uv_stream_t *)&s->near) != 0 ||
        uv_tcp_connect(&s->connect, &s->far, (struct sockaddr *)&s->peer,
                       on_connected) != 0)
        close_all(s);
}

int fault_stream_open(uv_loop_t *loop, struct fault *f,
                      const struct sockaddr *peer, size_t peer_len,
                      struct sockaddr_in *here)
{
    struct stream *s = create(loop, f);
    int len = sizeof *here;

    if (!s || peer_len > sizeof s->peer) {
        if (s)
            close_all(s);
        return DFOTA_E_NOMEM;
    }
    memcpy(&s->peer, peer, peer_len);
    uv_ip4_addr("127.0.0.1", 0, here);
    if (uv_tcp_bind(&s->listener, (struct sockaddr *)here, 0) != 0 ||
        uv_listen((uv_stream_t *)&s->listener, 1, on_caller) != 0 ||
        uv_tcp_getsockname(&s->listener, (struct sockaddr *)here, &len) != 0) {
        close_all(s);
        return DFOTA_E_IO;
    }
    return 0;
}
