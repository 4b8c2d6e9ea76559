/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/handshakes.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64 };

struct handshake {
    struct handshakes *all;
    struct MHD_Connection *connection;
    int fd;
    bool over;  /* of the serving thread alone */
    bool known; /* the poll set has it */
    bool waits;
    TAILQ_ENTRY(handshake) waiting;
};

struct handshakes {
    pthread_mutex_t lock; /* of what follows, and of waits */
    TAILQ_HEAD(, handshake) waiting;
    bool stopping;
    int poll_fd, stop_fd;
    pthread_t thread;
    bool has_thread;
};

/* ---- waiting ------------------------------------------------------------- */

/* With the lock held. */
static void go_on(struct handshake *h)
{
    if (!h->waits)
        return;
    h->waits = false;
    TAILQ_REMOVE(&h->all->waiting, h, waiting);
    MHD_resume_connection(h->connection);
}

/* Called by the thread that serves the connection, in the middle of its
 * handshake. One event is asked for, so nothing comes for a connection that
 * does not wait. */
static void wait_for_peer(struct handshake *h)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
                                .data.ptr = h};
    struct handshakes *all = h->all;
    int op = h->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    pthread_mutex_lock(&all->lock);
    if (!all->stopping) {
        h->waits = true;
        TAILQ_INSERT_TAIL(&all->waiting, h, waiting);
        MHD_suspend_connection(h->connection);
        h->known = epoll_ctl(all->poll_fd, op, h->fd, &event) == 0;
        if (!h->known) /* it is asked again and again */
            go_on(h);
    }
    pthread_mutex_unlock(&all->lock);
}

static void *run(void *ctx)
{
    struct handshakes *all = ctx;
    struct epoll_event events[EVENTS];
    bool stopping = false;

    while (!stopping) {
        int n = epoll_wait(all->poll_fd, events, EVENTS, -1);

        pthread_mutex_lock(&all->lock);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr)
                go_on(events[i].data.ptr);
        stopping = all->stopping;
        pthread_mutex_unlock(&all->lock);
    }
    return NULL;
}

/* ---- GnuTLS' side -------------------------------------------------------- */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *buffer, size_t room)
{
    struct handshake *h = ptr;
    ssize_t len = recv(h->fd, buffer, room, 0);

    if (len >= 0 || h->over || (errno != EAGAIN && errno != EWOULDBLOCK))
        return len;
    wait_for_peer(h);
    errno = EAGAIN;
    return -1;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
    const struct handshake *h = ptr;

    return gnutls_system_recv_timeout((gnutls_transport_ptr_t)(intptr_t)h->fd,
                                      ms);
}

struct handshake *handshake_begin(struct handshakes *all,
                                  struct MHD_Connection *connection,
                                  gnutls_session_t session, int fd)
{
    struct handshake *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->all = all;
    h->connection = connection;
    h->fd = fd;
    gnutls_transport_set_ptr2(session, h, (gnutls_transport_ptr_t)(intptr_t)fd);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_pull_timeout_function(session, pull_timeout);
    return h;
}

void handshake_over(struct handshake *h)
{
    if (h)
        h->over = true;
}

void handshake_end(struct handshake *h)
{
    free(h);
}

/* ---- life ---------------------------------------------------------------- */

struct handshakes *handshakes_create(void)
{
    struct handshakes *all = calloc(1, sizeof *all);
    struct epoll_event event = {.events = EPOLLIN};

    if (!all)
        return NULL;
    pthread_mutex_init(&all->lock, NULL);
    TAILQ_INIT(&all->waiting);
    all->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    all->stop_fd = eventfd(0, EFD_CLOEXEC);
    all->has_thread =
        all->poll_fd >= 0 && all->stop_fd >= 0 &&
        epoll_ctl(all->poll_fd, EPOLL_CTL_ADD, all->stop_fd, &event) == 0 &&
        pthread_create(&all->thread, NULL, run, all) == 0;
    if (all->has_thread)
        return all;
    handshakes_destroy(all);
    return NULL;
}

void handshakes_stop(struct handshakes *all)
{
    if (!all || !all->has_thread)
        return;
    pthread_mutex_lock(&all->lock);
    all->stopping = true;
    pthread_mutex_unlock(&all->lock);
    eventfd_write(all->stop_fd, 1);
    pthread_join(all->thread, NULL);
    all->has_thread = false;
    pthread_mutex_lock(&all->lock);
    while (!TAILQ_EMPTY(&all->waiting))
        go_on(TAILQ_FIRST(&all->waiting));
    pthread_mutex_unlock(&all->lock);
}

void handshakes_destroy(struct handshakes *all)
{
    if (!all)
        return;
    handshakes_stop(all);
    if (all->poll_fd >= 0)
        close(all->poll_fd);
    if (all->stop_fd >= 0)
        close(all->stop_fd);
    pthread_mutex_destroy(&all->lock);
    free(all);
}
