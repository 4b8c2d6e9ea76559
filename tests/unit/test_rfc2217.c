/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "modem/rfc2217.h"

/* What came out, in order: data as it is, the rest as words. */
static struct {
    uint8_t data[512], reply[4096];
    size_t data_len, reply_len;
    int dtr, hold, purge; /* -1: not called */
} seen;

static struct rfc2217 r;

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
    (void)ctx;
    assert_true(len <= sizeof seen.data - seen.data_len);
    memcpy(seen.data + seen.data_len, data, len);
    seen.data_len += len;
}

static void on_reply(void *ctx, const uint8_t *data, size_t len)
{
    (void)ctx;
    assert_true(len <= sizeof seen.reply - seen.reply_len);
    memcpy(seen.reply + seen.reply_len, data, len);
    seen.reply_len += len;
}

static void on_dtr(void *ctx, bool on)
{
    (void)ctx;
    seen.dtr = on;
}

static void on_hold(void *ctx, bool hold)
{
    (void)ctx;
    seen.hold = hold;
}

static void on_purge(void *ctx, enum rfc2217_purge what)
{
    (void)ctx;
    seen.purge = (int)what;
}

static const struct rfc2217_ops ops = {
    .data = on_data,
    .reply = on_reply,
    .dtr = on_dtr,
    .hold = on_hold,
    .purge = on_purge,
};

static void forget(void)
{
    memset(&seen, 0, sizeof seen);
    seen.dtr = seen.hold = seen.purge = -1;
}

#define FEED(bytes)                                                            \
    rfc2217_feed(&r, (const uint8_t *)(bytes), sizeof(bytes) - 1)
#define REPLIED(bytes) replied((const uint8_t *)(bytes), sizeof(bytes) - 1)
#define GOT(bytes) got((const uint8_t *)(bytes), sizeof(bytes) - 1)

static void replied(const uint8_t *want, size_t len)
{
    assert_int_equal(seen.reply_len, len);
    assert_memory_equal(seen.reply, want, len);
    forget();
}

static void got(const uint8_t *want, size_t len)
{
    assert_int_equal(seen.data_len, len);
    assert_memory_equal(seen.data, want, len);
    forget();
}

/* A client that has agreed to everything. */
static int agreed(void **state)
{
    (void)state;
    forget();
    rfc2217_init(&r, &ops, RFC2217_CTS | RFC2217_DSR);
    FEED("\xFF\xFD\x00\xFF\xFB\x00\xFF\xFD\x03\xFF\xFB\x03\xFF\xFB\x2C");
    forget();
    return 0;
}

static void what_is_offered_is_not_answered_again(void **state)
{
    (void)state;
    forget();
    rfc2217_init(&r, &ops, RFC2217_CTS | RFC2217_DSR);
    REPLIED("\xFF\xFB\x00\xFF\xFD\x00\xFF\xFB\x03\xFF\xFD\x03\xFF\xFD\x2C");
    FEED("\xFF\xFD\x00\xFF\xFB\x00\xFF\xFB\x00");
    REPLIED("");
    /* COM-PORT is on: the lines are said, once */
    FEED("\xFF\xFB\x2C\xFF\xFB\x2C");
    REPLIED("\xFF\xFA\x2C\x6B\x30\xFF\xF0");
    /* the other side of COM-PORT was not offered: agreed to when asked */
    FEED("\xFF\xFD\x2C\xFF\xFD\x2C");
    REPLIED("\xFF\xFB\x2C");
}

static void unknown_options_are_refused_and_never_agreed_away(void **state)
{
    (void)state;
    FEED("\xFF\xFD\x01\xFF\xFB\x18");
    REPLIED("\xFF\xFC\x01\xFF\xFE\x18");
    FEED("\xFF\xFE\x01\xFF\xFC\x18"); /* no answer to a no */
    REPLIED("");
    FEED("\xFF\xFE\x00\xFF\xFE\x00"); /* one answer to a change */
    REPLIED("\xFF\xFC\x00");
}

static void data_passes_and_iac_is_undone_at_any_split(void **state)
{
    static const char in[] = "a\xFF\xFF"
                             "b\xFF\xF1"
                             "c\0\r\n\xFF\xFA\x2C\x00"
                             "x\xFF\xF0"
                             "d";

    (void)state;
    for (size_t cut = 0; cut < sizeof in - 1; cut++) {
        rfc2217_feed(&r, (const uint8_t *)in, cut);
        rfc2217_feed(&r, (const uint8_t *)in + cut, sizeof in - 1 - cut);
        GOT("a\xFF"
            "bc\0\r\nd");
    }
}

