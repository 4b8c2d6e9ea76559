/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/rfc2217.h"

#include "base/bytes.h"

enum { /* RFC 2217 2: the client's commands; the server's are 100 more */
       SIGNATURE = 0,
       SET_BAUDRATE = 1,
       SET_DATASIZE = 2,
       SET_PARITY = 3,
       SET_STOPSIZE = 4,
       SET_CONTROL = 5,
       NOTIFY_MODEMSTATE = 7,
       FLOWCONTROL_SUSPEND = 8,
       FLOWCONTROL_RESUME = 9,
       SET_LINESTATE_MASK = 10,
       SET_MODEMSTATE_MASK = 11,
       PURGE_DATA = 12,
       SERVER = 100,
};
enum { DATA_8 = 8, PARITY_NONE = 1, STOP_1 = 1 };
enum { /* values of SET-CONTROL */
       FLOW_ASK = 0,
       FLOW_NONE = 1,
       FLOW_HARDWARE = 3,
       BREAK_ASK = 4,
       BREAK_ON = 5,
       BREAK_OFF = 6,
       DTR_ASK = 7,
       DTR_ON = 8,
       DTR_OFF = 9,
       RTS_ASK = 10,
       RTS_ON = 11,
       RTS_OFF = 12,
       FLOW_IN_ASK = 13,
       FLOW_IN_NONE = 14,
       FLOW_IN_HARDWARE = 16,
};

/* ---- what goes to the client --------------------------------------------- */

static void send_sub(struct rfc2217 *r, uint8_t command, const void *value,
                     size_t len)
{
    telnet_send_sub(&r->telnet, (uint8_t)(SERVER + command), value, len);
}

static void send_byte(struct rfc2217 *r, uint8_t command, uint8_t value)
{
    send_sub(r, command, &value, 1);
}

/* ---- COM-PORT ------------------------------------------------------------ */

static void set_held(struct rfc2217 *r)
{
    bool held = r->suspended || (r->flow_out == FLOW_HARDWARE && !r->rts);

    if (held != r->held)
        r->ops->hold(r->ops->ctx, held);
    r->held = held;
}

static void set_dtr(struct rfc2217 *r, bool on)
{
    bool changes = on != r->dtr;

    r->dtr = on;
    if (changes)
        r->ops->dtr(r->ops->ctx, on);
}

static void on_control(struct rfc2217 *r, uint8_t value)
{
    switch (value) {
    case FLOW_NONE:
    case FLOW_HARDWARE:
        r->flow_out = value;
        break;
    case BREAK_ON:
    case BREAK_OFF:
        r->broken = value == BREAK_ON;
        break;
    case DTR_ON:
    case DTR_OFF:
        set_dtr(r, value == DTR_ON);
        break;
    case RTS_ON:
    case RTS_OFF:
        r->rts = value == RTS_ON;
        break;
    case FLOW_IN_NONE:
    case FLOW_IN_HARDWARE:
        r->flow_in = value;
        break;
    default:
        break; /* a question, or what this line has not */
    }
    set_held(r);
    if (value < BREAK_ASK)
        send_byte(r, SET_CONTROL, r->flow_out);
    else if (value < DTR_ASK)
        send_byte(r, SET_CONTROL, r->broken ? BREAK_ON : BREAK_OFF);
    else if (value < RTS_ASK)
        send_byte(r, SET_CONTROL, r->dtr ? DTR_ON : DTR_OFF);
    else if (value < FLOW_IN_ASK)
        send_byte(r, SET_CONTROL, r->rts ? RTS_ON : RTS_OFF);
    else
        send_byte(r, SET_CONTROL, r->flow_in);
}

static void on_rate(struct rfc2217 *r, const uint8_t *value)
{
    uint32_t rate = dfota_get_be32(value);
    uint8_t out[4];

    if (rate > 0 && rate <= RFC2217_RATE_MAX)
        r->rate = rate;
    dfota_put_be32(out, r->rate);
    send_sub(r, SET_BAUDRATE, out, sizeof out);
}

static void on_purge(struct rfc2217 *r, uint8_t value)
{
    if (value >= 1 && value <= 3)
        r->ops->purge(r->ops->ctx, (enum rfc2217_purge)value);
    send_byte(r, PURGE_DATA, value);
}

