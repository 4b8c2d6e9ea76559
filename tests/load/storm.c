/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm PORT REQUESTS SECONDS [STATUS [RATE]]: says HTTP requests over kept
 * connections of loopback, one request in flight on each, and counts.
 *
 * REQUESTS is a file of requests, each behind its length (4 bytes, little
 * endian); there is one connection for each. Any answer but STATUS (200) is
 * wrong. With RATE so many are said a second, by the clock and not by the
 * answers, and a time counts from when its request was due; without, a
 * connection says the next as soon as it has the answer.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "os/files.h"

enum { CONNECTIONS_MAX = 4096, TIMES_MAX = 4000000, ANSWER_MAX = 4096 };

struct client {
    int fd;
    const uint8_t *request;
    size_t len;
    char answer[ANSWER_MAX];
    size_t have;
    double since;
    struct client *next; /* of those that wait for their turn */
};

static struct client clients[CONNECTIONS_MAX];
static float *times;
static size_t n_times, n_wrong;
static char wanted[16] = "HTTP/1.1 200";
static struct client *ready, *last; /* who may speak */
static double rate;                 /* requests a second, 0: no limit */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_one(struct client *c, uint16_t port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 ||
        connect(c->fd, (const struct sockaddr *)&to, sizeof to) != 0)
        return -1;
    return setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int send_one(struct client *c, double since)
{
    c->have = 0;
    c->since = since;
    return send(c->fd, c->request, c->len, MSG_NOSIGNAL) == (ssize_t)c->len
               ? 0
               : -1;
}

/* Head and content are here? */
static int is_whole(const struct client *c)
{
    const char *end = memmem(c->answer, c->have, "\r\n\r\n", 4);
    const char *length = end ? strcasestr(c->answer, "content-length:") : NULL;

    return length &&
           (size_t)(end + 4 - c->answer) + strtoul(length + 15, NULL, 10) <=
               c->have;
}

static int receive(struct client *c)
{
    ssize_t n = recv(c->fd, c->answer + c->have, sizeof c->answer - 1 - c->have,
                     MSG_DONTWAIT);

    if (n <= 0)
        return -1;
    c->have += (size_t)n;
    c->answer[c->have] = '\0';
    if (!is_whole(c))
        return 0;
    n_wrong += strncmp(c->answer, wanted, 12) != 0;
    if (n_times < TIMES_MAX)
        times[n_times++] = (float)(now() - c->since);
    return 1;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

/* In turn: one that never speaks is ended by the server. */
static void put_ready(struct client *c)
{
    c->next = NULL;
    *(ready ? &last->next : &ready) = c;
    last = c;
}

/* Whoever is due and finds a connection. Returns how many were sent; the
 * others wait, and their wait counts. */
static unsigned send_due(double begun, double end, unsigned long *said)
{
    double at = now(), due;
    unsigned sent = 0;

    while (ready) {
        struct client *c = ready;

        due = rate > 0 ? begun + (double)*said / rate : at;
        if (due > at || due >= end)
            break;
        ready = c->next;
        ++*said;
        if (send_one(c, due) == 0)
            sent++;
        else
            n_wrong++;
    }
    return sent;
}

static void run(int poll_fd, double begun, double seconds)
{
    struct epoll_event events[256];
    double end = begun + seconds;
    unsigned long said = 0;
    unsigned under_way = send_due(begun, end, &said);

    while (under_way > 0 || now() < end) {
        int got = epoll_wait(poll_fd, events, 256, rate > 0 ? 1 : 60000);

        if (got < 0 || now() > end + 60)
            break;
        for (int i = 0; i < got; i++) {
            struct client *c = events[i].data.ptr;
            int verdict = receive(c);

            if (verdict == 0)
                continue;
            under_way--;
            if (verdict > 0) {
                put_ready(c);
                continue;
            }
            n_wrong++;
            epoll_ctl(poll_fd, EPOLL_CTL_DEL, c->fd, NULL);
        }
        under_way += send_due(begun, end, &said);
    }
    n_wrong += under_way;
}

/* A number of 1 .. max; 0: it is none. */
static unsigned long number(const char *text, unsigned long max)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    return *end == '\0' && v <= max ? v : 0;
}

int main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN};
    int poll_fd = epoll_create1(0);
    uint8_t *file;
    size_t len, at = 0;
    unsigned n = 0;
    unsigned long port = argc > 1 ? number(argv[1], 65535) : 0;
    unsigned long seconds = argc > 3 ? number(argv[3], 3600) : 0;
    double begun;

    rate = argc == 6 ? (double)number(argv[5], 1000000) : 0;
    if (argc >= 5)
        snprintf(wanted, sizeof wanted, "HTTP/1.1 %.3s", argv[4]);
    if (port == 0 || seconds == 0 ||
        files_read(argv[2], 64 << 20, &file, &len) != 0) {
        fputs("usage: storm PORT REQUESTS SECONDS [STATUS [RATE]]\n", stderr);
        return 2;
    }
    times = malloc(TIMES_MAX * sizeof *times);
    if (!times) {
        perror("storm");
        return 1;
    }
    while (at + 4 <= len && n < CONNECTIONS_MAX) {
        struct client *c = &clients[n++];

        c->len = dfota_get_le32(file + at);
        c->request = file + at + 4;
        at += 4 + c->len;
        event.data.ptr = c;
        if (at > len || open_one(c, (uint16_t)port) != 0 ||
            epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) {
            perror("storm");
            return 1;
        }
        put_ready(c);
    }
    begun = now();
    run(poll_fd, begun, (double)seconds);
    begun = now() - begun;
    if (n_times == 0)
        return 1;
    qsort(times, n_times, sizeof *times, compare);
    printf("{\"answers\": %zu, \"per_second\": %.1f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"wrong\": %zu}\n",
           n_times, (double)n_times / begun, times[n_times / 2] * 1e3,
           times[n_times * 99 / 100] * 1e3, n_wrong);
    free(times);
    free(file);
    return 0;
}