static void without_binary_a_cr_has_its_nul(void **state)
{
    uint8_t out[64];
    size_t len;

    (void)state;
    FEED("\xFF\xFC\x00\xFF\xFE\x00");
    forget();
    FEED("AT\r");
    FEED("\0AT\r\0\r\n\0");
    GOT("AT\rAT\r\r\n\0");
    len = rfc2217_encode(&r, (const uint8_t *)"a\r", 2, out);
    len += rfc2217_encode(&r, (const uint8_t *)"\r\n\r\xFF", 4, out + len);
    assert_int_equal(len, 9);
    assert_memory_equal(out, "a\r\0\r\n\r\0\xFF\xFF", 9);
}

static void binary_bytes_only_double_iac(void **state)
{
    uint8_t out[16];

    (void)state;
    assert_int_equal(rfc2217_encode(&r, (const uint8_t *)"\r\r\xFF\n", 4, out),
                     5);
    assert_memory_equal(out, "\r\r\xFF\xFF\n", 5);
}

static void the_rate_is_taken_and_said(void **state)
{
    (void)state;
    FEED("\xFF\xFA\x2C\x01\x00\x00\x25\x80\xFF\xF0");
    REPLIED("\xFF\xFA\x2C\x65\x00\x00\x25\x80\xFF\xF0");
    assert_int_equal(r.rate, 9600);
    FEED("\xFF\xFA\x2C\x01\0\0\0\0\xFF\xF0"); /* a question */
    REPLIED("\xFF\xFA\x2C\x65\x00\x00\x25\x80\xFF\xF0");
    FEED("\xFF\xFA\x2C\x01\x7F\x00\x00\x00\xFF\xF0"); /* no such rate */
    REPLIED("\xFF\xFA\x2C\x65\x00\x00\x25\x80\xFF\xF0");
    FEED("\xFF\xFA\x2C\x01\x00\x00\xFF\xFF\x80\xFF\xF0"); /* IAC in a value */
    REPLIED("\xFF\xFA\x2C\x65\x00\x00\xFF\xFF\x80\xFF\xF0");
    assert_int_equal(r.rate, 0xFF80);
}

static void the_line_is_8n1_and_says_so(void **state)
{
    (void)state;
    FEED("\xFF\xFA\x2C\x02\x07\xFF\xF0\xFF\xFA\x2C\x03\x03\xFF\xF0"
         "\xFF\xFA\x2C\x04\x02\xFF\xF0");
    REPLIED("\xFF\xFA\x2C\x66\x08\xFF\xF0\xFF\xFA\x2C\x67\x01\xFF\xF0"
            "\xFF\xFA\x2C\x68\x01\xFF\xF0");
}

static void dtr_is_told_when_it_changes(void **state)
{
    (void)state;
    FEED("\xFF\xFA\x2C\x05\x09\xFF\xF0");
    assert_int_equal(seen.dtr, -1); /* off it was */
    REPLIED("\xFF\xFA\x2C\x69\x09\xFF\xF0");
    FEED("\xFF\xFA\x2C\x05\x08\xFF\xF0");
    assert_int_equal(seen.dtr, 1);
    REPLIED("\xFF\xFA\x2C\x69\x08\xFF\xF0");
    FEED("\xFF\xFA\x2C\x05\x07\xFF\xF0"); /* a question */
    assert_int_equal(seen.dtr, -1);
    REPLIED("\xFF\xFA\x2C\x69\x08\xFF\xF0");
    FEED("\xFF\xFA\x2C\x05\x09\xFF\xF0");
    assert_int_equal(seen.dtr, 0);
}

