/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "coap_net.h"

/* ---- a server with one observable resource ------------------------------- */

struct thing {
    struct coap_observer observer;
    unsigned value, gone;
};

struct watcher {
    unsigned replies, last, value, back;
    enum coap_outcome outcome;
};

static void on_gone(void *ctx, struct coap_observer *o)
{
    struct thing *t = ctx;

    assert_ptr_equal(o, &t->observer);
    t->gone++;
}

static void answer_of(const struct thing *t, char *text, size_t room,
                      struct coap_answer *a)
{
    snprintf(text, room, "%u", t->value);
    *a = (struct coap_answer){.code = COAP_CONTENT,
                              .payload = (uint8_t *)text,
                              .payload_len = strlen(text)};
}

static void serve(void *ctx, const struct coap_ticket *ticket,
                  const struct coap_msg *m)
{
    struct net_end *e = ctx;
    struct thing *t = e->ctx;
    struct coap_options o;
    struct coap_answer a;
    uint8_t bytes[16];
    uint32_t observe = 1;
    char text[16];

    answer_of(t, text, sizeof text, &a);
    coap_options_init(&o, bytes, sizeof bytes);
    if (coap_msg_uint(m, COAP_OBSERVE, &observe) == 0 && observe == 0) {
        t->observer.gone = on_gone;
        t->observer.ctx = t;
        coap_peer_observe(&e->peer, e->net->now, &t->observer, ticket);
        coap_options_add_uint(&o, COAP_OBSERVE,
                              coap_observer_seq(&t->observer));
        a.options = o.data;
        a.options_len = o.len;
    }
    coap_peer_answer(&e->peer, e->net->now, ticket, &a);
}

static void watch(void *ctx, const struct coap_reply *r)
{
    struct watcher *w = ctx;
    unsigned value = 0;

    w->replies++;
    w->last += r->last;
    w->outcome = r->outcome;
    for (size_t i = 0; r->m && i < r->m->payload_len; i++)
        value = value * 10 + (unsigned)(r->m->payload[i] - '0');
    if (value < w->value)
        w->back++;
    w->value = value;
}

static uint32_t begin(struct net *n, struct thing *t, struct watcher *w,
                      uint64_t seed)
{
    static const uint8_t observe[] = {0x60};
    struct coap_request r = {.code = COAP_GET,
                             .options = observe,
                             .options_len = 1,
                             .reply = watch,
                             .ctx = w};
    uint32_t id;

    net_init(n, seed);
    n->delay_ms = 20;
    n->end[1].ops.request = serve;
    n->end[1].ctx = t;
    *t = (struct thing){.value = 1};
    *w = (struct watcher){0};
    assert_int_equal(coap_peer_request(&n->end[0].peer, n->now, &r, &id), 0);
    net_run(n, 100);
    assert_int_equal(w->replies, 1);
    assert_int_equal(w->last, 0);
    return id;
}

static void change(struct net *n, struct thing *t, bool con)
{
    struct coap_answer a;
    char text[16];

    t->value++;
    answer_of(t, text, sizeof text, &a);
    assert_int_equal(
        coap_peer_notify(&n->end[1].peer, n->now, &t->observer, &a, con), 0);
}

/* ---- observations -------------------------------------------------------- */

static void notifications_follow_the_first_answer(void **state)
{
    struct net n;
    struct thing t;
    struct watcher w;

    (void)state;
    begin(&n, &t, &w, 1);
    for (int i = 0; i < 20; i++) {
        change(&n, &t, i % 2);
        net_run(&n, 1000);
        assert_int_equal(w.value, t.value);
    }
    assert_int_equal(w.replies, 21);
    assert_int_equal(w.last, 0);
    net_release(&n);
}

static void
a_repeated_con_notification_is_acknowledged_and_told_once(void **state)
{
    struct net n;
    struct thing t;
    struct watcher w;

    (void)state;
    begin(&n, &t, &w, 2);
    change(&n, &t, true);
    n.drop_next[1] = 2; /* the ACKs */
    net_run(&n, 60000);
    assert_int_equal(w.replies, 2);
    assert_int_equal(t.gone, 0);
    assert_int_equal(n.end[0].sent, 1 + 3); /* the request, three ACKs */
    net_release(&n);
}

