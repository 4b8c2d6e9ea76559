/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file descriptor carries the line, whatever it is: the master of a pty,
 * a tty, or the client that a listening socket has let in.
 */
#include "modem/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "os/buffer.h"
#include "os/log.h"

enum { OUT_MAX = 9 * 1048576 };

struct ports {
    uv_loop_t *loop;
    int listener, fd, slave; /* -1: none */
    uv_poll_t *listen_poll, *poll;
    struct buffer out;
    char *link; /* symbolic link or socket to remove at the end */
    char name[128];
    bool is_tty;
    void (*feed)(void *ctx, const void *data, size_t len);
    void *ctx;
};

static void watch(struct ports *p);

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void drop_poll(uv_poll_t **poll)
{
    if (!*poll)
        return;
    uv_poll_stop(*poll);
    uv_close((uv_handle_t *)*poll, free_handle);
    *poll = NULL;
}

static uv_poll_t *make_poll(struct ports *p, int fd)
{
    uv_poll_t *poll = malloc(sizeof *poll);

    if (!poll || uv_poll_init(p->loop, poll, fd) != 0) {
        free(poll);
        return NULL;
    }
    poll->data = p;
    return poll;
}

static void hang_up(struct ports *p)
{
    if (p->listener < 0)
        return; /* a pty and a tty stay */
    drop_poll(&p->poll);
    close(p->fd);
    p->fd = -1;
    buffer_clear(&p->out);
}

static void push(struct ports *p)
{
    while (p->fd >= 0 && p->out.len > 0) {
        ssize_t n = write(p->fd, p->out.data, p->out.len);

        if (n > 0) {
            buffer_drop(&p->out, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            break;
        } else {
            hang_up(p);
        }
    }
    if (p->fd >= 0)
        watch(p);
}

static void pull(struct ports *p)
{
    char in[4096];
    ssize_t n = read(p->fd, in, sizeof in);

    if (n > 0)
        p->feed(p->ctx, in, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        hang_up(p);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct ports *p = poll->data;

    if (status < 0) {
        hang_up(p);
        return;
    }
    if (events & UV_WRITABLE)
        push(p);
    if (p->fd >= 0 && events & UV_READABLE)
        pull(p);
}

static void watch(struct ports *p)
{
    int events = UV_READABLE | (p->out.len > 0 ? UV_WRITABLE : 0);

    uv_poll_start(p->poll, events, on_ready);
}

static int carry(struct ports *p, int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    p->fd = fd;
    p->poll = make_poll(p, fd);
    if (!p->poll) {
        close(fd);
        p->fd = -1;
        return DFOTA_E_NOMEM;
    }
    watch(p);
    return 0;
}

void ports_send(struct ports *p, const void *data, size_t len)
{
    if (p->fd < 0)
        return;
    if (buffer_add(&p->out, data, len) != 0)
        buffer_clear(&p->out); /* nobody reads: what was held is lost */
    push(p);
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    static const char busy[] = "\r\nBUSY: another client has this port\r\n";
    struct ports *p = poll->data;
    int fd;

    (void)events;
    if (status < 0)
        return;
    fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (p->fd < 0) {
        carry(p, fd);
        return;
    }
    if (write(fd, busy, sizeof busy - 1) < 0)
        log_debug("a second client left before it was told");
    close(fd);
}

static int listen_unix(const char *path, int *out)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    if (strlen(path) >= sizeof a.sun_path) {
        log_error("%s: longer than a socket's name can be (%zu bytes)", path,
                  sizeof a.sun_path - 1);
        return DFOTA_E_ARG;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    /* What a killed module left behind; never anything but a socket. */
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
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

static int listen_tcp(const char *spec, int *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    const char *colon = strrchr(spec, ':');
    char host[256];
    int fd = -1;

    if (!colon || (size_t)(colon - spec) >= sizeof host || !colon[1]) {
        log_error("tcp:%s: give tcp:HOST:PORT", spec);
        return DFOTA_E_ARG;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - spec), spec);
    if (getaddrinfo(host[0] ? host : "localhost", colon + 1, &hints, &list) !=
        0) {
        log_error("tcp:%s: no such host or port", spec);
        return DFOTA_E_ARG;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = bind_one(a);
    freeaddrinfo(list);
    if (fd < 0) {
        log_error("tcp:%s: %s", spec, strerror(errno));
        return DFOTA_E_IO;
    }
    *out = fd;
    return 0;
}

int ports_listen(const char *spec, int *fd)
{
    if (strncmp(spec, "tcp:", 4) == 0)
        return listen_tcp(spec + 4, fd);
    return listen_unix(strncmp(spec, "unix:", 5) == 0 ? spec + 5 : spec, fd);
}

static void name_socket(struct ports *p, const char *spec)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[64], port[8];

    snprintf(p->name, sizeof p->name, "%s", spec);
    if (strncmp(spec, "tcp:", 4) == 0 &&
        getsockname(p->listener, (struct sockaddr *)&a, &len) == 0 &&
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(p->name, sizeof p->name, "tcp:%s:%s", host, port);
}

static int open_socket(struct ports *p, const char *spec)
{
    int err = ports_listen(spec, &p->listener);

    if (err)
        return err;
    if (strncmp(spec, "unix:", 5) == 0)
        p->link = strdup(spec + 5);
    name_socket(p, spec);
    p->listen_poll = make_poll(p, p->listener);
    if (!p->listen_poll)
        return DFOTA_E_NOMEM;
    uv_poll_start(p->listen_poll, UV_READABLE, on_client);
    return 0;
}

static void make_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t) != 0)
        return;
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    tcsetattr(fd, TCSANOW, &t);
}

