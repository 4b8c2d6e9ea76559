/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"

enum { HOST_ROOM = 256 };

static bool is_port(const char *text)
{
    unsigned port = 0;
    size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 5 || text[len] != '\0')
        return false;
    for (; *text; text++)
        port = port * 10 + (unsigned)(*text - '0');
    return port <= 65535;
}

/* ADDR:PORT into its two parts, the brackets of IPv6 taken off. */
static int split(const char *address, char host[HOST_ROOM], const char **port)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;

    if (len == 0 || len >= HOST_ROOM || !is_port(colon + 1))
        return DFOTA_E_SYNTAX;
    if (address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    } else if (memchr(address, ':', len)) {
        return DFOTA_E_SYNTAX;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    *port = colon + 1;
    return 0;
}

static int listen_on(const struct addrinfo *info)
{
    const int on = 1, off = 0;
    int fd =
        socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int kept;

    if (fd < 0)
        return -1;
    if (info->ai_family == AF_INET6) /* [::] is every address of IPv4 too */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

/* returns the socket, or -1 with the text of why not */
static int listen_at(const char *host, const char *port, const char **why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *info = NULL;
    int code = getaddrinfo(host, port, &hints, &info), fd;

    if (code != 0) {
        *why = gai_strerror(code);
        return -1;
    }
    fd = listen_on(info);
    *why = errno == EADDRINUSE ? "the port is taken; choose another (0: any)"
                               : strerror(errno);
    freeaddrinfo(info);
    return fd;
}

/* One that a dead server left behind is replaced, one that answers is not. */
static int listen_at_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int kept;

    if (fd < 0)
        return -1;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
    } else {
        snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            errno = EADDRINUSE;
        else if ((unlink(path) == 0 || errno == ENOENT) &&
                 bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                 listen(fd, SOMAXCONN) == 0)
            return fd;
    }
    kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

int listen_open(const char *address, int *fd)
{
    char host[HOST_ROOM];
    const char *port, *why = "";

    if (strncmp(address, "unix:", 5) == 0) {
        *fd = listen_at_path(address + 5);
        if (*fd >= 0)
            return 0;
        log_error("cannot listen on %s: %s", address + 5, strerror(errno));
        return DFOTA_E_CONNECT;
    }
    if (split(address, host, &port)) {
        log_error("%s: not an address; write ADDR:PORT, such as "
                  "127.0.0.1:8080 or [::1]:8080",
                  address);
        return DFOTA_E_SYNTAX;
    }
    if (strcmp(host, "*") == 0) {
        *fd = listen_at("::", port, &why);
        if (*fd < 0) /* a machine without IPv6 */
            *fd = listen_at("0.0.0.0", port, &why);
    } else {
        *fd = listen_at(host, port, &why);
    }
    if (*fd >= 0)
        return 0;
    log_error("cannot listen on %s: %s", address, why);
    return DFOTA_E_CONNECT;
}

void listen_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

void listen_name(int fd, char *name, size_t room)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char host[64] = "?", port[8] = "0";
    bool v6;

    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (address.ss_family == AF_UNIX) {
        snprintf(name, room, "%s",
                 ((const struct sockaddr_un *)&address)->sun_path);
        return;
    }
    v6 = address.ss_family == AF_INET6;
    snprintf(name, room, "%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
}
