/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options are negotiated as RFC 1143 has it, without its queue: this side
 * never changes its mind, so an answer is sent only when a state changes
 * and no loop of answers can begin.
 */
#include "modem/rfc2217.h"

#include "base/bytes.h"

enum { /* RFC 854 */
       SE = 240,
       SB = 250,
       WILL = 251,
       WONT = 252,
       DO = 253,
       DONT = 254,
       IAC = 255,
};
enum { OPTION_BINARY = 0, OPTION_SGA = 3, OPTION_COM_PORT = 44 };
enum { OFF, ASKED, ON };
enum { ST_DATA, ST_IAC, ST_OPTION, ST_SUB, ST_SUB_IAC };

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

static void send_option(struct rfc2217 *r, uint8_t verb, uint8_t option)
{
    const uint8_t out[] = {IAC, verb, option};

    r->ops->reply(r->ops->ctx, out, sizeof out);
}

static void send_sub(struct rfc2217 *r, uint8_t command, const void *value,
                     size_t len)
{
    const uint8_t *in = value;
    uint8_t out[6 + 2 * RFC2217_SUB_MAX];
    size_t n = 0;

    out[n++] = IAC;
    out[n++] = SB;
    out[n++] = OPTION_COM_PORT;
    out[n++] = (uint8_t)(SERVER + command);
    for (size_t i = 0; i < len; i++) {
        out[n++] = in[i];
        if (in[i] == IAC)
            out[n++] = IAC;
    }
    out[n++] = IAC;
    out[n++] = SE;
    r->ops->reply(r->ops->ctx, out, n);
}

static void send_byte(struct rfc2217 *r, uint8_t command, uint8_t value)
{
    send_sub(r, command, &value, 1);
}

/* ---- options ------------------------------------------------------------- */

/* Where the states of an option are kept; -1: one we do not have. */
static int place_of(uint8_t option)
{
    switch (option) {
    case OPTION_BINARY:
        return 0;
    case OPTION_SGA:
        return 1;
    case OPTION_COM_PORT:
        return 2;
    default:
        return -1;
    }
}

static bool binary(const uint8_t states[RFC2217_OPTIONS])
{
    return states[0] == ON;
}

/* states: the side that the request is about; yes, no: our words for it. */
static void negotiate(struct rfc2217 *r, uint8_t states[RFC2217_OPTIONS],
                      uint8_t option, bool wanted, uint8_t yes, uint8_t no)
{
    int i = place_of(option);
    bool begins;

    if (i < 0) {
        if (wanted)
            send_option(r, no, option);
        return;
    }
    if (wanted && states[i] == OFF)
        send_option(r, yes, option);
    if (!wanted && states[i] == ON)
        send_option(r, no, option);
    begins = wanted && states[i] != ON && option == OPTION_COM_PORT;
    states[i] = wanted ? ON : OFF;
    if (begins && !r->told) {
        send_byte(r, NOTIFY_MODEMSTATE, r->lines & r->modem_mask);
        r->told = true;
    }
}

