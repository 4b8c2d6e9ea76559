/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lwm2m_load PORT CLIENTS [OPTION]..: LwM2M clients without number.
 *
 * Each has an address of its own in 127/8, played by one socket with
 * IP_PKTINFO. Every one registers as urn:imei:<15 digits of its number>, and
 * answers the Reads and Observes that follow. What gets no answer within two
 * seconds is sent again.
 *
 *   --first N      their numbers begin here (0)
 *   --window N     at most N wait for an answer at a time (64)
 *   --rounds N     everybody registers so often (1)
 *   --updates N    then everybody updates its registration so often (0)
 *   --psk HEX      over DTLS with this key, the endpoint being the identity;
 *                  a session is kept until its questions are answered, and
 *                  left without a word
 *   --expire PID   then all registrations end while the server, process PID,
 *                  is stopped for a moment: at once, to the server. Pings say
 *                  how long it does not answer after that.
 *
 * Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "link/coap_msg.h"
#include "link/dtls.h"

enum {
    BASE = 0x7f010000, /* of the addresses; the first is nobody's */
    CLIENTS_MAX = 0xfe0000,
    AGAIN_MS = 2000,
    GIVE_UP_MS = 600000,
    QUESTIONS = 4, /* that a Register is followed by */
    PINGS = 500,
    PING_MS = 2
};

struct client {
    uint64_t sent_ms;
    uint64_t location;
    uint32_t op; /* what it waits for the answer of */
    bool waits;
    uint8_t answered;
    struct dtls *dtls;
};

static struct {
    int fd;
    struct sockaddr_in server;
    struct client *client;
    uint32_t n, first, window, rounds, updates;
    pid_t server_pid; /* 0: nothing expires */
    uint8_t key[DTLS_KEY_MAX];
    size_t key_len; /* 0: plain */
    /* A phase: every client does the same so often. */
    void (*say)(uint32_t i);
    uint8_t done; /* the code that ends an operation */
    uint32_t next, oldest, waiting, n_ops, n_done;
    uint64_t expire_ms; /* when the lifetimes end */
    unsigned long answers, again, wrong;
    uint64_t pong_ms; /* when the last one came */
} load;

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
    return now_us() / 1000;
}

/* ---- datagrams ----------------------------------------------------------- */

static void send_from(uint32_t i, const uint8_t *data, size_t len)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr h = {.msg_name = &load.server,
                       .msg_namelen = sizeof load.server,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    struct in_pktinfo info = {.ipi_spec_dst.s_addr =
                                  htonl(BASE + 1 + load.first + i)};

    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    (void)sendmsg(load.fd, &h, 0);
}

static void send_msg(uint32_t i, const struct coap_msg *m)
{
    struct client *c = &load.client[i];
    uint8_t data[COAP_DATAGRAM_MAX];
    size_t len;

    if (coap_msg_write(m, data, sizeof data, &len) != 0)
        return;
    if (c->dtls)
        (void)dtls_send(c->dtls, data, len);
    else
        send_from(i, data, len);
}

/* ---- what a client says -------------------------------------------------- */

static void say_register(uint32_t i)
{
    static const char links[] = "</1/0>,</3/0>,</5/0>";
    struct coap_msg m = {.type = COAP_CON,
                         .code = COAP_POST,
                         .mid = (uint16_t)load.client[i].op,
                         .token_len = 1,
                         .payload = (const uint8_t *)links,
                         .payload_len = sizeof links - 1};
    uint8_t memory[128];
    struct coap_options o;
    char endpoint[40];

    snprintf(endpoint, sizeof endpoint, "ep=urn:imei:%015u", load.first + i);
    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_str(&o, COAP_URI_PATH, "rd");
    coap_options_add_uint(&o, COAP_CONTENT_FORMAT, 40);
    coap_options_add_str(&o, COAP_URI_QUERY, endpoint);
    coap_options_add_str(&o, COAP_URI_QUERY, "lt=86400");
    coap_options_add_str(&o, COAP_URI_QUERY, "lwm2m=1.0");
    m.options = o.data;
    m.options_len = o.len;
    send_msg(i, &m);
}

