/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening, for the line and for the control socket.
 */
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "modem/ports_priv.h"
#include "os/log.h"

/* @NAME is a name without a file (unix(7), "abstract"), gone with its last
 * user. */
static int listen_unix(const char *path, int *out)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    socklen_t len = sizeof a;
    struct stat st;
    int fd;

    if (strlen(path) >= sizeof a.sun_path) {
        log_error("%s: longer than a socket's name can be (%zu bytes)", path,
                  sizeof a.sun_path - 1);
        return DFOTA_E_ARG;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    if (path[0] == '@') {
        a.sun_path[0] = '\0';
        len =
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    } else if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        /* What a killed module left behind; never anything but a socket. */
        unlink(path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
        listen(fd, 8) != 0) {
        log_error("%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return DFOTA_E_IO;
    }
    *out = fd;
    return 0;
}

static int bind_one(const struct addrinfo *a)
{
    int fd =
        socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 8) == 0)
        return fd;
    close(fd);
    return -1;
}

/* spec: with its "tcp:" or "rfc2217:" */
static int listen_tcp(const char *spec, int *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    const char *name = strchr(spec, ':') + 1;
    const char *colon = strrchr(name, ':');
    char host[256];
    int fd = -1;

    if (!colon || (size_t)(colon - name) >= sizeof host || !colon[1]) {
        log_error("%s: give %.*sHOST:PORT", spec, (int)(name - spec), spec);
        return DFOTA_E_ARG;
    }
    /* [..] around an IPv6 address, as everywhere else */
    if (name[0] == '[' && colon > name + 1 && colon[-1] == ']')
        snprintf(host, sizeof host, "%.*s", (int)(colon - name) - 2, name + 1);
    else
        snprintf(host, sizeof host, "%.*s", (int)(colon - name), name);
    if (getaddrinfo(host[0] ? host : "localhost", colon + 1, &hints, &list) !=
        0) {
        log_error("%s: no such host or port", spec);
        return DFOTA_E_ARG;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = bind_one(a);
    freeaddrinfo(list);
    if (fd < 0) {
        log_error("%s: %s", spec, strerror(errno));
        return DFOTA_E_IO;
    }
    *out = fd;
    return 0;
}

int ports_listen(const char *spec, int *fd)
{
    if (strncmp(spec, "tcp:", 4) == 0 || strncmp(spec, "rfc2217:", 8) == 0)
        return listen_tcp(spec, fd);
    return listen_unix(strncmp(spec, "unix:", 5) == 0 ? spec + 5 : spec, fd);
}

/* The port that the kernel chose for port 0. */
static void name_socket(struct ports *p, const char *spec)
{
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof a;
    char host[64], port[8];

    snprintf(p->name, sizeof p->name, "%s", spec);
    if (getsockname(p->listener, (struct sockaddr *)&a, &len) == 0 &&
        a.ss_family != AF_UNIX &&
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(p->name, sizeof p->name,
                 a.ss_family == AF_INET6 ? "%.*s[%s]:%s" : "%.*s%s:%s",
                 (int)(strchr(spec, ':') + 1 - spec), spec, host, port);
}

int ports_open_socket(struct ports *p, const char *spec)
{
    int err = ports_listen(spec, &p->listener);

    if (err)
        return err;
    if (strncmp(spec, "unix:", 5) == 0 && spec[5] != '@')
        p->link = strdup(spec + 5);
    name_socket(p, spec);
    return 0;
}