static void on_option(struct rfc2217 *r, uint8_t option)
{
    if (r->verb == DO || r->verb == DONT)
        negotiate(r, r->us, option, r->verb == DO, WILL, WONT);
    else
        negotiate(r, r->him, option, r->verb == WILL, DO, DONT);
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

static void on_sub(struct rfc2217 *r)
{
    const uint8_t *value = r->sub + 2;
    size_t len = r->sub_len;

    if (len < 2 || len > RFC2217_SUB_MAX || r->sub[0] != OPTION_COM_PORT)
        return;
    if (r->sub[1] == SIGNATURE && len > 2)
        return; /* the client tells its own */
    if (on_bare(r, r->sub[1]) || len < 3)
        return;
    switch (r->sub[1]) {
    case SET_BAUDRATE:
        if (len >= 6)
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
    if (changed && r->told)
        send_byte(r, NOTIFY_MODEMSTATE, lines);
}

/* ---- the telnet stream --------------------------------------------------- */

static void add_to_sub(struct rfc2217 *r, uint8_t byte)
{
    if (r->sub_len < RFC2217_SUB_MAX)
        r->sub[r->sub_len++] = byte;
    else
        r->sub_len = RFC2217_SUB_MAX + 1;
}

static void on_command(struct rfc2217 *r, uint8_t byte)
{
    r->state = ST_DATA;
    if (byte >= WILL && byte <= DONT) {
        r->verb = byte;
        r->state = ST_OPTION;
    } else if (byte == SB) {
        r->sub_len = 0;
        r->state = ST_SUB;
    }
}

static void on_sub_iac(struct rfc2217 *r, uint8_t byte)
{
    if (byte == IAC) {
        add_to_sub(r, IAC);
        r->state = ST_SUB;
        return;
    }
    /* Anything but IAC and SE breaks the subnegotiation off. */
    if (byte == SE) {
        on_sub(r);
        r->state = ST_DATA;
    } else {
        on_command(r, byte);
    }
}

/* Without BINARY a CR that is no line end is followed by a NUL (RFC 854). */
static bool is_padding(struct rfc2217 *r, uint8_t byte)
{
    bool padding = r->rx_cr && byte == 0 && !binary(r->him);

    r->rx_cr = byte == '\r';
    return padding;
}

/* Returns bytes taken: a stretch of data, or one byte of anything else. */
static size_t feed_some(struct rfc2217 *r, const uint8_t *in, size_t len)
{
    size_t n = 0;

    if (r->state == ST_DATA) {
        while (n < len && in[n] != IAC && !is_padding(r, in[n]))
            n++;
        if (n > 0)
            r->ops->data(r->ops->ctx, in, n);
        if (n < len && in[n] == IAC)
            r->state = ST_IAC;
        return n < len ? n + 1 : n;
    }
    if (r->state == ST_IAC && *in == IAC) {
        r->state = ST_DATA;
        r->rx_cr = false;
        r->ops->data(r->ops->ctx, in, 1);
    } else if (r->state == ST_IAC) {
        on_command(r, *in);
    } else if (r->state == ST_OPTION) {
        r->state = ST_DATA;
        on_option(r, *in);
    } else if (r->state == ST_SUB_IAC) {
        on_sub_iac(r, *in);
    } else if (*in == IAC) {
        r->state = ST_SUB_IAC;
    } else {
        add_to_sub(r, *in);
    }
    return 1;
}

void rfc2217_feed(struct rfc2217 *r, const uint8_t *in, size_t len)
{
    while (len > 0) {
        size_t n = feed_some(r, in, len);

        in += n;
        len -= n;
    }
}

size_t rfc2217_encode(struct rfc2217 *r, const uint8_t *in, size_t len,
                      uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (r->tx_cr && in[i] != '\n' && !binary(r->us))
            out[n++] = 0;
        r->tx_cr = in[i] == '\r';
        out[n++] = in[i];
        if (in[i] == IAC)
            out[n++] = IAC;
    }
    return n;
}

void rfc2217_init(struct rfc2217 *r, const struct rfc2217_ops *ops,
                  uint8_t lines)
{
    static const uint8_t options[] = {OPTION_BINARY, OPTION_SGA};

    *r = (struct rfc2217){.ops = ops,
                          .rate = 115200,
                          .flow_out = FLOW_NONE,
                          .flow_in = FLOW_IN_NONE,
                          .lines = lines,
                          .modem_mask = 0xFF,
                          .rts = true};
    for (size_t i = 0; i < sizeof options; i++) {
        int place = place_of(options[i]);

        r->us[place] = r->him[place] = ASKED;
        send_option(r, WILL, options[i]);
        send_option(r, DO, options[i]);
    }
    r->him[place_of(OPTION_COM_PORT)] = ASKED;
    send_option(r, DO, OPTION_COM_PORT);
}
