/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer must leave from the address the request came to, or a client
 * behind a NAT never sees it: the address of ours (IP_PKTINFO) is part of
 * what tells remotes apart.
 */
#include "server/coap_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"

enum { BATCH = 256, RECEIVE_BUFFER = 4 << 20 };

/* What a remote is told apart by, without padding. */
struct pair {
    uint16_t family, port; /* port as on the wire */
    uint8_t theirs[16], ours[16];
    uint32_t scope;
};

/* coap://HOST:PORT; port 0, which no URI has, takes a free one. */
struct place {
    bool secure;
    char host[256], port[6];
};

static int parse(struct place *p, const char *uri)
{
    const char *host = strstr(uri, "://"), *colon = strrchr(uri, ':');
    size_t len;

    p->secure = strncmp(uri, "coaps://", 8) == 0;
    if (!host || (!p->secure && strncmp(uri, "coap://", 7) != 0))
        return DFOTA_E_SYNTAX;
    host += 3;
    len = colon > host ? (size_t)(colon - host) : 0;
    if (len == 0 || len >= sizeof p->host ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strlen(colon + 1) - 1 >= sizeof p->port - 1 ||
        strtoul(colon + 1, NULL, 10) > UINT16_MAX)
        return DFOTA_E_SYNTAX;
    if (host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    memcpy(p->host, host, len);
    p->host[len] = '\0';
    memcpy(p->port, colon + 1, strlen(colon + 1) + 1);
    return 0;
}

static int bind_to(struct coap_listener *l, const struct place *u)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    bool any = strcmp(u->host, "*") == 0;
    int on = 1, size = RECEIVE_BUFFER;

    if (any)
        hints.ai_family = AF_INET6;
    if (getaddrinfo(any ? NULL : u->host, u->port, &hints, &found) != 0) {
        log_error("%s: no such address", u->host);
        return DFOTA_E_CONNECT;
    }
    l->fd =
        socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (found->ai_family == AF_INET6)
        setsockopt(l->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    setsockopt(l->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    if (l->fd < 0 || bind(l->fd, found->ai_addr, found->ai_addrlen) != 0) {
        log_error("%s port %s: %s", u->host, u->port, strerror(errno));
        if (l->fd >= 0)
            close(l->fd);
        l->fd = -1;
    }
    freeaddrinfo(found);
    return l->fd < 0 ? DFOTA_E_CONNECT : 0;
}

static void set_name(struct coap_listener *l)
{
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";

    if (getsockname(l->fd, (struct sockaddr *)&ss, &len) == 0)
        getnameinfo((struct sockaddr *)&ss, len, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(l->name, sizeof l->name,
             ss.ss_family == AF_INET6 ? "%s://[%s]:%s" : "%s://%s:%s",
             l->secure ? "coaps" : "coap", host, port);
}

int coap_listener_open(struct coap_listener *l, const char *uri)
{
    struct place u;
    int err = parse(&u, uri);

    memset(l, 0, sizeof *l);
    l->fd = -1;
    if (err) {
        log_error("%s: coap://ADDR:PORT or coaps://ADDR:PORT is wanted", uri);
        return DFOTA_E_SYNTAX;
    }
    l->secure = u.secure;
    err = bind_to(l, &u);
    if (!err)
        set_name(l);
    return err;
}

void coap_listener_close(struct coap_listener *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

/* ---- datagrams ----------------------------------------------------------- */

static void our_address(struct msghdr *h, struct pair *p)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(p->ours, &info.ipi_addr, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 &&
                   c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(p->ours, &info.ipi6_addr, 16);
        }
    }
}

static void their_address(const struct sockaddr_storage *ss, struct pair *p)
{
    p->family = ss->ss_family;
    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)ss;

        p->port = in->sin_port;
        memcpy(p->theirs, &in->sin_addr, 4);
    } else {
        const struct sockaddr_in6 *in6 = (const void *)ss;

        p->port = in6->sin6_port;
        p->scope = in6->sin6_scope_id;
        memcpy(p->theirs, &in6->sin6_addr, 16);
    }
}

unsigned coap_listener_read(struct coap_listener *l, uint64_t now)
{
    uint8_t data[COAP_DATAGRAM_MAX], control[128];
    unsigned n = 0;

    for (; n < BATCH; n++) {
        struct sockaddr_storage from = {0};
        struct iovec iov = {.iov_base = data, .iov_len = sizeof data};
        struct msghdr h = {.msg_name = &from,
                           .msg_namelen = sizeof from,
                           .msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        struct pair p = {0};
        ssize_t len = recvmsg(l->fd, &h, 0);

        if (len < 0)
            break;
        l->received++;
        if (h.msg_flags & MSG_TRUNC)
            continue;
        their_address(&from, &p);
        our_address(&h, &p);
        coap_endpoint_receive(l->endpoint, now, &p, sizeof p, data,
                              (size_t)len);
    }
    return n;
}

static void add_our_address(struct msghdr *h, const struct pair *p)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(h);

    if (p->family == AF_INET) {
        struct in_pktinfo info = {0};

        memcpy(&info.ipi_spec_dst, p->ours, 4);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        h->msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct in6_pktinfo info = {0};

        memcpy(&info.ipi6_addr, p->ours, 16);
        info.ipi6_ifindex = p->scope;
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        h->msg_controllen = CMSG_SPACE(sizeof info);
    }
}

static socklen_t socket_address(const struct pair *p,
                                struct sockaddr_storage *to)
{
    if (p->family == AF_INET) {
        struct sockaddr_in *in = (void *)to;

        in->sin_family = AF_INET;
        in->sin_port = p->port;
        memcpy(&in->sin_addr, p->theirs, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (void *)to;

    in6->sin6_family = AF_INET6;
    in6->sin6_port = p->port;
    in6->sin6_scope_id = p->scope;
    memcpy(&in6->sin6_addr, p->theirs, 16);
    return sizeof *in6;
}

void coap_listener_send(struct coap_listener *l, const void *addr,
                        size_t addr_len, const uint8_t *data, size_t len)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[64];
    } control = {0};
    struct sockaddr_storage to = {0};
    struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr h = {.msg_name = &to,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    struct pair p;

    if (addr_len != sizeof p)
        return;
    memcpy(&p, addr, sizeof p);
    h.msg_namelen = socket_address(&p, &to);
    add_our_address(&h, &p);
    /* What the network does not take now is a lost datagram. */
    (void)sendmsg(l->fd, &h, MSG_NOSIGNAL);
}
