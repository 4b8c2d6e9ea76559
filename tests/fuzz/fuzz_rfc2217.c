/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a telnet client sends. The same bytes fed at once and one by one
 * mean the same; answers are bounded by what was asked; what the module
 * says comes back out of what the client receives.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "modem/rfc2217.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sum {
    uint64_t data, reply, events; /* order counts in each */
    size_t data_len, reply_len;
};

static uint64_t mix(uint64_t sum, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ data[i]) * 1099511628211U;
    return sum;
}

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
    struct sum *s = ctx;

    assert(len > 0);
    s->data = mix(s->data, data, len);
    s->data_len += len;
}

static void on_reply(void *ctx, const uint8_t *data, size_t len)
{
    struct sum *s = ctx;

    s->reply = mix(s->reply, data, len);
    s->reply_len += len;
}

static void note(void *ctx, uint8_t event)
{
    struct sum *s = ctx;

    s->events = mix(s->events, &event, 1);
}

static void on_dtr(void *ctx, bool on)
{
    note(ctx, on);
}

static void on_hold(void *ctx, bool hold)
{
    note(ctx, (uint8_t)(2 + hold));
}

static void on_purge(void *ctx, enum rfc2217_purge what)
{
    assert(what >= 1 && (int)what <= 3);
    note(ctx, (uint8_t)(4 + what));
}

static struct sum run(struct rfc2217 *r, const uint8_t *data, size_t len,
                      size_t piece)
{
    static struct sum s;
    const struct rfc2217_ops ops = {on_data, on_reply, on_dtr,
                                    on_hold, on_purge, &s};

    memset(&s, 0, sizeof s);
    rfc2217_init(r, &ops, RFC2217_CTS | RFC2217_DSR);
    s.reply_len = 0;
    while (len > 0) {
        size_t n = piece < len ? piece : len;

        rfc2217_feed(r, data, n);
        data += n;
        len -= n;
    }
    assert(r->rate > 0 && r->rate <= RFC2217_RATE_MAX);
    return s;
}

/* A client that undoes telnet gets the module's bytes back. */
static void round_trip(struct rfc2217 *r, const uint8_t *data, size_t len)
{
    static struct sum s;
    const struct rfc2217_ops ops = {on_data, on_reply, on_dtr,
                                    on_hold, on_purge, &s};
    uint8_t *out = malloc(2 * len + 1);
    struct rfc2217 client;
    size_t n;

    assert(out);
    memset(&s, 0, sizeof s);
    n = rfc2217_encode(r, data, len, out);
    assert(n <= 2 * len + 1);
    rfc2217_init(&client, &ops, 0);
    memcpy(client.telnet.him, r->telnet.us, sizeof client.telnet.him);
    client.telnet.rx_cr = false;
    rfc2217_feed(&client, out, n);
    /* A NUL of ours behind a CR is the one that cannot be told apart, as a
     * server without BINARY has always known. */
    if (!memchr(data, 0, len)) {
        assert(s.data_len == len);
        assert(s.data == mix(0, data, len));
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rfc2217 r;
    struct sum whole = run(&r, data, len, len), bytes = run(&r, data, len, 1);

    assert(memcmp(&whole, &bytes, sizeof whole) == 0);
    assert(whole.data_len <= len && whole.reply_len <= 8 * len + 40);
    r.telnet.tx_cr = false;
    if (len > 0)
        round_trip(&r, data, len);
    return 0;
}
