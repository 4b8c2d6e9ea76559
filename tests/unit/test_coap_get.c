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

/* ---- fetching ------------------------------------------------------------ */

static void a_body_comes_whole_in_every_block_size(void **state)
{
    static const uint32_t lens[] = {0, 1, 15, 16, 17, 1023, 1024, 1025, 30000};
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    for (unsigned szx = 0; szx <= COAP_SZX_MAX; szx++) {
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            begin(&n, &s, lens[i], szx);
            fetch(&n, &f, (uint8_t)szx);
            net_run(&n, COAP_NEVER);
            assert_fetched(&f, lens[i]);
            assert_int_equal(f.length, lens[i]);
            assert_int_equal(f.code, COAP_CONTENT);
            assert_int_equal(s.requests,
                             lens[i] ? ((lens[i] - 1) >> (szx + 4)) + 1 : 1);
            net_release(&n);
        }
    }
}

static void a_smaller_block_size_is_taken_over(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    for (unsigned szx = 0; szx < COAP_SZX_MAX; szx++) {
        begin(&n, &s, 5000, 1);
        s.szx = (uint8_t)szx;
        fetch(&n, &f, COAP_SZX_MAX);
        net_run(&n, COAP_NEVER);
        assert_fetched(&f, 5000);
        net_release(&n);
        /* In the middle. */
        begin(&n, &s, 5000, 1);
        s.szx_later = (uint8_t)szx;
        fetch(&n, &f, COAP_SZX_MAX);
        net_run(&n, COAP_NEVER);
        assert_fetched(&f, 5000);
        net_release(&n);
    }
}

static void a_body_is_whole_over_a_bad_network(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        begin(&n, &s, 60000, seed);
        n.loss = 5;
        n.duplicate = 10;
        n.jitter_ms = 500;
        fetch(&n, &f, (uint8_t)(seed % 5 + 2));
        net_run(&n, COAP_NEVER);
        assert_fetched(&f, 60000);
        net_release(&n);
    }
}

static void a_transfer_of_68_minutes_is_fine(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;
    uint64_t began;

    (void)state;
    begin(&n, &s, BODY_MAX, 7);
    n.delay_ms = 2000; /* everything is sent twice */
    began = n.now;
    fetch(&n, &f, COAP_SZX_MAX);
    while (f.ends == 0)
        net_run(&n, 1000);
    assert_fetched(&f, BODY_MAX);
    assert_true(n.now - began >= 4080000);
    net_release(&n);
}

static void another_etag_starts_again_and_nothing_is_spliced(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    begin(&n, &s, 30000, 8);
    fetch(&n, &f, 5);
    net_run(&n, 1000);
    assert_int_equal(f.heads, 1);
    assert_true(f.len > 5000);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] ^= 0xFF;
    s.etag = "two";
    net_run(&n, COAP_NEVER);
    assert_int_equal(f.heads, 2);
    assert_fetched(&f, 30000);
    net_release(&n);
    /* The tag goes in the middle: that is another one too. */
    begin(&n, &s, 30000, 8);
    fetch(&n, &f, 5);
    net_run(&n, 1000);
    s.etag = NULL;
    net_run(&n, COAP_NEVER);
    assert_int_equal(f.heads, 2);
    assert_fetched(&f, 30000);
    net_release(&n);
}

static void a_body_that_changes_all_the_time_is_given_up(void **state)
{
    static const char *const tags[] = {"one", "two"};
    static struct site s;
    struct net n;
    struct fetch f;
    int i = 0;

    (void)state;
    begin(&n, &s, 30000, 9);
    fetch(&n, &f, 6);
    while (f.failures == 0 && i < 100) {
        net_run(&n, 300);
        s.etag = tags[++i % 2];
    }
    assert_int_equal(f.failure, COAP_GET_CHANGES);
    net_run(&n, COAP_NEVER);
    assert_int_equal(f.failures, 1);
    net_release(&n);
}

static void a_resume_takes_the_rest_of_the_same_body(void **state)
{
    static const uint32_t froms[] = {1, 16, 1000, 1024, 5000, 29999, 30000};
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    for (size_t i = 0; i < sizeof froms / sizeof froms[0]; i++) {
        begin(&n, &s, 30000, i);
        memcpy(got, body, froms[i]);
        f.stop_at = 0;
        fetch_from(&n, &f, 6, froms[i], "one");
        net_run(&n, COAP_NEVER);
        assert_int_equal(f.heads, 1);
        assert_int_equal(f.from, froms[i]);
        assert_fetched(&f, 30000);
        net_release(&n);
    }
}

static void a_resume_of_another_body_takes_it_from_the_start(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    for (int shorter = 0; shorter < 2; shorter++) {
        begin(&n, &s, shorter ? 3000 : 30000, 1);
        s.etag = "two";
        f.stop_at = 0;
        fetch_from(&n, &f, 6, 10000, "one");
        net_run(&n, COAP_NEVER);
        assert_int_equal(f.from, 0);
        assert_int_equal(f.heads, 1);
        assert_fetched(&f, s.len);
        net_release(&n);
    }
}

