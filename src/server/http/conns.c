/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/conns.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "os/log.h"

struct conns {
    pthread_mutex_t lock;
    TAILQ_HEAD(, conn) all;
};

struct conns *conns_create(void)
{
    struct conns *conns = malloc(sizeof *conns);

    if (!conns)
        return NULL;
    pthread_mutex_init(&conns->lock, NULL);
    TAILQ_INIT(&conns->all);
    return conns;
}

void conns_destroy(struct conns *conns)
{
    if (!conns)
        return;
    pthread_mutex_destroy(&conns->lock);
    free(conns);
}

struct conn *conns_add(struct conns *conns, int fd, enum conn_phase phase)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        return NULL;
    conn->fd = fd;
    conn_report(conn, phase);
    pthread_mutex_lock(&conns->lock);
    TAILQ_INSERT_TAIL(&conns->all, conn, all);
    pthread_mutex_unlock(&conns->lock);
    return conn;
}

void conns_remove(struct conns *conns, struct conn *conn)
{
    if (!conn)
        return;
    pthread_mutex_lock(&conns->lock);
    TAILQ_REMOVE(&conns->all, conn, all);
    pthread_mutex_unlock(&conns->lock);
    free(conn);
}

/* A running number with the phase in its low bits, so that the sweeper sees
 * that a phase came anew. Never 0: that is a fresh clock. */
void conn_report(struct conn *conn, enum conn_phase phase)
{
    unsigned before;

    if (!conn)
        return;
    before = atomic_load_explicit(&conn->report, memory_order_relaxed);
    atomic_store_explicit(
        &conn->report,
        (((before >> CONN_PHASE_BITS) + 1) << CONN_PHASE_BITS) |
            (unsigned)phase,
        memory_order_relaxed);
}

static uint64_t progress_of(enum conn_phase phase,
                            const struct conn_traffic *traffic)
{
    return phase == CONN_ANSWER || phase == CONN_STREAM ? traffic->confirmed
                                                        : traffic->received;
}

static void start(struct conn_clock *clock, enum conn_phase phase,
                  int64_t now_ms, const struct conn_traffic *traffic)
{
    clock->phase = phase;
    clock->since_ms = now_ms;
    clock->bytes = progress_of(phase, traffic);
}

static bool too_slow(struct conn_clock *clock, int64_t now_ms,
                     const struct conn_traffic *traffic)
{
    if (now_ms - clock->since_ms < CONN_ANSWER_MS)
        return false;
    if (progress_of(clock->phase, traffic) - clock->bytes < CONN_ANSWER_BYTES)
        return true;
    start(clock, clock->phase, now_ms, traffic);
    return false;
}

bool conn_overdue(struct conn_clock *clock, unsigned report, int64_t now_ms,
                  const struct conn_traffic *traffic)
{
    if (report != clock->seen) {
        clock->seen = report;
        start(clock, (enum conn_phase)(report & ((1U << CONN_PHASE_BITS) - 1)),
              now_ms, traffic);
        return false;
    }
    /* The first byte of the next head; nobody reports that. */
    if (clock->phase == CONN_IDLE && traffic->received != clock->bytes)
        start(clock, CONN_HEAD, now_ms, traffic);
    switch (clock->phase) {
    case CONN_HANDSHAKE:
        return now_ms - clock->since_ms >= CONN_HANDSHAKE_MS;
    case CONN_HEAD:
        return now_ms - clock->since_ms >= CONN_HEAD_MS;
    case CONN_IDLE:
        return now_ms - clock->since_ms >= CONN_IDLE_MS;
    case CONN_BODY:
        return now_ms - clock->since_ms >= CONN_BODY_MS;
    case CONN_STREAM:
        if (traffic->confirmed != clock->bytes)
            start(clock, CONN_STREAM, now_ms, traffic);
        return traffic->confirmed > 0 &&
               now_ms - clock->since_ms >= CONN_STREAM_MS;
    case CONN_ANSWER:
    case CONN_UPLOAD:
        break;
    }
    return too_slow(clock, now_ms, traffic);
}

static struct conn_traffic traffic_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return (struct conn_traffic){0};
    return (struct conn_traffic){.received = info.tcpi_bytes_received,
                                 .confirmed = info.tcpi_bytes_acked};
}

void conns_sweep(struct conns *conns, int64_t now_ms)
{
    unsigned ended = 0;
    struct conn *conn;

    pthread_mutex_lock(&conns->lock);
    TAILQ_FOREACH(conn, &conns->all, all)
    {
        struct conn_traffic traffic = traffic_of(conn->fd);
        unsigned report =
            atomic_load_explicit(&conn->report, memory_order_relaxed);

        if (!conn_overdue(&conn->clock, report, now_ms, &traffic))
            continue;
        shutdown(conn->fd, SHUT_RDWR);
        ended++;
    }
    pthread_mutex_unlock(&conns->lock);
    if (ended > 0)
        log_debug("%u slow or idle connections ended", ended);
}