static void say_update(uint32_t i)
{
    struct coap_msg m = {.type = COAP_CON,
                         .code = COAP_POST,
                         .mid = (uint16_t)load.client[i].op,
                         .token_len = 1};
    uint8_t memory[64];
    struct coap_options o;
    char text[24];

    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_str(&o, COAP_URI_PATH, "rd");
    snprintf(text, sizeof text, "%016llx",
             (unsigned long long)load.client[i].location);
    coap_options_add_str(&o, COAP_URI_PATH, text);
    if (load.expire_ms) {
        snprintf(text, sizeof text, "lt=%llu",
                 (unsigned long long)(load.expire_ms - now_ms()) / 1000);
        coap_options_add_str(&o, COAP_URI_QUERY, text);
    }
    m.options = o.data;
    m.options_len = o.len;
    send_msg(i, &m);
}

/* Every question gets "0" as text, an Observe with its option. */
static void answer(uint32_t i, const struct coap_msg *request)
{
    struct coap_msg m = {.type = COAP_ACK,
                         .code = COAP_CONTENT,
                         .mid = request->mid,
                         .token_len = request->token_len,
                         .payload = (const uint8_t *)"0",
                         .payload_len = 1};
    uint8_t memory[16];
    struct coap_options o;
    uint32_t observe;

    memcpy(m.token, request->token, sizeof m.token);
    coap_options_init(&o, memory, sizeof memory);
    if (coap_msg_uint(request, COAP_OBSERVE, &observe) == 0)
        coap_options_add_uint(&o, COAP_OBSERVE, 1);
    coap_options_add_uint(&o, COAP_CONTENT_FORMAT, 0);
    m.options = o.data;
    m.options_len = o.len;
    send_msg(i, &m);
    load.answers++;
    load.client[i].answered++;
}

/* ---- DTLS ---------------------------------------------------------------- */

static void take(uint32_t i, const struct coap_msg *m);

static uint32_t number_of(const void *client)
{
    return (uint32_t)((const struct client *)client - load.client);
}

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
    const struct client *c = ctx;

    /* One that left does not say goodbye. */
    if (c->dtls || c->waits)
        send_from(number_of(c), data, len);
}

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
    struct coap_msg m;

    if (coap_msg_parse(&m, data, len) == 0)
        take(number_of(ctx), &m);
}

static void on_state(void *ctx, enum dtls_state state)
{
    struct client *c = ctx;

    if (state == DTLS_OPEN)
        say_register(number_of(c));
    else if (state == DTLS_CLOSED)
        load.wrong++;
}

static const struct dtls_ops dtls_ops = {on_send, on_data, on_state};

static void say_hello(uint32_t i)
{
    struct client *c = &load.client[i];
    struct dtls_credentials *credentials;
    char identity[40];
    const char *why;

    if (c->dtls) { /* again */
        if (dtls_state(c->dtls) == DTLS_OPEN)
            say_register(i);
        else
            dtls_tick(c->dtls);
        return;
    }
    snprintf(identity, sizeof identity, "urn:imei:%015u", load.first + i);
    if (dtls_credentials_create(&credentials,
                                &(struct dtls_config){.identity = identity,
                                                      .key = load.key,
                                                      .key_len = load.key_len},
                                &why) != 0)
        return;
    c->dtls = dtls_connect(credentials, NULL, &dtls_ops, c);
    dtls_credentials_free(credentials);
    if (c->dtls)
        dtls_tick(c->dtls);
}

static void leave(uint32_t i)
{
    struct client *c = &load.client[i];
    struct dtls *dtls = c->dtls;

    c->dtls = NULL;
    dtls_free(dtls);
}

/* ---- what a client hears ------------------------------------------------- */

static void keep_location(uint32_t i, const struct coap_msg *m)
{
    struct coap_cursor cursor;
    struct coap_option o;

    /* The second part: /rd/<16 digits>. */
    coap_cursor_init(&cursor, m);
    while (coap_cursor_next(&cursor, &o))
        if (o.number == COAP_LOCATION_PATH && o.len == 16) {
            char text[17] = "";

            memcpy(text, o.value, 16);
            load.client[i].location = strtoull(text, NULL, 16);
        }
}

