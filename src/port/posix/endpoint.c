/* SPDX-License-Identifier: Apache-2.0 */
#include "port/posix/endpoint.h"
#include "base/err.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_MS 3000

/* Split HOST:PORT; an IPv6 address is told by its brackets. */
static int split(const char *name, char *host, size_t room, const char **port)
{
    const char *end;
    bool brackets = name[0] == '[';
    size_t len;
    char *rest;
    long number;

    if (brackets)
        name++;
    end = brackets ? strstr(name, "]:") : strchr(name, ':');
    if (!end || end == name)
        return DFOTA_E_ARG;
    len = (size_t)(end - name);
    *port = end + (brackets ? 2 : 1);
    if (len >= room || **port < '0' || **port > '9')
        return DFOTA_E_ARG;
    number = strtol(*port, &rest, 10);
    if (*rest || number < 1 || number > 65535)
        return DFOTA_E_ARG;
    memcpy(host, name, len);
    host[len] = '\0';
    return DFOTA_OK;
}

int endpoint_check(const char *name)
{
    char host[256];
    const char *port;

    return split(name, host, sizeof(host), &port);
}

static int wait_connected(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t len = sizeof(error);

    if (poll(&p, 1, CONNECT_MS) == 1)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    errno = error;
    return error ? DFOTA_E_CONNECT : DFOTA_OK;
}

static int connect_to(int family, const struct sockaddr *addr, socklen_t len,
                      int *fd)
{
    int s = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int err = DFOTA_OK;
    int kept;

    if (s < 0)
        return DFOTA_E_CONNECT;
    if (connect(s, addr, len))
        err = errno == EINPROGRESS ? wait_connected(s) : DFOTA_E_CONNECT;
    if (!err) {
        *fd = s;
        return DFOTA_OK;
    }
    kept = errno;
    close(s);
    errno = kept;
    return err;
}

int endpoint_connect_tcp(const char *name, int *fd)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    char host[256];
    const char *port;
    int err = split(name, host, sizeof(host), &port);
    int on = 1;

    if (err)
        return err;
    if (getaddrinfo(host, port, &hints, &list)) {
        errno = EADDRNOTAVAIL;
        return DFOTA_E_CONNECT;
    }
    err = DFOTA_E_CONNECT;
    for (const struct addrinfo *a = list; a && err; a = a->ai_next)
        err = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, fd);
    freeaddrinfo(list);
    if (!err)
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return err;
}

int endpoint_connect_unix(const char *path, int *fd)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(addr.sun_path))
        return DFOTA_E_ARG;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    return connect_to(AF_UNIX, (const struct sockaddr *)&addr, sizeof(addr),
                      fd);
}
