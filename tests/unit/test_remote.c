/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a line over telnet, with a peer that is a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "port/posix/remote.h"

static int ends[2]; /* ours, the peer's */
static struct remote r;

static const uint8_t agreement[] = {
    255, 251, 0,  255, 253, 0,                       /* BINARY both ways */
    255, 253, 44,                                    /* DO COM-PORT */
    255, 250, 44, 101, 0,   0, 0x25, 0x80, 255, 240, /* it has 9600 */
};

static int open_ends(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
}

static int close_ends(void **state)
{
    (void)state;
    (void)close(ends[0]);
    return ends[1] < 0 ? 0 : close(ends[1]);
}

static void tell(const void *data, size_t len)
{
    assert_int_equal(send(ends[1], data, len, MSG_NOSIGNAL), len);
}

static size_t heard(uint8_t *data, size_t room)
{
    ssize_t got = recv(ends[1], data, room, 0);

    return got > 0 ? (size_t)got : 0;
}

static void begin(void)
{
    tell(agreement, sizeof agreement);
    assert_int_equal(remote_begin(&r, ends[0], 9600), 0);
}

static void it_asks_for_the_line_its_rate_and_dtr(void **state)
{
    static const uint8_t rate[] = {255, 250, 44, 1, 0, 0, 0x25, 0x80, 255, 240};
    static const uint8_t dtr[] = {255, 250, 44, 5, 8, 255, 240};
    static const uint8_t will[] = {255, 251, 44};
    uint8_t said[512];
    size_t len;

    (void)state;
    begin();
    len = heard(said, sizeof said);
    assert_non_null(memmem(said, len, will, sizeof will));
    assert_non_null(memmem(said, len, rate, sizeof rate));
    assert_non_null(memmem(said, len, dtr, sizeof dtr));
}

static void byte_255_passes_both_ways(void **state)
{
    static const uint8_t line[] = {'A', 255, '\r', 0, 'B'};
    static const uint8_t wire[] = {'A', 255, 255, '\r', 0, 'B'};
    uint8_t got[512];
    size_t used, len;

    (void)state;
    begin();
    (void)heard(got, sizeof got);
    assert_int_equal(remote_write(&r, line, sizeof line, &used), 0);
    assert_int_equal(used, sizeof line);
    assert_int_equal(heard(got, sizeof got), sizeof wire);
    assert_memory_equal(got, wire, sizeof wire);
    tell(wire, 2);
    assert_int_equal(remote_read(&r, got, sizeof got, &len), 0);
    assert_int_equal(len, 1);
    tell(wire + 2, sizeof wire - 2);
    assert_int_equal(remote_read(&r, got, sizeof got, &len), 0);
    assert_int_equal(len, 4);
    assert_memory_equal(got, line + 1, 4);
}

static void a_new_rate_goes_behind_the_bytes(void **state)
{
    static const uint8_t wire[] = {'x', 255,  250, 44,  1,  0,
                                   1,   0xC2, 0,   255, 240};
    uint8_t got[512];
    size_t used;

    (void)state;
    begin();
    (void)heard(got, sizeof got);
    assert_int_equal(remote_write(&r, (const uint8_t *)"x", 1, &used), 0);
    assert_int_equal(remote_set_rate(&r, 115200), 0);
    assert_int_equal(heard(got, sizeof got), sizeof wire);
    assert_memory_equal(got, wire, sizeof wire);
}

static void who_never_listens_is_let_go(void **state)
{
    static const uint8_t ask[] = {255, 253, 99}; /* DO, some option */
    uint8_t flood[255], in[512];
    size_t len;
    int err = 0;

    (void)state;
    begin();
    for (size_t i = 0; i < sizeof flood; i += sizeof ask)
        memcpy(flood + i, ask, sizeof ask);
    for (int i = 0; i < 100000 && !err; i++) {
        tell(flood, sizeof flood);
        err = remote_read(&r, in, sizeof in, &len);
    }
    assert_int_equal(err, DFOTA_E_IO);
}

static void a_read_never_passes_its_room(void **state)
{
    uint8_t noise[64], in[8];
    size_t len;

    (void)state;
    srand(7);
    begin();
    for (int i = 0; i < 20000; i++) {
        for (size_t k = 0; k < sizeof noise; k++)
            noise[k] = (uint8_t)(rand() % 4 ? rand() : 250 + rand() % 6);
        tell(noise, sizeof noise);
        for (size_t k = 0; k < sizeof noise; k += sizeof in) {
            assert_int_equal(remote_read(&r, in, sizeof in, &len), 0);
            assert_true(len <= sizeof in);
        }
        (void)heard(noise, sizeof noise);
        while (heard(noise, sizeof noise) > 0)
            ;
    }
}

static void a_peer_that_goes_is_no_line(void **state)
{
    (void)state;
    tell("BUSY\r\n", 6);
    (void)close(ends[1]);
    ends[1] = -1;
    assert_int_equal(remote_begin(&r, ends[0], 9600), DFOTA_E_CONNECT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_ends, close_ends)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_asks_for_the_line_its_rate_and_dtr),
        TEST(byte_255_passes_both_ways),
        TEST(a_new_rate_goes_behind_the_bytes),
        TEST(who_never_listens_is_let_go),
        TEST(a_read_never_passes_its_room),
        TEST(a_peer_that_goes_is_no_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
