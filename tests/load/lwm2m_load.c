/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LwM2M clients without number: usage: lwm2m_load PORT CLIENTS [WINDOW]
 *
 * Each has an address of its own in 127/8, played by one socket with
 * IP_PKTINFO. Every one registers at coap://127.0.0.1:PORT, and answers the
 * Reads and Observes that follow. At most WINDOW registrations wait at a
 * time; one that gets no answer within two seconds is sent again. Last line:
 * `registered N in S s: R per second, A answers, D sent again`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "link/coap_msg.h"

enum { BASE = 0x7f010000, AGAIN_MS = 2000, GIVE_UP_MS = 600000 };

struct client {
    uint64_t sent_ms; /* 0: not yet */
    bool registered;
};

static struct {
    int fd;
    struct sockaddr_in server;
    struct client *client;
    uint32_t n, next, waiting, registered, window, oldest;
    unsigned long answers, again;
} load;

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void send_from(uint32_t i, const struct coap_msg *m)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control = {0};
    uint8_t data[COAP_DATAGRAM_MAX];
    struct iovec iov = {.iov_base = data};
    struct msghdr h = {.msg_name = &load.server,
                       .msg_namelen = sizeof load.server,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(BASE + i)};

    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    if (coap_msg_write(m, data, sizeof data, &iov.iov_len) == 0)
        (void)sendmsg(load.fd, &h, 0);
}

static void send_register(uint32_t i)
{
    static const char links[] = "</1/0>,</3/0>,</5/0>";
    struct coap_msg m = {.type = COAP_CON,
                         .code = COAP_POST,
                         .mid = (uint16_t)(i + 1),
                         .token_len = 1,
                         .payload = (const uint8_t *)links,
                         .payload_len = sizeof links - 1};
    uint8_t memory[128];
    struct coap_options o;
    char endpoint[40];

    snprintf(endpoint, sizeof endpoint, "ep=urn:imei:%015u", i);
    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_str(&o, COAP_URI_PATH, "rd");
    coap_options_add_uint(&o, COAP_CONTENT_FORMAT, 40);
    coap_options_add_str(&o, COAP_URI_QUERY, endpoint);
    coap_options_add_str(&o, COAP_URI_QUERY, "lt=86400");
    coap_options_add_str(&o, COAP_URI_QUERY, "lwm2m=1.0");
    m.options = o.data;
    m.options_len = o.len;
    send_from(i, &m);
    load.client[i].sent_ms = now_ms();
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
    send_from(i, &m);
    load.answers++;
}

static void take(uint32_t i, const struct coap_msg *m)
{
    if (coap_msg_is_request(m)) {
        answer(i, m);
    } else if (m->code == COAP_CREATED && !load.client[i].registered) {
        load.client[i].registered = true;
        load.registered++;
        load.waiting--;
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
    struct coap_msg m;

    if (len < 0)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
        struct in_pktinfo info;
        uint32_t i;

        if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
            continue;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        i = ntohl(info.ipi_addr.s_addr) - BASE;
        if (i < load.n && coap_msg_parse(&m, data, (size_t)len) == 0)
            take(i, &m);
    }
    return true;
}

/* Those that wait too long are the ones sent first. */
static void send_again(void)
{
    uint64_t now = now_ms();

    while (load.oldest < load.next && load.client[load.oldest].registered)
        load.oldest++;
    for (uint32_t i = load.oldest; i < load.next; i++) {
        if (load.client[i].registered)
            continue;
        if (now - load.client[i].sent_ms < AGAIN_MS)
            break;
        send_register(i);
        load.again++;
    }
}

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

static void run(void)
{
    uint64_t end = now_ms() + GIVE_UP_MS;

    while (load.registered < load.n && now_ms() < end) {
        struct pollfd p = {.fd = load.fd, .events = POLLIN};

        while (load.waiting < load.window && load.next < load.n) {
            send_register(load.next++);
            load.waiting++;
        }
        if (!receive()) {
            poll(&p, 1, 100);
            send_again();
        }
    }
    /* What was asked last is answered too. */
    for (end = now_ms() + 1000; now_ms() < end;)
        if (!receive())
            usleep(1000);
}

int main(int argc, char **argv)
{
    uint64_t begun;
    double seconds;

    if (argc < 3) {
        fprintf(stderr, "usage: lwm2m_load PORT CLIENTS [WINDOW]\n");
        return 2;
    }
    load.n = (uint32_t)strtoul(argv[2], NULL, 10);
    load.window = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 64;
    load.client = calloc(load.n, sizeof *load.client);
    if (!load.client || load.n > 0xfe0000 ||
        open_socket((unsigned)strtoul(argv[1], NULL, 10)) != 0) {
        fprintf(stderr, "lwm2m_load: %s\n", strerror(errno));
        return 1;
    }
    begun = now_ms();
    run();
    seconds = (double)(now_ms() - begun - 1000) / 1000;
    printf("registered %u in %.2f s: %.0f per second, %lu answers, %lu sent "
           "again\n",
           load.registered, seconds, load.registered / seconds, load.answers,
           load.again);
    free(load.client);
    return load.registered == load.n ? 0 : 1;
}