static void a_cancelled_observation_is_reset(void **state)
{
    struct net n;
    struct thing t;
    struct watcher w;
    uint32_t id;

    (void)state;
    for (int con = 0; con < 2; con++) {
        id = begin(&n, &t, &w, 3);
        coap_peer_cancel(&n.end[0].peer, n.now, id);
        change(&n, &t, con);
        net_run(&n, 1000);
        assert_int_equal(w.replies, 1);
        assert_int_equal(t.gone, 1);
        assert_true(coap_peer_idle(&n.end[1].peer));
        net_release(&n);
    }
}

static void a_watcher_that_is_no_more_is_noticed(void **state)
{
    struct net n;
    struct thing t;
    struct watcher w;

    (void)state;
    begin(&n, &t, &w, 4);
    n.cut[0] = true;
    for (int i = 0; i < 10; i++) {
        change(&n, &t, false);
        net_run(&n, 3600000);
    }
    assert_int_equal(t.gone, 0);
    /* Once a day a notification wants an ACK. */
    net_run(&n, 24 * 3600000UL);
    change(&n, &t, false);
    net_run(&n, 100000);
    assert_int_equal(t.gone, 1);
    net_release(&n);
}

static void a_newer_notification_replaces_one_that_waits(void **state)
{
    struct net n;
    struct thing t;
    struct watcher w;

    (void)state;
    begin(&n, &t, &w, 5);
    n.cut[0] = true;
    for (int i = 0; i < 100; i++) {
        change(&n, &t, true);
        net_run(&n, 10);
    }
    n.cut[0] = false;
    net_run(&n, 60000);
    assert_int_equal(t.gone, 0);
    assert_int_equal(w.value, t.value);
    assert_int_equal(w.replies, 2);
    net_release(&n);
}

static void an_error_is_the_last_notification(void **state)
{
    struct coap_answer a = {.code = COAP_NOT_FOUND};
    struct net n;
    struct thing t;
    struct watcher w;

    (void)state;
    begin(&n, &t, &w, 6);
    assert_int_equal(
        coap_peer_notify(&n.end[1].peer, n.now, &t.observer, &a, true), 0);
    net_run(&n, 1000);
    assert_int_equal(w.last, 1);
    assert_int_equal(t.gone, 0);
    assert_true(coap_peer_idle(&n.end[0].peer));
    assert_true(coap_peer_idle(&n.end[1].peer));
    net_release(&n);
}

static void old_notifications_are_not_told(void **state)
{
    struct net n;
    struct thing t;
    struct watcher w;

    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        begin(&n, &t, &w, seed);
        n.jitter_ms = 500;
        n.duplicate = 20;
        n.loss = 10;
        for (int i = 0; i < 200; i++) {
            change(&n, &t, false);
            net_run(&n, 100);
        }
        n.loss = 0;
        net_run(&n, 1000);
        change(&n, &t, true);
        net_run(&n, 10000);
        assert_int_equal(w.back, 0);
        assert_int_equal(w.value, t.value);
        assert_true(w.replies > 50);
        net_release(&n);
    }
}

static void an_observer_with_the_same_token_replaces_the_old_one(void **state)
{
    struct coap_ticket ticket = {.token_len = 1, .token = {7}};
    struct thing a = {0}, b = {0};
    struct net n;

    (void)state;
    net_init(&n, 1);
    a.observer.gone = b.observer.gone = on_gone;
    a.observer.ctx = &a;
    b.observer.ctx = &b;
    coap_peer_observe(&n.end[1].peer, 0, &a.observer, &ticket);
    coap_peer_observe(&n.end[1].peer, 0, &b.observer, &ticket);
    assert_int_equal(a.gone, 1);
    assert_ptr_equal(coap_peer_find_observer(&n.end[1].peer, ticket.token, 1),
                     &b.observer);
    coap_peer_observe(&n.end[1].peer, 0, &b.observer, &ticket);
    assert_int_equal(b.gone, 0);
    coap_peer_unobserve(&n.end[1].peer, &b.observer);
    assert_null(coap_peer_find_observer(&n.end[1].peer, ticket.token, 1));
    net_release(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notifications_follow_the_first_answer),
        cmocka_unit_test(
            a_repeated_con_notification_is_acknowledged_and_told_once),
        cmocka_unit_test(a_cancelled_observation_is_reset),
        cmocka_unit_test(a_watcher_that_is_no_more_is_noticed),
        cmocka_unit_test(a_newer_notification_replaces_one_that_waits),
        cmocka_unit_test(an_error_is_the_last_notification),
        cmocka_unit_test(old_notifications_are_not_told),
        cmocka_unit_test(an_observer_with_the_same_token_replaces_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
