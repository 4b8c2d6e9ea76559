/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file descriptor carries the line, whatever it is: the master of a pty,
 * a serial device, or the client that a listening socket has let in.
 *
 * The module's bytes wait in `out`; telnet has a second buffer, `wire`, for
 * its own answers and for the piece of out that it has encoded, so that a
 * client can have out thrown away (PURGE-DATA) or held without cutting a
 * telnet sequence in two.
 */
#include "modem/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "modem/ports_priv.h"
#include "os/log.h"

enum {
    OUT_MAX = 9 * 1048576,
    WIRE_MAX = 65536, /* a client that takes no answers is let go */
    PIECE = 2048,     /* bytes encoded at a time */
};

static void watch(struct ports *p);
static void push(struct ports *p);

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

uv_poll_t *ports_make_poll(struct ports *p, int fd)
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
    bool had_dtr = p->telnet && p->remote.dtr;

    if (!p->poll)
        return; /* gone already */
    if (p->listener < 0) {
        /* A device that was pulled out would be readable for ever. */
        log_error("%s: the line is gone; start again when it is back", p->name);
        drop_poll(&p->poll);
        return;
    }
    drop_poll(&p->poll);
    close(p->fd);
    p->fd = -1;
    p->held = false;
    buffer_clear(&p->out);
    buffer_clear(&p->wire);
    if (had_dtr)
        p->host.dtr(p->host.ctx, false); /* what closing a port does */
}

/* ---- rates --------------------------------------------------------------- */

static bool in_tune(const struct ports *p)
{
    return !p->telnet || p->rate == 0 || p->rate == p->remote.rate;
}

static void feed(struct ports *p, const uint8_t *data, size_t len)
{
    static const uint8_t noise[PIECE];

    if (in_tune(p)) {
        p->host.feed(p->host.ctx, data, len);
        return;
    }
    for (; len > PIECE; len -= PIECE)
        p->host.feed(p->host.ctx, noise, PIECE);
    p->host.feed(p->host.ctx, noise, len);
}

void ports_set_rate(struct ports *p, uint32_t rate)
{
    p->rate = rate;
    if (!p->serial || rate == 0)
        return;
    p->rate_due = true;
    if (p->out.len == 0)
        ports_tty_rate(p);
}

static uint8_t lines_of(const struct ports *p)
{
    return p->ready ? RFC2217_CTS | RFC2217_DSR : 0;
}

void ports_set_ready(struct ports *p, bool ready)
{
    p->ready = ready;
    if (p->telnet && p->fd >= 0) {
        rfc2217_set_lines(&p->remote, lines_of(p));
        push(p);
    }
}

/* ---- out ----------------------------------------------------------------- */

/* Telnet: the next piece of out becomes bytes on the wire. */
static void encode(struct ports *p)
{
    uint8_t in[PIECE], out[2 * PIECE + 1];
    size_t len = p->out.len < PIECE ? p->out.len : PIECE;

    if (p->held || p->wire.len > 0 || len == 0)
        return;
    if (in_tune(p))
        memcpy(in, p->out.data, len);
    else
        memset(in, 0, len);
    buffer_add(&p->wire, out, rfc2217_encode(&p->remote, in, len, out));
    buffer_drop(&p->out, len);
}

static struct buffer *next_out(struct ports *p)
{
    if (!p->telnet)
        return &p->out;
    encode(p);
    return &p->wire;
}

static void push(struct ports *p)
{
    struct buffer *b;

    while (p->fd >= 0 && (b = next_out(p))->len > 0) {
        ssize_t n = write(p->fd, b->data, b->len);

        if (n > 0) {
            buffer_drop(b, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            break;
        } else {
            hang_up(p);
            return;
        }
    }
    if (p->rate_due && p->out.len == 0)
        ports_tty_rate(p);
    watch(p);
}

void ports_send(struct ports *p, const void *data, size_t len)
{
    if (!p->poll)
        return;
    if (buffer_add(&p->out, data, len) != 0)
        buffer_clear(&p->out); /* nobody reads: what was held is lost */
    push(p);
}

/* ---- in ------------------------------------------------------------------ */

static void pull(struct ports *p)
{
    uint8_t in[4096];
    ssize_t n = read(p->fd, in, sizeof in);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hang_up(p);
        return;
    }
    if (!p->telnet) {
        feed(p, in, (size_t)n);
        return;
    }
    rfc2217_feed(&p->remote, in, (size_t)n);
    if (p->wire.err)
        hang_up(p);
    else
        push(p);
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
    if (p->poll && events & UV_READABLE)
        pull(p);
}

