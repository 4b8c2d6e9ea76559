/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "coap_site.h"

/* ---- pushing ------------------------------------------------------------- */

static void a_push_arrives_whole_in_every_block_size(void **state)
{
    static const uint32_t lens[] = {0, 1, 16, 17, 1024, 1025, 20000};
    static struct site s;
    struct net n;
    struct push p;

    (void)state;
    for (unsigned szx = 0; szx <= COAP_SZX_MAX; szx++) {
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            begin(&n, &s, BODY_MAX, szx);
            push(&n, &p, lens[i], (uint8_t)szx);
            net_run(&n, COAP_NEVER);
            assert_pushed(&p, &s);
            net_release(&n);
        }
    }
}

static void a_push_takes_over_smaller_blocks(void **state)
{
    static struct site s;
    struct net n;
    struct push p;

    (void)state;
    begin(&n, &s, BODY_MAX, 1);
    s.taking.szx = 2;
    push(&n, &p, 20000, 6);
    net_run(&n, COAP_NEVER);
    assert_pushed(&p, &s);
    assert_int_equal(p.put.szx, 2);
    net_release(&n);
}

/* Anjay with little memory for a datagram is such a peer. */
static void a_peer_without_room_for_a_message_gets_smaller_ones(void **state)
{
    static struct site s;
    struct net n;
    struct push p;

    (void)state;
    begin(&n, &s, BODY_MAX, 1);
    s.message_max = 100;
    push(&n, &p, 20000, 6);
    net_run(&n, COAP_NEVER);
    assert_pushed(&p, &s);
    assert_int_equal(p.put.szx, 2);
    net_release(&n);
    /* No room at all. */
    begin(&n, &s, BODY_MAX, 1);
    s.message_max = 1;
    push(&n, &p, 20000, 6);
    net_run(&n, COAP_NEVER);
    assert_int_equal(p.dones, 1);
    assert_int_equal(p.result.code, COAP_TOO_LARGE);
    assert_int_equal(s.requests, 7);
    net_release(&n);
}

static void a_push_arrives_whole_over_a_bad_network(void **state)
{
    static struct site s;
    struct net n;
    struct push p;

    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        begin(&n, &s, BODY_MAX, seed);
        n.loss = 5;
        n.duplicate = 10;
        n.jitter_ms = 500;
        push(&n, &p, 60000, (uint8_t)(seed % 4 + 3));
        net_run(&n, COAP_NEVER);
        assert_pushed(&p, &s);
        net_release(&n);
    }
}

static void lost_state_and_resets_start_a_push_again(void **state)
{
    static struct site s;
    struct net n;
    struct push p;

    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        for (unsigned count = 2; count <= 4; count++) {
            begin(&n, &s, BODY_MAX, count);
            s.refuse = COAP_INCOMPLETE;
            s.reset = reset;
            s.refuse_count = count;
            s.refuse_from = 4096;
            push(&n, &p, 20000, 6);
            net_run(&n, COAP_NEVER);
            /* The first start gets as far as nobody before; three more may
             * fail at the same place. */
            if (count < 4) {
                assert_pushed(&p, &s);
            } else {
                assert_int_equal(p.dones, 1);
                assert_int_equal(p.result.failure,
                                 reset ? COAP_PUT_RESET : COAP_PUT_LOST);
            }
            net_release(&n);
        }
    }
}

static void a_busy_peer_gets_the_block_again_after_max_age(void **state)
{
    static struct site s;
    struct net n;
    struct push p;
    unsigned before;

    (void)state;
    begin(&n, &s, BODY_MAX, 1);
    s.refuse = COAP_UNAVAILABLE;
    s.refuse_count = 1;
    s.refuse_from = 4096;
    push(&n, &p, 20000, 6);
    net_run(&n, 59000);
    before = s.requests;
    assert_int_equal(before, 5);
    net_run(&n, COAP_NEVER);
    assert_pushed(&p, &s);
    assert_int_equal(s.requests, 20 + 1); /* no block but that one again */
    net_release(&n);
}

static void a_peer_that_stays_busy_is_started_again(void **state)
{
    static struct site s;
    struct net n;
    struct push p;

    (void)state;
    begin(&n, &s, BODY_MAX, 1);
    s.refuse = COAP_UNAVAILABLE;
    s.refuse_count = 2;
    s.refuse_from = 4096;
    push(&n, &p, 20000, 6);
    net_run(&n, COAP_NEVER);
    assert_pushed(&p, &s);
    assert_int_equal(s.requests, 4 + 2 + 20);
    net_release(&n);
}

static void a_silent_peer_gets_three_starts(void **state)
{
    static struct site s;
    struct net n;
    struct push p;

    (void)state;
    begin(&n, &s, BODY_MAX, 1);
    n.cut[1] = true;
    push(&n, &p, 20000, 6);
    net_run(&n, COAP_NEVER);
    assert_int_equal(p.dones, 1);
    assert_int_equal(p.result.failure, COAP_PUT_SILENCE);
    assert_int_equal(p.result.code, 0);
    assert_int_equal(n.end[0].sent, 3 * 5);
    net_release(&n);
}

static void a_push_follows_the_peer_to_another_port(void **state)
{
    static struct site s, s2;
    static struct net n, other;
    struct push p;

    (void)state;
    begin(&n, &s, BODY_MAX, 1);
    push(&n, &p, 20000, 6);
    net_run(&n, 500);
    assert_true(s.taking.off > 4096);
    begin(&other, &s2, BODY_MAX, 2);
    pushing = &p;
    other.ctx = &p;
    assert_int_equal(
        coap_put_move(&p.put, &other.end[0].peer, other.now, NULL, 0), 0);
    net_run(&n, 1000);
    assert_int_equal(p.dones, 0);
    net_run(&other, COAP_NEVER);
    assert_pushed(&p, &s2);
    net_release(&n);
    net_release(&other);
}

static void a_body_that_is_too_large_is_refused_at_its_first_block(void **state)
{
    static struct site s;
    struct net n;
    struct push p;

    (void)state;
    begin(&n, &s, 10000, 1);
    push(&n, &p, 10001, 6);
    net_run(&n, COAP_NEVER);
    assert_int_equal(p.dones, 1);
    assert_int_equal(p.result.failure, COAP_PUT_DONE);
    assert_int_equal(p.result.code, COAP_TOO_LARGE);
    assert_int_equal(s.requests, 1);
    assert_int_equal(s.taking.off, 0);
    net_release(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_arrives_whole_in_every_block_size),
        cmocka_unit_test(a_push_takes_over_smaller_blocks),
        cmocka_unit_test(a_peer_without_room_for_a_message_gets_smaller_ones),
        cmocka_unit_test(a_push_arrives_whole_over_a_bad_network),
        cmocka_unit_test(lost_state_and_resets_start_a_push_again),
        cmocka_unit_test(a_busy_peer_gets_the_block_again_after_max_age),
        cmocka_unit_test(a_peer_that_stays_busy_is_started_again),
        cmocka_unit_test(a_silent_peer_gets_three_starts),
        cmocka_unit_test(a_push_follows_the_peer_to_another_port),
        cmocka_unit_test(
            a_body_that_is_too_large_is_refused_at_its_first_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