static void on_suspend(struct rfc2217 *r, bool suspended)
{
    r->suspended = suspended;
    set_held(r);
}

/* Commands without a value. Returns false: it needs one. */
static bool on_bare(struct rfc2217 *r, uint8_t command)
{
    static const char signature[] = "dfota-module";

    switch (command) {
    case SIGNATURE:
        send_sub(r, SIGNATURE, signature, sizeof signature - 1);
        return true;
    case NOTIFY_MODEMSTATE: /* asked for: clients poll it so */
        send_byte(r, NOTIFY_MODEMSTATE, r->lines);
        return true;
    case FLOWCONTROL_SUSPEND:
    case FLOWCONTROL_RESUME:
        on_suspend(r, command == FLOWCONTROL_SUSPEND);
        return true;
    default:
        return false;
    }
}

static void on_sub(void *ctx, const uint8_t *sub, size_t len)
{
    struct rfc2217 *r = ctx;
    const uint8_t *value = sub + 1;

    if (sub[0] == SIGNATURE && len > 1)
        return; /* the client tells its own */
    if (on_bare(r, sub[0]) || len < 2)
        return;
    switch (sub[0]) {
    case SET_BAUDRATE:
        if (len >= 5)
            on_rate(r, value);
        break;
    case SET_DATASIZE:
        send_byte(r, SET_DATASIZE, DATA_8);
        break;
    case SET_PARITY:
        send_byte(r, SET_PARITY, PARITY_NONE);
        break;
    case SET_STOPSIZE:
        send_byte(r, SET_STOPSIZE, STOP_1);
        break;
    case SET_CONTROL:
        on_control(r, value[0]);
        break;
    case SET_LINESTATE_MASK:
        r->line_mask = value[0];
        send_byte(r, SET_LINESTATE_MASK, value[0]);
        break;
    case SET_MODEMSTATE_MASK:
        r->modem_mask = value[0];
        send_byte(r, SET_MODEMSTATE_MASK, value[0]);
        send_byte(r, NOTIFY_MODEMSTATE, r->lines & r->modem_mask);
        break;
    case PURGE_DATA:
        on_purge(r, value[0]);
        break;
    default:
        break;
    }
}

void rfc2217_set_lines(struct rfc2217 *r, uint8_t lines)
{
    /* The low half tells what has changed; RI only when it falls. */
    uint8_t changed = (uint8_t)((lines ^ r->lines) >> 4);

    if (lines & RFC2217_RI)
        changed &= (uint8_t) ~(RFC2217_RI >> 4);
    r->lines = lines;
    lines = (uint8_t)((lines | changed) & r->modem_mask);
    if (changed && r->telnet.agreed)
        send_byte(r, NOTIFY_MODEMSTATE, lines);
}

/* ---- the telnet stream --------------------------------------------------- */

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
    struct rfc2217 *r = ctx;

    r->ops->data(r->ops->ctx, data, len);
}

static void on_reply(void *ctx, const uint8_t *data, size_t len)
{
    struct rfc2217 *r = ctx;

    r->ops->reply(r->ops->ctx, data, len);
}

static void on_agreed(void *ctx)
{
    struct rfc2217 *r = ctx;

    send_byte(r, NOTIFY_MODEMSTATE, r->lines & r->modem_mask);
}

void rfc2217_feed(struct rfc2217 *r, const uint8_t *in, size_t len)
{
    telnet_feed(&r->telnet, in, len);
}

size_t rfc2217_encode(struct rfc2217 *r, const uint8_t *in, size_t len,
                      uint8_t *out)
{
    return telnet_encode(&r->telnet, in, len, out);
}

void rfc2217_init(struct rfc2217 *r, const struct rfc2217_ops *ops,
                  uint8_t lines)
{
    *r = (struct rfc2217){.ops = ops,
                          .rate = 115200,
                          .flow_out = FLOW_NONE,
                          .flow_in = FLOW_IN_NONE,
                          .lines = lines,
                          .modem_mask = 0xFF,
                          .rts = true};
    r->telnet_ops =
        (struct telnet_ops){on_data, on_reply, on_agreed, on_sub, r};
    telnet_init(&r->telnet, &r->telnet_ops, false);
}
