/* SPDX-License-Identifier: Apache-2.0 */
#include "link/fault.h"

#include <stdlib.h>
#include <string.h>

enum {
    WAITING_MAX = 1024,
    WRONG_BITS = 0x10,
};

void fault_init(struct fault *f, uint64_t seed)
{
    *f = (struct fault){.random = seed};
}

bool fault_is_none(const struct fault *f)
{
    return !f || (f->rtt_ms == 0 && f->loss == 0 && f->stall_at == 0 &&
                  f->cut_at == 0 && f->corrupt_at == 0);
}

bool fault_drops(struct fault *f)
{
    uint64_t z = f->random += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (z ^ z >> 31) % 100 < f->loss;
}

/* Counts down to an event; true when it is reached. */
static bool passes(uint64_t *left, size_t len)
{
    if (*left == 0)
        return false;
    if (*left > len) {
        *left -= len;
        return false;
    }
    *left = 0;
    return true;
}

enum fault_event fault_take(struct fault *f, uint8_t *data, size_t len)
{
    uint64_t wrong = f->corrupt_at;

    if (passes(&f->corrupt_at, len))
        data[wrong - 1] ^= WRONG_BITS;
    if (passes(&f->cut_at, len))
        return FAULT_CUT;
    return passes(&f->stall_at, len) ? FAULT_STALL : FAULT_NONE;
}

/* ---- datagrams ----------------------------------------------------------- */

struct on_its_way {
    struct on_its_way *next;
    uint64_t at;
    enum fault_way way;
    size_t len;
    uint8_t data[];
};

struct fault_line {
    uv_timer_t timer;
    struct fault *f;
    const struct fault_line_ops *ops;
    void *ctx;
    struct on_its_way *first, **last;
    unsigned waiting;
    bool stalled, gone;
};

static void on_time(uv_timer_t *timer)
{
    struct fault_line *l = timer->data;
    struct on_its_way *d;

    while (!l->gone && (d = l->first) && d->at <= uv_now(timer->loop)) {
        l->first = d->next;
        if (!l->first)
            l->last = &l->first;
        l->waiting--;
        l->ops->arrive(l->ctx, d->way, d->data, d->len);
        free(d);
    }
    if (!l->gone && l->first)
        uv_timer_start(timer, on_time, l->first->at - uv_now(timer->loop), 0);
}

struct fault_line *fault_line_create(uv_loop_t *loop, struct fault *f,
                                     const struct fault_line_ops *ops,
                                     void *ctx)
{
    struct fault_line *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    uv_timer_init(loop, &l->timer);
    l->timer.data = l;
    l->f = f;
    l->ops = ops;
    l->ctx = ctx;
    l->last = &l->first;
    return l;
}

static void delay(struct fault_line *l, enum fault_way way, const uint8_t *data,
                  size_t len)
{
    struct on_its_way *d =
        l->waiting < WAITING_MAX ? malloc(sizeof *d + len) : NULL;

    if (!d)
        return;
    d->next = NULL;
    d->at = uv_now(l->timer.loop) + l->f->rtt_ms / 2;
    d->way = way;
    d->len = len;
    memcpy(d->data, data, len);
    *l->last = d;
    l->last = &d->next;
    if (l->waiting++ == 0)
        uv_timer_start(&l->timer, on_time, l->f->rtt_ms / 2, 0);
}

/* What befalls bytes that come in. returns false when they do not arrive */
static bool befall(struct fault_line *l, uint8_t *data, size_t len)
{
    enum fault_event event = fault_take(l->f, data, len);

    l->stalled |= event == FAULT_STALL;
    if (event == FAULT_CUT)
        l->ops->cut(l->ctx);
    return event == FAULT_NONE && !l->gone;
}

void fault_line_send(struct fault_line *l, enum fault_way way,
                     const uint8_t *data, size_t len)
{
    uint8_t copy[4096];

    if (l->stalled)
        return;
    /* What is on its way keeps its turn, also when the network got well. */
    if (fault_is_none(l->f) && l->waiting == 0) {
        l->ops->arrive(l->ctx, way, data, len);
        return;
    }
    if (fault_drops(l->f) || len > sizeof copy)
        return;
    memcpy(copy, data, len);
    if (way == FAULT_IN && !befall(l, copy, len))
        return;
    if (l->f->rtt_ms == 0 && l->waiting == 0)
        l->ops->arrive(l->ctx, way, copy, len);
    else
        delay(l, way, copy, len);
}

static void on_closed(uv_handle_t *handle)
{
    struct fault_line *l = handle->data;

    while (l->first) {
        struct on_its_way *d = l->first;

        l->first = d->next;
        free(d);
    }
    free(l);
}

void fault_line_destroy(struct fault_line *l)
{
    if (!l || l->gone)
        return;
    l->gone = true;
    uv_close((uv_handle_t *)&l->timer, on_closed);
}