static void refusals_that_pass_are_survived(void **state)
{
    static const uint8_t codes[] = {COAP_INCOMPLETE, COAP_TOO_LARGE,
                                    COAP_UNAVAILABLE, 0};
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    for (size_t i = 0; i < sizeof codes; i++) {
        for (unsigned count = 4; count <= 5; count++) {
            begin(&n, &s, 20000, i);
            s.refuse = codes[i];
            s.refuse_count = count;
            s.refuse_from = 4096;
            s.reset = codes[i] == 0;
            fetch(&n, &f, 6);
            net_run(&n, COAP_NEVER);
            if (count == 4) {
                assert_fetched(&f, 20000);
            } else {
                assert_int_equal(f.failures, 1);
                assert_int_equal(f.failure,
                                 s.reset ? COAP_GET_RESET : COAP_GET_BUSY);
            }
            net_release(&n);
        }
    }
}

static void a_block_that_came_makes_up_for_what_was_refused(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    begin(&n, &s, 20000, 1);
    s.refuse = COAP_INCOMPLETE;
    fetch(&n, &f, 6);
    for (uint32_t off = 2048; off < 20000; off += 2048) {
        s.refuse_count = 3;
        s.refuse_from = off;
        while (f.len < off + 1024 && f.failures == 0)
            net_run(&n, 10);
    }
    net_run(&n, COAP_NEVER);
    assert_fetched(&f, 20000);
    net_release(&n);
}

static void busy_servers_are_asked_again_after_max_age(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    begin(&n, &s, 1000, 1);
    s.refuse = COAP_UNAVAILABLE;
    s.refuse_count = 1;
    s.max_age = 1000;
    fetch(&n, &f, 6);
    net_run(&n, 999000);
    assert_int_equal(f.heads, 0);
    net_run(&n, 2000);
    assert_fetched(&f, 1000);
    net_release(&n);
}

static void final_codes_are_told(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    begin(&n, &s, 1000, 1);
    s.refuse = COAP_NOT_FOUND;
    s.refuse_count = 1;
    fetch(&n, &f, 6);
    net_run(&n, COAP_NEVER);
    assert_int_equal(f.heads, 1);
    assert_int_equal(f.code, COAP_NOT_FOUND);
    assert_int_equal(f.ends, 1);
    assert_int_equal(f.len, 0);
    net_release(&n);
}

static void silence_ends_a_fetch(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    begin(&n, &s, 20000, 1);
    fetch(&n, &f, 6);
    net_run(&n, 500);
    n.cut[1] = true;
    net_run(&n, COAP_NEVER);
    assert_int_equal(f.failures, 1);
    assert_int_equal(f.failure, COAP_GET_SILENCE);
    net_release(&n);
}

static void a_server_without_blocks_gives_small_bodies(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    begin(&n, &s, 700, 1);
    s.no_blocks = true;
    fetch(&n, &f, 6);
    net_run(&n, COAP_NEVER);
    assert_fetched(&f, 700);
    net_release(&n);
}

static void a_user_may_give_up_at_data(void **state)
{
    static struct site s;
    struct net n;
    struct fetch f;

    (void)state;
    begin(&n, &s, 30000, 1);
    f.stop_at = 5000;
    fetch_from(&n, &f, 6, 0, NULL);
    net_run(&n, COAP_NEVER);
    assert_int_equal(f.len, 5120);
    assert_int_equal(f.ends + f.failures, 0);
    assert_true(coap_peer_idle(&n.end[0].peer));
    net_release(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_comes_whole_in_every_block_size),
        cmocka_unit_test(a_smaller_block_size_is_taken_over),
        cmocka_unit_test(a_body_is_whole_over_a_bad_network),
        cmocka_unit_test(a_transfer_of_68_minutes_is_fine),
        cmocka_unit_test(another_etag_starts_again_and_nothing_is_spliced),
        cmocka_unit_test(a_body_that_changes_all_the_time_is_given_up),
        cmocka_unit_test(a_resume_takes_the_rest_of_the_same_body),
        cmocka_unit_test(a_resume_of_another_body_takes_it_from_the_start),
        cmocka_unit_test(refusals_that_pass_are_survived),
        cmocka_unit_test(a_block_that_came_makes_up_for_what_was_refused),
        cmocka_unit_test(busy_servers_are_asked_again_after_max_age),
        cmocka_unit_test(final_codes_are_told),
        cmocka_unit_test(silence_ends_a_fetch),
        cmocka_unit_test(a_server_without_blocks_gives_small_bodies),
        cmocka_unit_test(a_user_may_give_up_at_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
