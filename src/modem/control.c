/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "modem/ports.h"
#include "os/log.h"

enum { CLIENTS_MAX = 8, LINE_MAX_LEN = 4096, ANSWER_MAX = 65536 };

struct client {
    struct control *control;
    uv_poll_t poll;
    int fd;
    struct buffer in;
    bool open;
};

struct control {
    struct module *m;
    int listener;
    char *path;
    uv_poll_t *poll;
    struct client *clients[CLIENTS_MAX];
};

static void free_client(uv_handle_t *handle)
{
    struct client *c = handle->data;

    buffer_release(&c->in);
    free(c);
}

static void drop_client(struct client *c)
{
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (c->control->clients[i] == c)
            c->control->clients[i] = NULL;
    }
    uv_poll_stop(&c->poll);
    close(c->fd);
    uv_close((uv_handle_t *)&c->poll, free_client);
}

/* Answers are short; a client that does not take them is let go. */
static int answer(struct client *c, const char *line)
{
    struct buffer out;
    ssize_t sent;
    size_t len;

    buffer_init(&out, ANSWER_MAX);
    control_run(c->control->m, line, &out);
    buffer_add_str(&out, "\n");
    len = out.len;
    sent = send(c->fd, out.data, len, MSG_NOSIGNAL);
    buffer_release(&out);
    return sent == (ssize_t)len ? 0 : DFOTA_E_IO;
}

static int run_lines(struct client *c)
{
    char *end;

    while ((end = memchr(c->in.data, '\n', c->in.len))) {
        size_t len = (size_t)(end - c->in.data) + 1;

        *end = '\0';
        if (end > c->in.data && end[-1] == '\r')
            end[-1] = '\0';
        if (answer(c, c->in.data) != 0)
            return DFOTA_E_IO;
        buffer_drop(&c->in, len);
    }
    return 0;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct client *c = poll->data;
    char in[1024];
    ssize_t n;

    (void)events;
    n = status < 0 ? 0 : read(c->fd, in, sizeof in);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || buffer_add(&c->in, in, (size_t)n) != 0 || run_lines(c) != 0)
        drop_client(c);
}

static int take_client(struct control *k, int fd, int place)
{
    struct client *c = calloc(1, sizeof *c);

    if (!c || uv_poll_init(k->m->loop, &c->poll, fd) != 0) {
        free(c);
        return DFOTA_E_NOMEM;
    }
    c->control = k;
    c->fd = fd;
    c->poll.data = c;
    buffer_init(&c->in, LINE_MAX_LEN);
    k->clients[place] = c;
    uv_poll_start(&c->poll, UV_READABLE, on_readable);
    return 0;
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    struct control *k = poll->data;
    int fd;

    (void)events;
    if (status < 0)
        return;
    fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    for (int i = 0; fd >= 0 && i < CLIENTS_MAX; i++) {
        if (!k->clients[i] && take_client(k, fd, i) == 0)
            return;
    }
    if (fd >= 0)
        close(fd);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

int control_open(struct control **out, struct module *m, const char *path)
{
    struct control *k = calloc(1, sizeof *k);
    int err;

    if (!k)
        return DFOTA_E_NOMEM;
    k->m = m;
    k->listener = -1;
    k->path = strdup(path);
    err = k->path ? ports_listen(path, &k->listener) : DFOTA_E_NOMEM;
    k->poll = err ? NULL : malloc(sizeof *k->poll);
    if (!k->poll || uv_poll_init(m->loop, k->poll, k->listener) != 0) {
        free(k->poll);
        k->poll = NULL;
        control_close(k);
        return err ? err : DFOTA_E_NOMEM;
    }
    k->poll->data = k;
    uv_poll_start(k->poll, UV_READABLE, on_client);
    *out = k;
    return 0;
}

void control_close(struct control *k)
{
    if (!k)
        return;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (k->clients[i])
            drop_client(k->clients[i]);
    }
    if (k->poll) {
        uv_poll_stop(k->poll);
        uv_close((uv_handle_t *)k->poll, free_handle);
    }
    if (k->listener >= 0) {
        close(k->listener);
        unlink(k->path);
    }
    free(k->path);
    free(k);
}
