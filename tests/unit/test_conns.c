/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/http/conns.h"

static unsigned report_of(unsigned number, enum conn_phase phase)
{
    return number << CONN_PHASE_BITS | (unsigned)phase;
}

/* At which millisecond is a connection over its time that was reported once
 * and looked at every second, with this traffic all along? */
static int64_t end_of(enum conn_phase phase, struct conn_traffic traffic)
{
    struct conn_clock clock = {0};

    for (int64_t now = 5; now < (int64_t)10 * CONN_ANSWER_MS; now += 1000) {
        if (conn_overdue(&clock, report_of(1, phase), now, &traffic))
            return now - 5;
    }
    return -1;
}

static void every_phase_has_its_own_limit(void **state)
{
    const struct conn_traffic none = {0};

    (void)state;
    assert_int_equal(end_of(CONN_HANDSHAKE, none), CONN_HANDSHAKE_MS);
    assert_int_equal(end_of(CONN_HEAD, none), CONN_HEAD_MS);
    assert_int_equal(end_of(CONN_IDLE, none), CONN_IDLE_MS);
    assert_int_equal(end_of(CONN_ANSWER, none), CONN_ANSWER_MS);
    assert_int_equal(end_of(CONN_BODY, none), CONN_BODY_MS);
    assert_int_equal(end_of(CONN_UPLOAD, none), CONN_ANSWER_MS);
}

static void bytes_that_trickle_in_do_not_prolong_a_head(void **state)
{
    struct conn_clock clock = {0};
    struct conn_traffic traffic = {0};
    int64_t now = 0;

    (void)state;
    while (!conn_overdue(&clock, report_of(1, CONN_HEAD), now, &traffic)) {
        now += 1000;
        traffic.received++;
        assert_true(now < (int64_t)2 * CONN_HEAD_MS);
    }
    assert_int_equal(now, CONN_HEAD_MS);
}

static void the_first_byte_on_a_kept_connection_starts_a_head(void **state)
{
    struct conn_clock clock = {0};
    struct conn_traffic traffic = {.received = 100};
    const unsigned report = report_of(3, CONN_IDLE);

    (void)state;
    assert_false(conn_overdue(&clock, report, 0, &traffic));
    assert_false(conn_overdue(&clock, report, 20000, &traffic));
    traffic.received = 101;
    assert_false(conn_overdue(&clock, report, 21000, &traffic));
    assert_false(conn_overdue(&clock, report, 35000, &traffic));
    assert_true(conn_overdue(&clock, report, 36000, &traffic));
}

static void a_new_report_starts_the_clock_again(void **state)
{
    struct conn_clock clock = {0};
    const struct conn_traffic none = {0};

    (void)state;
    assert_false(conn_overdue(&clock, report_of(1, CONN_HEAD), 0, &none));
    assert_false(conn_overdue(&clock, report_of(2, CONN_HEAD), 14000, &none));
    assert_false(conn_overdue(&clock, report_of(2, CONN_HEAD), 28000, &none));
    assert_true(conn_overdue(&clock, report_of(2, CONN_HEAD), 29000, &none));
}

static void a_download_lives_as_long_as_the_peer_confirms_enough(void **state)
{
    struct conn_clock clock = {0};
    struct conn_traffic traffic = {0};
    const unsigned report = report_of(1, CONN_ANSWER);
    int64_t now = 0;

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_false(conn_overdue(&clock, report, now, &traffic));
        now += CONN_ANSWER_MS;
        traffic.confirmed += CONN_ANSWER_BYTES;
    }
    assert_false(conn_overdue(&clock, report, now, &traffic));
    now += CONN_ANSWER_MS;
    traffic.confirmed += CONN_ANSWER_BYTES - 1;
    assert_true(conn_overdue(&clock, report, now, &traffic));
}

static void a_stream_lives_while_the_peer_confirms_signs_of_life(void **state)
{
    struct conn_clock clock = {0};
    struct conn_traffic traffic = {.confirmed = 200};
    const unsigned report = report_of(1, CONN_STREAM);
    int64_t now = 0;

    (void)state;
    assert_false(conn_overdue(&clock, report, now, &traffic));
    for (int i = 0; i < 1000; i++) { /* a few bytes every 15 s, for hours */
        now += 15000;
        traffic.confirmed += 8;
        assert_false(conn_overdue(&clock, report, now, &traffic));
    }
    assert_false(
        conn_overdue(&clock, report, now + CONN_STREAM_MS - 1, &traffic));
    assert_true(conn_overdue(&clock, report, now + CONN_STREAM_MS, &traffic));
}

static void accept_one(int *server_end, int *client_end)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listening, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &len),
                     0);
    *client_end = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(*client_end, (struct sockaddr *)&address, len), 0);
    *server_end = accept(listening, NULL, NULL);
    assert_true(*server_end >= 0);
    close(listening);
}

static void sweeping_ends_the_overdue_and_spares_the_rest(void **state)
{
    struct conns *conns = conns_create();
    int slow, slow_peer, busy, busy_peer;
    struct conn *slow_conn, *busy_conn;
    char byte;

    (void)state;
    accept_one(&slow, &slow_peer);
    accept_one(&busy, &busy_peer);
    slow_conn = conns_add(conns, slow, CONN_HEAD);
    busy_conn = conns_add(conns, busy, CONN_HEAD);
    conns_sweep(conns, 0);
    conn_report(busy_conn, CONN_ANSWER);
    conns_sweep(conns, CONN_HEAD_MS);
    assert_int_equal(recv(slow_peer, &byte, 1, MSG_DONTWAIT), 0);
    assert_int_equal(recv(busy_peer, &byte, 1, MSG_DONTWAIT), -1);
    conns_remove(conns, slow_conn);
    conns_remove(conns, busy_conn);
    conns_remove(conns, NULL);
    conns_destroy(conns);
    close(slow);
    close(slow_peer);
    close(busy);
    close(busy_peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_phase_has_its_own_limit),
        cmocka_unit_test(bytes_that_trickle_in_do_not_prolong_a_head),
        cmocka_unit_test(the_first_byte_on_a_kept_connection_starts_a_head),
        cmocka_unit_test(a_new_report_starts_the_clock_again),
        cmocka_unit_test(a_download_lives_as_long_as_the_peer_confirms_enough),
        cmocka_unit_test(a_stream_lives_while_the_peer_confirms_signs_of_life),
        cmocka_unit_test(sweeping_ends_the_overdue_and_spares_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
