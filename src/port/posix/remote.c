/* SPDX-License-Identifier: Apache-2.0 */
#include "port/posix/remote.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/bytes.h"
#include "base/err.h"

enum { AGREE_MS = 3000, PART = 256 }; /* of a write */
enum {                                /* RFC 2217 2 */
       SET_BAUDRATE = 1,
       SET_DATASIZE = 2,
       SET_PARITY = 3,
       SET_STOPSIZE = 4,
       SET_CONTROL = 5,
       SERVER = 100,
};
enum { FLOW_NONE = 1, DTR_ON = 8, RTS_ON = 11 };

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
    struct remote *r = ctx;

    memcpy(r->in + r->in_len, data, len); /* pull() left room */
    r->in_len += len;
}

static void on_reply(void *ctx, const uint8_t *data, size_t len)
{
    struct remote *r = ctx;

    if (len > REMOTE_OUT_MAX - r->out_len) {
        r->full = true;
        return;
    }
    memcpy(r->out + r->out_len, data, len);
    r->out_len += len;
}

static void send_rate(struct remote *r)
{
    uint8_t value[4];

    dfota_put_be32(value, r->rate);
    telnet_send_sub(&r->telnet, SET_BAUDRATE, value, sizeof value);
}

static void on_agreed(void *ctx)
{
    static const uint8_t settings[][2] = {
        {SET_DATASIZE, 8},        {SET_PARITY, 1},       {SET_STOPSIZE, 1},
        {SET_CONTROL, FLOW_NONE}, {SET_CONTROL, DTR_ON}, {SET_CONTROL, RTS_ON}};
    struct remote *r = ctx;

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        telnet_send_sub(&r->telnet, settings[i][0], settings[i] + 1, 1);
    send_rate(r);
}

static void on_sub(void *ctx, const uint8_t *sub, size_t len)
{
    struct remote *r = ctx;

    (void)len;
    r->rate_told |= sub[0] == SERVER + SET_BAUDRATE;
}

static int push(struct remote *r)
{
    ssize_t put;

    if (r->full)
        return DFOTA_E_IO; /* it asks and never listens */
    if (r->out_len == 0)
        return DFOTA_OK;
    put = send(r->fd, r->out, r->out_len, MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR ? DFOTA_OK : DFOTA_E_IO;
    r->out_len -= (size_t)put;
    memmove(r->out, r->out + put, r->out_len);
    return DFOTA_OK;
}

static int pull(struct remote *r, size_t room)
{
    uint8_t raw[REMOTE_IN_MAX];
    ssize_t got =
        recv(r->fd, raw, room < sizeof raw ? room : sizeof raw, MSG_DONTWAIT);

    r->in_len = 0;
    if (got == 0) {
        errno = ECONNRESET;
        return DFOTA_E_IO;
    }
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? DFOTA_OK : DFOTA_E_IO;
    telnet_feed(&r->telnet, raw, (size_t)got);
    return push(r);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int remote_begin(struct remote *r, int fd, uint32_t rate)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t end = now_ms() + AGREE_MS;
    int err;

    *r = (struct remote){.fd = fd, .rate = rate};
    r->ops = (struct telnet_ops){on_data, on_reply, on_agreed, on_sub, r};
    telnet_init(&r->telnet, &r->ops, true);
    err = push(r);
    while (!err && !r->rate_told) {
        int64_t left = end - now_ms();

        if (left <= 0 || poll(&p, 1, (int)left) != 1) {
            errno = EPROTONOSUPPORT;
            return DFOTA_E_CONNECT;
        }
        err = pull(r, REMOTE_IN_MAX);
    }
    return err ? DFOTA_E_CONNECT : DFOTA_OK;
}

int remote_read(struct remote *r, uint8_t *data, size_t room, size_t *len)
{
    int err = push(r);

    r->in_len = 0;
    if (!err)
        err = pull(r, room);
    memcpy(data, r->in, r->in_len);
    *len = r->in_len;
    return err;
}

int remote_write(struct remote *r, const uint8_t *data, size_t len,
                 size_t *used)
{
    uint8_t wire[2 * PART + 1];
    int err = push(r);

    *used = 0;
    if (err || REMOTE_OUT_MAX - r->out_len < sizeof wire)
        return err;
    *used = len < PART ? len : PART;
    on_reply(r, wire, telnet_encode(&r->telnet, data, *used, wire));
    return push(r);
}

int remote_set_rate(struct remote *r, uint32_t rate)
{
    r->rate = rate;
    send_rate(r);
    return push(r);
}
