/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_load PORT SCRIPT [OPTION]..: new TLS connections of loopback, each says
 * a few requests, one after another, and ends.
 *
 * SCRIPT is a file of requests, each behind its length (4 bytes, little
 * endian); the first connection says the first --each of them, the next one
 * the next, over and over. @TOKEN@ in a request stands for the access_token
 * of the answer before it.
 *
 *   --each N        requests a connection (1)
 *   --status LIST   the answers that are right, such as 200,404 (200)
 *   --count N       so many connections (1000)
 *   --rate N        begun a second, by the clock and not by the answers (all
 *                   as fast as they go); a time counts from when it was due
 *   --threads N     at most so many at once (4)
 *   --resume        with the ticket of one more that is made before
 *   --tls12         TLS 1.2 and nothing else
 *   --hold          keep all of them open; "held N" is printed, and the end
 *                   comes with that of the standard input
 *
 * Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "os/files.h"

enum {
    EACH_MAX = 4,
    THREADS_MAX = 512,
    ANSWER_MAX = 16384,
    TOKEN_MAX = 256,
    REQUEST_MAX = 4096,
    PATIENCE_S = 60
};

struct request {
    const char *text;
    size_t len;
};

static struct {
    struct sockaddr_in to;
    unsigned long each, count, rate, threads;
    unsigned status[EACH_MAX];
    bool resume, hold;
    struct request *request;
    size_t n_requests;
    double begun;
    float *times; /* of each connection, seconds */
    atomic_ulong next, wrong, resumed;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    gnutls_datum_t ticket; /* data NULL: none */
} load;

struct connection {
    int fd;
    gnutls_session_t session;
    char answer[ANSWER_MAX + 1];
    char token[TOKEN_MAX];
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one connection ------------------------------------------------------ */

static int open_socket(void)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&load.to, sizeof load.to) == 0)
        return fd;
    close(fd);
    return -1;
}

static int start(struct connection *c)
{
    int code;

    c->fd = open_socket();
    if (c->fd < 0)
        return -1;
    if (gnutls_init(&c->session, GNUTLS_CLIENT) != 0) {
        close(c->fd);
        return -1;
    }
    gnutls_priority_set(c->session, load.priority);
    gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE,
                           load.credentials);
    if (load.ticket.data)
        gnutls_session_set_data(c->session, load.ticket.data, load.ticket.size);
    gnutls_transport_set_int(c->session, c->fd);
    do {
        code = gnutls_handshake(c->session);
    } while (code < 0 && !gnutls_error_is_fatal(code));
    return code;
}

static void end(struct connection *c)
{
    if (c->session) {
        gnutls_bye(c->session, GNUTLS_SHUT_WR);
        gnutls_deinit(c->session);
        close(c->fd);
    }
}

/* Reads a head and its content. Returns the status, 0: there is none. */
static unsigned read_answer(struct connection *c)
{
    size_t have = 0;
    unsigned tickets = 0; /* TLS 1.3 sends them in between */

    for (;;) {
        const char *head_end, *length;
        ssize_t n =
            gnutls_record_recv(c->session, c->answer + have, ANSWER_MAX - have);

        if (n < 0 && !gnutls_error_is_fatal((int)n) && tickets++ < 4)
            continue;
        if (n <= 0)
            return 0;
        have += (size_t)n;
        c->answer[have] = '\0';
        head_end = strstr(c->answer, "\r\n\r\n");
        length = head_end ? strcasestr(c->answer, "content-length:") : NULL;
        if (length && have >= (size_t)(head_end + 4 - c->answer) +
                                  strtoul(length + 15, NULL, 10))
            return have > 12 ? (unsigned)strtoul(c->answer + 9, NULL, 10) : 0;
    }
}

static void keep_token(struct connection *c)
{
    static const char name[] = "\"access_token\"";
    const char *at = strstr(c->answer, name), *from;
    size_t len;

    from = at ? strchr(at + sizeof name - 1, '"') : NULL;
    len = from ? strcspn(from + 1, "\"") : 0;
    if (len > 0 && len < sizeof c->token) {
        memcpy(c->token, from + 1, len);
        c->token[len] = '\0';
    }
}

static unsigned say(struct connection *c, const struct request *r)
{
    static const char mark[] = "@TOKEN@";
    const char *at = memmem(r->text, r->len, mark, sizeof mark - 1);
    char text[REQUEST_MAX];
    int before = (int)(at ? at - r->text : (ptrdiff_t)r->len), len;
    const char *rest = at ? at + sizeof mark - 1 : "";
    int rest_len = at ? (int)(r->len - (size_t)(rest - r->text)) : 0;

    len = snprintf(text, sizeof text, "%.*s%s%.*s", before, r->text,
                   at ? c->token : "", rest_len, rest);
    if (len < 0 || len >= REQUEST_MAX ||
        gnutls_record_send(c->session, text, (size_t)len) != len)
        return 0;
    return read_answer(c);
}

/* ---- many ---------------------------------------------------------------- */

static void wait_until(double when)
{
    double left = when - now();
    struct timespec t = {(time_t)left,
                         (long)((left - (double)(time_t)left) * 1e9)};

    if (left > 0)
        nanosleep(&t, NULL);
}