static int link_to(const char *name, const char *link)
{
    struct stat st;

    if (lstat(link, &st) == 0 && S_ISLNK(st.st_mode))
        unlink(link);
    return symlink(name, link) == 0 ? 0 : DFOTA_E_IO;
}

static int open_pty(struct ports *p, const char *link)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0 ||
        ptsname_r(fd, p->name, sizeof p->name) != 0) {
        log_error("no pty: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return DFOTA_E_IO;
    }
    /* Held open here, so that the master does not hang up, and the line
     * keeps its settings, between two hosts. */
    p->slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->slave >= 0)
        make_raw(p->slave);
    if (link[0] == '\0')
        return carry(p, fd);
    if (link_to(p->name, link) != 0) {
        log_error("%s: %s", link, strerror(errno));
        close(fd);
        return DFOTA_E_IO;
    }
    p->link = strdup(link);
    return carry(p, fd);
}

static int open_tty(struct ports *p, const char *path)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || !isatty(fd)) {
        log_error("%s: %s", path,
                  fd < 0 ? strerror(errno) : "is no serial port");
        if (fd >= 0)
            close(fd);
        return DFOTA_E_IO;
    }
    make_raw(fd);
    p->is_tty = true;
    snprintf(p->name, sizeof p->name, "%s", path);
    return carry(p, fd);
}

static int open_spec(struct ports *p, const char *spec)
{
    if (strncmp(spec, "pty:", 4) == 0)
        return open_pty(p, spec + 4);
    if (strncmp(spec, "tcp:", 4) == 0 || strncmp(spec, "unix:", 5) == 0)
        return open_socket(p, spec);
    if (spec[0] == '/')
        return open_tty(p, spec);
    log_error("%s: no port; give pty:LINK, tcp:HOST:PORT, unix:PATH or "
              "/dev/ttyX",
              spec);
    return DFOTA_E_ARG;
}

int ports_open(struct ports **out, uv_loop_t *loop, const char *spec,
               void (*feed)(void *ctx, const void *data, size_t len), void *ctx)
{
    struct ports *p = calloc(1, sizeof *p);
    int err;

    if (!p)
        return DFOTA_E_NOMEM;
    p->loop = loop;
    p->listener = p->fd = p->slave = -1;
    p->feed = feed;
    p->ctx = ctx;
    buffer_init(&p->out, OUT_MAX);
    err = open_spec(p, spec);
    if (err) {
        ports_close(p);
        return err;
    }
    *out = p;
    return 0;
}

void ports_close(struct ports *p)
{
    if (!p)
        return;
    drop_poll(&p->poll);
    drop_poll(&p->listen_poll);
    if (p->fd >= 0)
        close(p->fd);
    if (p->slave >= 0)
        close(p->slave);
    if (p->listener >= 0)
        close(p->listener);
    if (p->link)
        unlink(p->link);
    free(p->link);
    buffer_release(&p->out);
    free(p);
}

const char *ports_name(const struct ports *p)
{
    return p->name;
}

static speed_t speed_of(uint32_t rate)
{
    static const struct {
        uint32_t rate;
        speed_t speed;
    } table[] = {
        {4800, B4800},     {9600, B9600},     {19200, B19200},
        {38400, B38400},   {57600, B57600},   {115200, B115200},
        {230400, B230400}, {460800, B460800}, {921600, B921600},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].rate == rate)
            return table[i].speed;
    }
    return B0;
}

void ports_set_rate(struct ports *p, uint32_t rate)
{
    speed_t speed = speed_of(rate);
    struct termios t;

    if (!p->is_tty || speed == B0 || tcgetattr(p->fd, &t) != 0)
        return;
    cfsetspeed(&t, speed);
    tcsetattr(p->fd, TCSADRAIN, &t);
}