static void watch(struct ports *p)
{
    bool waits = p->wire.len > 0 || (!p->telnet && p->out.len > 0);

    if (p->poll)
        uv_poll_start(p->poll, UV_READABLE | (waits ? UV_WRITABLE : 0),
                      on_ready);
}

int ports_carry(struct ports *p, int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    p->fd = fd;
    p->poll = ports_make_poll(p, fd);
    if (!p->poll) {
        close(fd);
        p->fd = -1;
        return DFOTA_E_NOMEM;
    }
    watch(p);
    return 0;
}

/* ---- telnet -------------------------------------------------------------- */

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
    feed(ctx, data, len);
}

static void on_reply(void *ctx, const uint8_t *data, size_t len)
{
    struct ports *p = ctx;

    buffer_add(&p->wire, data, len);
}

static void on_dtr(void *ctx, bool on)
{
    struct ports *p = ctx;

    if (p->poll) /* else the rest of what a client sent that has gone */
        p->host.dtr(p->host.ctx, on);
}

static void on_hold(void *ctx, bool hold)
{
    struct ports *p = ctx;

    p->held = hold;
}

static void on_purge(void *ctx, enum rfc2217_purge what)
{
    struct ports *p = ctx;

    /* What the module received is processed already. */
    if (what & RFC2217_PURGE_IN)
        buffer_clear(&p->out);
}

static void begin_telnet(struct ports *p)
{
    p->telnet_ops = (struct rfc2217_ops){.data = on_data,
                                         .reply = on_reply,
                                         .dtr = on_dtr,
                                         .hold = on_hold,
                                         .purge = on_purge,
                                         .ctx = p};
    buffer_clear(&p->wire); /* answers to the client before, who left */
    rfc2217_init(&p->remote, &p->telnet_ops, lines_of(p));
    push(p);
}

/* ---- opening ------------------------------------------------------------- */

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
        if (ports_carry(p, fd) == 0 && p->telnet)
            begin_telnet(p);
        return;
    }
    if (write(fd, busy, sizeof busy - 1) < 0)
        log_debug("a second client left before it was told");
    close(fd);
}

static int open_listener(struct ports *p, const char *spec)
{
    int err = ports_open_socket(p, spec);

    if (err)
        return err;
    p->listen_poll = ports_make_poll(p, p->listener);
    if (!p->listen_poll)
        return DFOTA_E_NOMEM;
    uv_poll_start(p->listen_poll, UV_READABLE, on_client);
    return 0;
}

static int open_spec(struct ports *p, const char *spec)
{
    p->telnet = strncmp(spec, "rfc2217:", 8) == 0;
    if (strncmp(spec, "pty:", 4) == 0)
        return ports_open_pty(p, spec + 4);
    if (p->telnet || strncmp(spec, "tcp:", 4) == 0 ||
        strncmp(spec, "unix:", 5) == 0)
        return open_listener(p, spec);
    if (spec[0] == '/')
        return ports_open_tty(p, spec);
    log_error("%s: no port; give pty:LINK, tcp:HOST:PORT, rfc2217:HOST:PORT, "
              "unix:PATH or /dev/ttyX",
              spec);
    return DFOTA_E_ARG;
}

int ports_open(struct ports **out, uv_loop_t *loop, const char *spec,
               const struct ports_host *host)
{
    struct ports *p = calloc(1, sizeof *p);
    int err;

    if (!p)
        return DFOTA_E_NOMEM;
    p->loop = loop;
    p->listener = p->fd = p->slave = -1;
    p->host = *host;
    buffer_init(&p->out, OUT_MAX);
    buffer_init(&p->wire, WIRE_MAX);
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
    ports_close_tty(p);
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
    buffer_release(&p->wire);
    free(p);
}

const char *ports_name(const struct ports *p)
{
    return p->name;
}