static void take(uint32_t i, const struct coap_msg *m)
{
    struct client *c = &load.client[i];

    if (coap_msg_is_request(m)) {
        answer(i, m);
    } else if (m->type == COAP_ACK && c->waits && m->mid == (uint16_t)c->op) {
        if (m->code == COAP_CREATED)
            keep_location(i, m);
        load.wrong += m->code != load.done;
        c->waits = false;
        load.n_done++;
        load.waiting--;
    }
}

static void take_datagram(uint32_t i, const uint8_t *data, size_t len)
{
    struct client *c = &load.client[i];
    struct coap_msg m;

    if (c->dtls) {
        dtls_receive(c->dtls, data, len);
        if (c->answered >= QUESTIONS && !c->waits)
            leave(i);
    } else if (load.key_len == 0 && coap_msg_parse(&m, data, len) == 0) {
        take(i, &m);
    }
}

static bool receive(void)
{
    uint8_t data[COAP_DATAGRAM_MAX], control[128];
    struct iovec iov = {.iov_base = data, .iov_len = sizeof data};
    struct msghdr h = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    ssize_t len = recvmsg(load.fd, &h, MSG_DONTWAIT);

    if (len < 0)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
        struct in_pktinfo info;
        uint32_t i;

        if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
            continue;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        i = ntohl(info.ipi_addr.s_addr) - BASE - 1 - load.first;
        if (i < load.n)
            take_datagram(i, data, (size_t)len);
        else if (len == 4)
            load.pong_ms = now_ms();
    }
    return true;
}

/* ---- a phase ------------------------------------------------------------- */

static void begin(uint32_t op)
{
    struct client *c = &load.client[op % load.n];

    c->op = op;
    c->waits = true;
    c->sent_ms = now_ms();
    load.say(op % load.n);
}

/* Those that wait too long are the ones begun first. */
static void send_again(void)
{
    uint64_t now = now_ms();

    for (uint32_t op = load.oldest; op < load.next; op++) {
        struct client *c = &load.client[op % load.n];

        if (!c->waits || c->op != op) {
            load.oldest += op == load.oldest;
            continue;
        }
        if (now - c->sent_ms < AGAIN_MS)
            break;
        c->sent_ms = now;
        load.say(op % load.n);
        load.again++;
    }
}

/* Returns the seconds that it took. */
static double phase(void (*say)(uint32_t i), uint8_t done, uint32_t rounds)
{
    uint64_t begun = now_us(), end = now_ms() + GIVE_UP_MS;
    uint32_t first = load.next;

    load.say = say;
    load.done = done;
    load.n_done = 0;
    load.n_ops = load.n * rounds;
    while (load.n_done < load.n_ops && now_ms() < end) {
        struct pollfd p = {.fd = load.fd, .events = POLLIN};

        while (load.waiting < load.window && load.next - first < load.n_ops &&
               !load.client[load.next % load.n].waits) {
            load.waiting++;
            begin(load.next++);
        }
        if (!receive()) {
            poll(&p, 1, 100);
            send_again();
        }
    }
    load.wrong += load.n_ops - load.n_done;
    return (double)(now_us() - begun) / 1e6;
}

/* What was asked last is answered, too: until a second is quiet. */
static void calm_down(void)
{
    struct pollfd p = {.fd = load.fd, .events = POLLIN};

    while (poll(&p, 1, 1000) > 0)
        while (receive())
            ;
}

/* ---- the end of all lifetimes -------------------------------------------- */

static void pause_until(uint64_t when_ms)
{
    uint64_t now = now_ms();

    if (when_ms > now)
        usleep((useconds_t)(when_ms - now) * 1000);
}

/* From an address that is no client's. Returns how long the answer took. */
static uint64_t ping(uint16_t mid)
{
    const uint8_t bytes[4] = {0x40, 0, (uint8_t)(mid >> 8), (uint8_t)mid};
    struct pollfd p = {.fd = load.fd, .events = POLLIN};
    uint64_t begun = now_ms(), end = begun + AGAIN_MS;

    load.pong_ms = 0;
    send_from(load.n, bytes, sizeof bytes);
    while (load.pong_ms == 0 && now_ms() < end)
        if (!receive())
            poll(&p, 1, 100);
    return now_ms() - begun;
}

