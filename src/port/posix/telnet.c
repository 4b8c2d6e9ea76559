/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options are negotiated as RFC 1143 has it, without its queue: this side
 * never changes its mind, so an answer is sent only when a state changes
 * and no loop of answers can begin.
 */
#include "port/posix/telnet.h"

enum { /* RFC 854 */
       SE = 240,
       SB = 250,
       WILL = 251,
       WONT = 252,
       DO = 253,
       DONT = 254,
       IAC = 255,
};
enum { OFF, ASKED, ON };
enum { ST_DATA, ST_IAC, ST_OPTION, ST_SUB, ST_SUB_IAC };

static void send_option(struct telnet *t, uint8_t verb, uint8_t option)
{
    const uint8_t out[] = {IAC, verb, option};

    t->ops->reply(t->ops->ctx, out, sizeof out);
}

void telnet_send_sub(struct telnet *t, uint8_t command, const void *value,
                     size_t len)
{
    const uint8_t *in = value;
    uint8_t out[6 + 2 * TELNET_SUB_MAX];
    size_t n = 0;

    out[n++] = IAC;
    out[n++] = SB;
    out[n++] = TELNET_COM_PORT;
    out[n++] = command;
    for (size_t i = 0; i < len; i++) {
        out[n++] = in[i];
        if (in[i] == IAC)
            out[n++] = IAC;
    }
    out[n++] = IAC;
    out[n++] = SE;
    t->ops->reply(t->ops->ctx, out, n);
}

/* ---- options ------------------------------------------------------------- */

/* Where the states of an option are kept; -1: one we do not have. */
static int place_of(uint8_t option)
{
    switch (option) {
    case TELNET_BINARY:
        return 0;
    case TELNET_SGA:
        return 1;
    case TELNET_COM_PORT:
        return 2;
    default:
        return -1;
    }
}

static bool binary(const uint8_t states[TELNET_OPTIONS])
{
    return states[0] == ON;
}

/* states: the side that the request is about; yes, no: our words for it. */
static void negotiate(struct telnet *t, uint8_t states[TELNET_OPTIONS],
                      uint8_t option, bool wanted, uint8_t yes, uint8_t no)
{
    int i = place_of(option);
    bool begins;

    if (i < 0) {
        if (wanted)
            send_option(t, no, option);
        return;
    }
    if (wanted && states[i] == OFF)
        send_option(t, yes, option);
    if (!wanted && states[i] == ON)
        send_option(t, no, option);
    begins = wanted && states[i] != ON && option == TELNET_COM_PORT;
    states[i] = wanted ? ON : OFF;
    if (begins && !t->agreed) {
        t->agreed = true;
        t->ops->agreed(t->ops->ctx);
    }
}

static void on_option(struct telnet *t, uint8_t option)
{
    if (t->verb == DO || t->verb == DONT)
        negotiate(t, t->us, option, t->verb == DO, WILL, WONT);
    else
        negotiate(t, t->him, option, t->verb == WILL, DO, DONT);
}

/* ---- the telnet stream --------------------------------------------------- */

static void add_to_sub(struct telnet *t, uint8_t byte)
{
    if (t->sub_len < TELNET_SUB_MAX)
        t->sub[t->sub_len++] = byte;
    else
        t->sub_len = TELNET_SUB_MAX + 1;
}

static void on_command(struct telnet *t, uint8_t byte)
{
    t->state = ST_DATA;
    if (byte >= WILL && byte <= DONT) {
        t->verb = byte;
        t->state = ST_OPTION;
    } else if (byte == SB) {
        t->sub_len = 0;
        t->state = ST_SUB;
    }
}

static void on_sub_iac(struct telnet *t, uint8_t byte)
{
    if (byte == IAC) {
        add_to_sub(t, IAC);
        t->state = ST_SUB;
        return;
    }
    /* Anything but IAC and SE breaks the subnegotiation off. */
    if (byte == SE) {
        if (t->sub_len >= 2 && t->sub_len <= TELNET_SUB_MAX &&
            t->sub[0] == TELNET_COM_PORT)
            t->ops->sub(t->ops->ctx, t->sub + 1, t->sub_len - 1U);
        t->state = ST_DATA;
    } else {
        on_command(t, byte);
    }
}

/* Without BINARY a CR that is no line end is followed by a NUL (RFC 854). */
static bool is_padding(struct telnet *t, uint8_t byte)
{
    bool padding = t->rx_cr && byte == 0 && !binary(t->him);

    t->rx_cr = byte == '\r';
    return padding;
}

/* Returns bytes taken: a stretch of data, or one byte of anything else. */
static size_t feed_some(struct telnet *t, const uint8_t *in, size_t len)
{
    size_t n = 0;

    if (t->state == ST_DATA) {
        while (n < len && in[n] != IAC && !is_padding(t, in[n]))
            n++;
        if (n > 0)
            t->ops->data(t->ops->ctx, in, n);
        if (n < len && in[n] == IAC)
            t->state = ST_IAC;
        return n < len ? n + 1 : n;
    }
    if (t->state == ST_IAC && *in == IAC) {
        t->state = ST_DATA;
        t->rx_cr = false;
        t->ops->data(t->ops->ctx, in, 1);
    } else if (t->state == ST_IAC) {
        on_command(t, *in);
    } else if (t->state == ST_OPTION) {
        t->state = ST_DATA;
        on_option(t, *in);
    } else if (t->state == ST_SUB_IAC) {
        on_sub_iac(t, *in);
    } else if (*in == IAC) {
        t->state = ST_SUB_IAC;
    } else {
        add_to_sub(t, *in);
    }
    return 1;
}

void telnet_feed(struct telnet *t, const uint8_t *in, size_t len)
{
    while (len > 0) {
        size_t n = feed_some(t, in, len);

        in += n;
        len -= n;
    }
}

size_t telnet_encode(struct telnet *t, const uint8_t *in, size_t len,
                     uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (t->tx_cr && in[i] != '\n' && !binary(t->us))
            out[n++] = 0;
        t->tx_cr = in[i] == '\r';
        out[n++] = in[i];
        if (in[i] == IAC)
            out[n++] = IAC;
    }
    return n;
}

void telnet_init(struct telnet *t, const struct telnet_ops *ops, bool client)
{
    static const uint8_t options[] = {TELNET_BINARY, TELNET_SGA};
    int place = place_of(TELNET_COM_PORT);

    *t = (struct telnet){.ops = ops};
    for (size_t i = 0; i < sizeof options; i++) {
        int k = place_of(options[i]);

        t->us[k] = t->him[k] = ASKED;
        send_option(t, WILL, options[i]);
        send_option(t, DO, options[i]);
    }
    (client ? t->us : t->him)[place] = ASKED;
    send_option(t, client ? WILL : DO, TELNET_COM_PORT);
}