static void output_is_held_by_suspend_and_by_rts(void **state)
{
    (void)state;
    FEED("\xFF\xFA\x2C\x08\xFF\xF0");
    assert_int_equal(seen.hold, 1);
    FEED("\xFF\xFA\x2C\x09\xFF\xF0");
    assert_int_equal(seen.hold, 0);
    forget();
    FEED("\xFF\xFA\x2C\x05\x0C\xFF\xF0"); /* RTS off: nobody looks at it */
    assert_int_equal(seen.hold, -1);
    FEED("\xFF\xFA\x2C\x05\x03\xFF\xF0"); /* hardware flow control */
    assert_int_equal(seen.hold, 1);
    FEED("\xFF\xFA\x2C\x05\x0B\xFF\xF0");
    assert_int_equal(seen.hold, 0);
    forget();
    FEED("\xFF\xFA\x2C\x05\x02\xFF\xF0"); /* XON/XOFF: the line has none */
    REPLIED("\xFF\xFA\x2C\x69\x03\xFF\xF0");
}

static void purge_names_its_directions(void **state)
{
    (void)state;
    for (uint8_t what = 0; what < 6; what++) {
        const uint8_t in[] = {0xFF, 0xFA, 0x2C, 12, what, 0xFF, 0xF0};

        forget();
        rfc2217_feed(&r, in, sizeof in);
        assert_int_equal(seen.purge, what >= 1 && what <= 3 ? what : -1);
        assert_int_equal(seen.reply_len, 7);
        assert_int_equal(seen.reply[3], 112);
    }
}

static void lines_are_notified_through_the_mask(void **state)
{
    (void)state;
    rfc2217_set_lines(&r, 0);
    REPLIED("\xFF\xFA\x2C\x6B\x03\xFF\xF0");
    rfc2217_set_lines(&r, 0);
    REPLIED("");
    FEED("\xFF\xFA\x2C\x0B\x10\xFF\xF0"); /* CTS alone */
    REPLIED("\xFF\xFA\x2C\x6F\x10\xFF\xF0\xFF\xFA\x2C\x6B\x00\xFF\xF0");
    rfc2217_set_lines(&r, RFC2217_CTS | RFC2217_DSR);
    REPLIED("\xFF\xFA\x2C\x6B\x10\xFF\xF0");
    FEED("\xFF\xFA\x2C\x07\xFF\xF0"); /* polled, as some clients do */
    REPLIED("\xFF\xFA\x2C\x6B\x30\xFF\xF0");
}

static void who_asks_is_told_who_it_is(void **state)
{
    (void)state;
    FEED("\xFF\xFA\x2C\x00\xFF\xF0");
    REPLIED("\xFF\xFA\x2C\x64"
            "dfota-module\xFF\xF0");
    FEED("\xFF\xFA\x2C\x00some client\xFF\xF0");
    REPLIED("");
}

static void broken_subnegotiations_do_nothing(void **state)
{
    static const uint8_t fill[1000] = {1};

    (void)state;
    FEED("\xFF\xFA\xFF\xF0\xFF\xFA\x2C\xFF\xF0\xFF\xFA\x2C\x01\xFF\xF0"
         "\xFF\xFA\x2C\x01\x00\x00\xFF\xF0\xFF\xFA\x18\x01\xFF\xF0"
         "\xFF\xFA\x2C\x05\xFF\xF0\xFF\xFA\x2C\x63\x01\xFF\xF0");
    REPLIED("");
    assert_int_equal(r.rate, 115200);
    /* longer than anything known, ended at last */
    FEED("\xFF\xFA\x2C\x05");
    for (int i = 0; i < 100; i++)
        rfc2217_feed(&r, fill, sizeof fill);
    FEED("\xFF\xF0"
         "AT");
    assert_int_equal(seen.reply_len, 0);
    GOT("AT");
    /* broken off by another command */
    FEED("\xFF\xFA\x2C\x05\x08\xFF\xFD\x01z");
    assert_int_equal(seen.dtr, -1);
    REPLIED("\xFF\xFC\x01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_is_not_answered_again),
#define AGREED(test) cmocka_unit_test_setup(test, agreed)
        AGREED(unknown_options_are_refused_and_never_agreed_away),
        AGREED(data_passes_and_iac_is_undone_at_any_split),
        AGREED(without_binary_a_cr_has_its_nul),
        AGREED(binary_bytes_only_double_iac),
        AGREED(the_rate_is_taken_and_said),
        AGREED(the_line_is_8n1_and_says_so),
        AGREED(dtr_is_told_when_it_changes),
        AGREED(output_is_held_by_suspend_and_by_rts),
        AGREED(purge_names_its_directions),
        AGREED(lines_are_notified_through_the_mask),
        AGREED(who_asks_is_told_who_it_is),
        AGREED(broken_subnegotiations_do_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