static bool run_one(struct connection *c, size_t number)
{
    bool right = start(c) == 0;

    for (size_t i = 0; right && i < load.each; i++) {
        const struct request *r =
            &load.request[(number * load.each + i) % load.n_requests];

        right = say(c, r) == load.status[i];
        keep_token(c);
    }
    if (right && gnutls_session_is_resumed(c->session))
        atomic_fetch_add(&load.resumed, 1);
    return right;
}

static void *run(void *ctx)
{
    struct connection *c = malloc(sizeof *c);
    unsigned long number;

    (void)ctx;
    while (c && (number = atomic_fetch_add(&load.next, 1)) < load.count) {
        double due = now();

        if (load.rate) {
            due = load.begun + (double)number / (double)load.rate;
            wait_until(due);
        }
        c->session = NULL;
        c->token[0] = '\0';
        if (!run_one(c, number))
            atomic_fetch_add(&load.wrong, 1);
        load.times[number] = (float)(now() - due);
        if (!load.hold)
            end(c);
    }
    free(c);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

/* A ticket comes with the handshake of TLS 1.2, and later in TLS 1.3, so
 * something is asked first. */
static void get_ticket(void)
{
    struct connection *c = calloc(1, sizeof *c);

    if (!c)
        return;
    if (start(c) == 0 && say(c, &load.request[0]) != 0)
        gnutls_session_get_data2(c->session, &load.ticket);
    end(c);
    free(c);
}

static void run_all(void)
{
    pthread_t thread[THREADS_MAX];
    unsigned long n = 0;
    double seconds;
    char byte;

    if (load.resume)
        get_ticket();
    load.begun = now();
    while (n < load.threads && pthread_create(&thread[n], NULL, run, NULL) == 0)
        n++;
    for (unsigned long i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    seconds = now() - load.begun;
    if (load.hold) {
        printf("held %lu\n", load.count - load.wrong);
        fflush(stdout);
        while (read(STDIN_FILENO, &byte, 1) > 0)
            ;
    }
    qsort(load.times, load.count, sizeof *load.times, compare);
    printf("{\"connections\": %lu, \"per_second\": %.1f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"wrong\": %lu, \"resumed\": %lu}\n",
           load.count, (double)load.count / seconds,
           (double)load.times[load.count / 2] * 1e3,
           (double)load.times[load.count * 99 / 100] * 1e3,
           (unsigned long)load.wrong, (unsigned long)load.resumed);
}

/* ---- what is asked for --------------------------------------------------- */

/* A number of 1 .. max; 0: it is none. */
static unsigned long number(const char *text, unsigned long max)
{
    char *end_of;
    unsigned long v = strtoul(text, &end_of, 10);

    return *end_of == '\0' && v <= max ? v : 0;
}

static int read_script(const char *path)
{
    uint8_t *file;
    size_t len, n = 0;

    if (files_read(path, 256U << 20, &file, &len) != 0)
        return -1;
    for (size_t at = 0; at + 4 <= len; n++)
        at += 4 + (size_t)dfota_get_le32(file + at);
    load.request = calloc(n ? n : 1, sizeof *load.request);
    if (!load.request)
        return -1;
    for (size_t at = 0; load.n_requests < n;) {
        struct request *r = &load.request[load.n_requests++];

        r->len = dfota_get_le32(file + at);
        r->text = (const char *)file + at + 4;
        at += 4 + r->len;
        if (at > len)
            return -1;
    }
    return n >= load.each ? 0 : -1;
}

static bool read_status(const char *text)
{
    char *at = (char *)text;

    for (size_t i = 0; i < EACH_MAX && *at; i++) {
        load.status[i] = (unsigned)strtoul(at, &at, 10);
        at += *at == ',';
    }
    return *at == '\0';
}

static bool read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"each", 1, NULL, 'e'},    {"status", 1, NULL, 's'},
        {"count", 1, NULL, 'c'},   {"rate", 1, NULL, 'r'},
        {"threads", 1, NULL, 't'}, {"resume", 0, NULL, 'R'},
        {"tls12", 0, NULL, '2'},   {"hold", 0, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    const char *versions = "NORMAL", *status = "200";
    int c;

    load.each = 1;
    load.count = 1000;
    load.threads = 4;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'e':
            load.each = number(optarg, EACH_MAX);
            break;
        case 's':
            status = optarg;
            break;
        case 'c':
            load.count = number(optarg, 10000000);
            break;
        case 'r':
            load.rate = number(optarg, 1000000);
            break;
        case 't':
            load.threads = number(optarg, THREADS_MAX);
            break;
        case 'R':
            load.resume = true;
            break;
        case '2':
            versions = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
            break;
        case 'h':
            load.hold = true;
            break;
        default:
            return false;
        }
    }
    return load.each && load.count && load.threads && read_status(status) &&
           gnutls_priority_init(&load.priority, versions, NULL) == 0;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    unsigned long port;

    if (!read_options(argc, argv) || argc - optind != 2 ||
        (port = number(argv[optind], 65535)) == 0) {
        fputs("usage: tls_load PORT SCRIPT [--each N] [--status LIST] "
              "[--count N] [--rate N] [--threads N] [--resume] [--tls12] "
              "[--hold]\n",
              stderr);
        return 2;
    }
    load.to = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    load.times = calloc(load.count, sizeof *load.times);
    if (!load.times || read_script(argv[optind + 1]) != 0 ||
        gnutls_certificate_allocate_credentials(&load.credentials) != 0) {
        perror("tls_load");
        return 1;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    run_all();
    return 0;
}