/* Returns the longest time without an answer, in ms. */
static uint64_t expire(double seconds)
{
    uint64_t worst = 0;

    load.expire_ms = now_ms() + (uint64_t)(seconds * 3000) + 4000;
    phase(say_update, COAP_CHANGED, 1);
    if (now_ms() + 1200 > load.expire_ms)
        return UINT64_MAX; /* some are over already */
    pause_until(load.expire_ms - 1100);
    kill(load.server_pid, SIGSTOP);
    pause_until(load.expire_ms + 100);
    kill(load.server_pid, SIGCONT);
    for (unsigned i = 0; i < PINGS; i++) {
        uint64_t took = ping((uint16_t)i);

        if (took > worst)
            worst = took;
        if (took < PING_MS)
            usleep((useconds_t)(PING_MS - took) * 1000);
    }
    load.expire_ms = 0;
    phase(say_update, COAP_NOT_FOUND, 1);
    return worst;
}

/* ---- what is asked for --------------------------------------------------- */

static int open_socket(unsigned port)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int on = 1, size = 16 << 20;

    load.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(load.fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    setsockopt(load.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    load.server =
        (struct sockaddr_in){.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return bind(load.fd, (struct sockaddr *)&any, sizeof any);
}

static bool read_key(const char *hex)
{
    char byte[3] = "", *end = byte + 2;

    while (*hex && load.key_len < sizeof load.key && end == byte + 2) {
        memcpy(byte, hex, 2);
        load.key[load.key_len++] = (uint8_t)strtoul(byte, &end, 16);
        hex += hex[1] ? 2 : 1;
    }
    return load.key_len > 0 && *hex == '\0' && end == byte + 2;
}

static bool read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"first", 1, NULL, 'f'},  {"window", 1, NULL, 'w'},
        {"rounds", 1, NULL, 'r'}, {"updates", 1, NULL, 'u'},
        {"psk", 1, NULL, 'p'},    {"expire", 1, NULL, 'e'},
        {NULL, 0, NULL, 0}};
    int c;

    load.window = 64;
    load.rounds = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        uint32_t value = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;

        if (c == 'w')
            load.window = value;
        else if (c == 'f')
            load.first = value;
        else if (c == 'r')
            load.rounds = value;
        else if (c == 'u')
            load.updates = value;
        else if (c == 'e')
            load.server_pid = (pid_t)value;
        else if (c != 'p' || !optarg || !read_key(optarg))
            return false;
    }
    if (argc - optind != 2)
        return false;
    load.n = (uint32_t)strtoul(argv[optind + 1], NULL, 10);
    return load.n > 0 && load.n <= CLIENTS_MAX && load.first <= CLIENTS_MAX &&
           load.n + load.first <= CLIENTS_MAX && load.window > 0;
}

static void run(void)
{
    double seconds, update_seconds = 0;
    uint64_t stall = 0;

    seconds = phase(load.key_len ? say_hello : say_register, COAP_CREATED,
                    load.rounds);
    calm_down();
    if (load.updates)
        update_seconds = phase(say_update, COAP_CHANGED, load.updates);
    if (load.server_pid)
        stall = expire(seconds);
    printf("{\"per_second\": %.0f, \"updates_per_second\": %.0f, "
           "\"stall_ms\": %lld, \"answers\": %lu, \"again\": %lu, "
           "\"wrong\": %lu}\n",
           load.n * load.rounds / seconds,
           load.updates ? load.n * load.updates / update_seconds : 0.0,
           (long long)stall, load.answers, load.again, load.wrong);
}

int main(int argc, char **argv)
{
    if (!read_options(argc, argv)) {
        fputs("usage: lwm2m_load PORT CLIENTS [--first N] [--window N] "
              "[--rounds N] [--updates N] [--psk HEX] [--expire PID]\n",
              stderr);
        return 2;
    }
    load.client = calloc(load.n, sizeof *load.client);
    if (!load.client ||
        open_socket((unsigned)strtoul(argv[optind], NULL, 10)) != 0) {
        perror("lwm2m_load");
        return 1;
    }
    run();
    free(load.client);
    return 0;
}
