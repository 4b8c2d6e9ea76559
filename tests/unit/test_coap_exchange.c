/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "coap_net.h"

/* ---- a server that counts, a client that notes --------------------------- */

struct script {
    unsigned requests, rebuilt;
    bool later;  /* the answer waits for give_answer() */
    bool recipe; /* the answer is long and has a recipe */
    struct coap_ticket ticket;
};

struct note {
    unsigned replies, last;
    enum coap_outcome outcome;
    uint8_t code;
    char payload[64];
};

static const uint8_t long_body[200] = {1, 2, 3};

static void make_answer(const struct script *s, struct coap_answer *a,
                        char *text)
{
    *a = (struct coap_answer){.code = COAP_CONTENT,
                              .payload = (const uint8_t *)text,
                              .payload_len = strlen(text)};
    if (s->recipe) {
        a->payload = long_body;
        a->payload_len = sizeof long_body;
        a->recipe = (const uint8_t *)"again";
        a->recipe_len = 5;
    }
}

static void serve(void *ctx, const struct coap_ticket *t,
                  const struct coap_msg *m)
{
    struct net_end *e = ctx;
    struct script *s = e->ctx;
    struct coap_answer a;
    char text[32];

    (void)m;
    s->requests++;
    s->ticket = *t;
    snprintf(text, sizeof text, "answer %u", s->requests);
    make_answer(s, &a, text);
    if (!s->later)
        assert_int_equal(coap_peer_answer(&e->peer, e->net->now, t, &a), 0);
}

static void rebuild(void *ctx, const uint8_t *recipe, size_t len,
                    void (*answer)(void *, const struct coap_answer *),
                    void *answer_ctx)
{
    struct net_end *e = ctx;
    struct script *s = e->ctx;
    struct coap_answer a;

    assert_int_equal(len, 5);
    assert_memory_equal(recipe, "again", 5);
    s->rebuilt++;
    make_answer(s, &a, "");
    answer(answer_ctx, &a);
}

static void give_answer(struct net *n)
{
    struct net_end *e = &n->end[1];
    struct script *s = e->ctx;
    struct coap_answer a;

    make_answer(s, &a, "late");
    assert_int_equal(coap_peer_answer(&e->peer, n->now, &s->ticket, &a), 0);
}

static void take_note(void *ctx, const struct coap_reply *r)
{
    struct note *note = ctx;

    note->replies++;
    note->last += r->last;
    note->outcome = r->outcome;
    if (r->outcome != COAP_ANSWERED)
        return;
    note->code = r->m->code;
    snprintf(note->payload, sizeof note->payload, "%.*s",
             (int)r->m->payload_len, (const char *)r->m->payload);
}

static void start(struct net *n, struct script *s, uint64_t seed)
{
    net_init(n, seed);
    n->delay_ms = 25;
    n->end[1].ops.request = serve;
    n->end[1].ops.rebuild = rebuild;
    n->end[1].ctx = s;
    *s = (struct script){0};
}

static uint32_t ask(struct net *n, struct note *note, bool non)
{
    struct coap_request r = {
        .code = COAP_GET, .non = non, .reply = take_note, .ctx = note};
    uint32_t id = 0;

    assert_int_equal(coap_peer_request(&n->end[0].peer, n->now, &r, &id), 0);
    assert_int_not_equal(id, 0);
    return id;
}

/* ---- exchanges ----------------------------------------------------------- */

static void a_request_gets_its_answer_in_the_ack(void **state)
{
    struct net n;
    struct script s;
    struct note note = {0};

    (void)state;
    start(&n, &s, 1);
    ask(&n, &note, false);
    net_run(&n, 1000);
    assert_int_equal(note.replies, 1);
    assert_int_equal(note.last, 1);
    assert_int_equal(note.outcome, COAP_ANSWERED);
    assert_string_equal(note.payload, "answer 1");
    assert_int_equal(n.end[0].sent, 1);
    assert_int_equal(n.end[1].sent, 1);
    assert_true(coap_peer_idle(&n.end[0].peer));
    net_run(&n, COAP_NEVER);
    assert_int_equal(coap_peer_wake(&n.end[0].peer), COAP_NEVER);
    net_release(&n);
}

static void
a_request_that_is_lost_is_sent_five_times_in_93_seconds(void **state)
{
    struct net n;
    struct script s;
    struct note note;
    uint64_t began;

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        note = (struct note){0};
        start(&n, &s, seed);
        n.cut[1] = true;
        began = n.now;
        ask(&n, &note, false);
        net_run(&n, COAP_NEVER);
        assert_int_equal(n.end[0].sent, 5);
        assert_int_equal(note.replies, 1);
        assert_int_equal(note.outcome, COAP_SILENT);
        assert_in_range(n.now - began, 62000, 93000);
        net_release(&n);
    }
    assert_int_equal(coap_params_wait_ms(&coap_params_rfc), 93000);
}

static void a_lost_ack_makes_the_request_come_again_and_run_once(void **state)
{
    struct net n;
    struct script s;
    struct note note = {0};

    (void)state;
    start(&n, &s, 2);
    n.drop_next[0] = 2;
    ask(&n, &note, false);
    net_run(&n, 60000);
    assert_int_equal(n.end[0].sent, 3);
    assert_int_equal(n.end[1].sent, 3);
    assert_int_equal(s.requests, 1);
    assert_string_equal(note.payload, "answer 1");
    net_release(&n);
}

static void three_equal_requests_get_three_equal_answers(void **state)
{
    static const uint8_t request[] = {0x42, COAP_POST, 0x12, 0x34, 7, 8};
    uint8_t first[COAP_DATAGRAM_MAX];
    size_t len;
    struct net n;
    struct script s;

    (void)state;
    for (int with_recipe = 0; with_recipe < 2; with_recipe++) {
        start(&n, &s, 3);
        s.recipe = with_recipe;
        net_inject(&n, 1, request, sizeof request);
        len = n.end[1].sent_len;
        memcpy(first, n.end[1].sent_bytes, len);
        for (int i = 0; i < 2; i++) {
            net_run(&n, 60000);
            net_inject(&n, 1, request, sizeof request);
            assert_int_equal(n.end[1].sent_len, len);
            assert_memory_equal(n.end[1].sent_bytes, first, len);
        }
        assert_int_equal(s.requests, 1);
        assert_int_equal(n.end[1].sent, 3);
        assert_int_equal(s.rebuilt, with_recipe ? 2 : 0);
        net_release(&n);
    }
}

static void message_ids_are_forgotten_after_247_seconds(void **state)
{
    static const uint8_t request[] = {0x40, COAP_POST, 0x12, 0x34};
    struct net n;
    struct script s;

    (void)state;
    start(&n, &s, 3);
    net_inject(&n, 1, request, sizeof request);
    net_run(&n, 246999);
    net_inject(&n, 1, request, sizeof request);
    assert_int_equal(s.requests, 1);
    net_run(&n, 1);
    net_inject(&n, 1, request, sizeof request);
    assert_int_equal(s.requests, 2);
    net_release(&n);
}

static void sixteen_message_ids_are_remembered(void **state)
{
    uint8_t request[] = {0x40, COAP_POST, 0, 0};
    struct net n;
    struct script s;

    (void)state;
    start(&n, &s, 3);
    for (uint8_t i = 0; i < 17; i++) {
        request[3] = i;
        net_inject(&n, 1, request, sizeof request);
    }
    assert_int_equal(s.requests, 17);
    request[3] = 1;
    net_inject(&n, 1, request, sizeof request);
    assert_int_equal(s.requests, 17);
    request[3] = 0; /* the seventeenth back */
    net_inject(&n, 1, request, sizeof request);
    assert_int_equal(s.requests, 18);
    net_release(&n);
}

static void a_restarted_peer_that_counts_from_one_again_is_heard(void **state)
{
    static const uint8_t one[] = {0x41, COAP_POST, 0, 1, 7};
    static const uint8_t other[] = {0x41, COAP_POST, 0, 1, 8};
    struct net n;
    struct script s;

    (void)state;
    start(&n, &s, 3);
    net_inject(&n, 1, one, sizeof one);
    net_inject(&n, 1, other, sizeof other);
    assert_int_equal(s.requests, 2);
    assert_int_equal(n.end[1].sent_bytes[4], 8);
    net_release(&n);
}

static void a_late_answer_goes_out_as_a_separate_response(void **state)
{
    struct net n;
    struct script s;
    struct note note = {0};

    (void)state;
    start(&n, &s, 4);
    s.later = true;
    ask(&n, &note, false);
    net_run(&n, 50000);
    assert_int_equal(note.replies, 0);
    assert_int_equal(n.end[0].sent, 1); /* acknowledged: not sent again */
    n.drop_next[1] = 1;                 /* the ACK of the response */
    give_answer(&n);
    net_run(&n, 20000);
    assert_int_equal(note.replies, 1);
    assert_string_equal(note.payload, "late");
    assert_int_equal(s.requests, 1);
    assert_int_equal(n.end[0].sent, 3); /* request, ACK, ACK again */
    assert_int_equal(n.end[1].sent, 3); /* ACK, response, response again */
    assert_true(coap_peer_idle(&n.end[1].peer));
    net_release(&n);
}

static void a_response_stands_for_a_lost_ack(void **state)
{
    struct net n;
    struct script s;
    struct note note = {0};

    (void)state;
    start(&n, &s, 5);
    s.later = true;
    n.drop_next[0] = 1;
    ask(&n, &note, false);
    net_run(&n, 30);
    give_answer(&n);
    net_run(&n, 60000);
    assert_int_equal(note.replies, 1);
    assert_string_equal(note.payload, "late");
    assert_int_equal(n.end[0].sent, 2); /* the request once, and the ACK */
    net_release(&n);
}

static void a_response_that_never_comes_is_given_up(void **state)
{
    struct net n;
    struct script s;
    struct note note = {0};
    uint64_t began;

    (void)state;
    start(&n, &s, 6);
    s.later = true;
    began = n.now;
    ask(&n, &note, false);
    net_run(&n, COAP_NEVER);
    assert_int_equal(note.replies, 1);
    assert_int_equal(note.outcome, COAP_SILENT);
    assert_true(began + 93050 <= n.now);
    net_release(&n);
}

static void one_message_is_outstanding_the_rest_waits_in_order(void **state)
{
    struct net n;
    struct script s;
    struct note note[5] = {{0}};

    (void)state;
    start(&n, &s, 7);
    for (int i = 0; i < 5; i++)
        ask(&n, &note[i], false);
    assert_int_equal(n.end[0].sent, 1);
    net_run(&n, 51);
    assert_int_equal(n.end[0].sent, 2);
    net_run(&n, 1000);
    for (int i = 0; i < 5; i++) {
        char want[32];

        snprintf(want, sizeof want, "answer %d", i + 1);
        assert_string_equal(note[i].payload, want);
    }
    net_release(&n);
}

static void the_queue_has_an_end(void **state)
{
    struct coap_request r = {.code = COAP_GET, .reply = take_note};
    struct note note = {0};
    struct net n;
    struct script s;

    (void)state;
    start(&n, &s, 8);
    r.ctx = &note;
    for (int i = 0; i < COAP_QUEUE_MAX; i++)
        assert_int_equal(coap_peer_request(&n.end[0].peer, n.now, &r, NULL), 0);
    assert_int_equal(coap_peer_request(&n.end[0].peer, n.now, &r, NULL),
                     DFOTA_E_FULL);
    r.payload_len = COAP_PAYLOAD_MAX + 1;
    assert_int_equal(coap_peer_request(&n.end[1].peer, n.now, &r, NULL),
                     DFOTA_E_ARG);
    net_run(&n, COAP_NEVER);
    assert_int_equal(note.replies, COAP_QUEUE_MAX);
    net_release(&n);
}

static void a_reset_ends_a_request(void **state)
{
    uint8_t reset[4] = {0x70, 0};
    struct net n;
    struct script s;
    struct note note = {0};

    (void)state;
    start(&n, &s, 9);
    n.cut[1] = true;
    ask(&n, &note, false);
    memcpy(reset + 2, n.end[0].sent_bytes + 2, 2);
    net_inject(&n, 0, reset, 4);
    assert_int_equal(note.replies, 1);
    assert_int_equal(note.outcome, COAP_RESET);
    net_run(&n, COAP_NEVER);
    assert_int_equal(n.end[0].sent, 1);
    net_release(&n);
}

static void a_cancelled_request_is_not_heard_of_again(void **state)
{
    struct net n;
    struct script s;
    struct note note = {0}, other = {0};
    uint32_t id;

    (void)state;
    start(&n, &s, 10);
    id = ask(&n, &note, false);
    ask(&n, &other, false);
    coap_peer_cancel(&n.end[0].peer, n.now, id);
    coap_peer_cancel(&n.end[0].peer, n.now, id);
    net_run(&n, COAP_NEVER);
    assert_int_equal(note.replies, 0);
    assert_int_equal(other.replies, 1);
    net_release(&n);
}

static void a_separate_response_nobody_waits_for_is_reset(void **state)
{
    struct net n;
    struct script s;
    struct note note = {0};
    uint32_t id;

    (void)state;
    start(&n, &s, 11);
    s.later = true;
    id = ask(&n, &note, false);
    net_run(&n, 100);
    coap_peer_cancel(&n.end[0].peer, n.now, id);
    give_answer(&n);
    net_run(&n, 1000);
    assert_int_equal(note.replies, 0);
    assert_int_equal(n.end[0].sent_len, 4);
    assert_int_equal(n.end[0].sent_bytes[0], 0x70);
    assert_true(coap_peer_idle(&n.end[1].peer));
    net_release(&n);
}

static void a_nonconfirmable_request_is_sent_once(void **state)
{
    struct net n;
    struct script s;
    struct note note = {0}, lost = {0};

    (void)state;
    start(&n, &s, 12);
    ask(&n, &note, true);
    net_run(&n, 100);
    assert_string_equal(note.payload, "answer 1");
    assert_int_equal(n.end[1].sent_bytes[0] >> 4 & 3, COAP_NON);
    n.cut[1] = true;
    ask(&n, &lost, true);
    net_run(&n, COAP_NEVER);
    assert_int_equal(n.end[0].sent, 2);
    assert_int_equal(lost.outcome, COAP_SILENT);
    net_release(&n);
}

static void duplicates_of_nonconfirmable_requests_are_not_answered(void **state)
{
    static const uint8_t request[] = {0x51, COAP_POST, 0, 1, 7};
    struct net n;
    struct script s;

    (void)state;
    start(&n, &s, 13);
    for (int i = 0; i < 3; i++)
        net_inject(&n, 1, request, sizeof request);
    assert_int_equal(s.requests, 1);
    assert_int_equal(n.end[1].sent, 1);
    net_release(&n);
}

static void bad_messages_are_reset_and_pings_answered(void **state)
{
    static const uint8_t ping[] = {0x40, 0, 0x11, 0x22};
    static const uint8_t bad[] = {0x4F, 1, 0x11, 0x22};
    static const uint8_t bad_non[] = {0x5F, 1, 0x11, 0x22};
    static const uint8_t version[] = {0x80, 1, 0x11, 0x22};
    static const uint8_t stray_ack[] = {0x60, 0, 0x11, 0x22};
    static const uint8_t stray_answer[] = {0x64, 0x45, 0x11, 0x22, 1, 2, 3, 4};
    static const uint8_t stray_reset[] = {0x70, 0, 0x11, 0x22};
    static const uint8_t ack_request[] = {0x60, 1, 0x11, 0x22};
    static const uint8_t reset[] = {0x70, 0, 0x11, 0x22};
    struct net n;
    struct script s;

    (void)state;
    start(&n, &s, 14);
    net_inject(&n, 1, ping, sizeof ping);
    assert_memory_equal(n.end[1].sent_bytes, reset, 4);
    net_inject(&n, 1, bad, sizeof bad);
    assert_int_equal(n.end[1].sent, 2);
    assert_memory_equal(n.end[1].sent_bytes, reset, 4);
    net_inject(&n, 1, bad_non, sizeof bad_non);
    net_inject(&n, 1, version, sizeof version);
    net_inject(&n, 1, stray_ack, sizeof stray_ack);
    net_inject(&n, 1, stray_answer, sizeof stray_answer);
    net_inject(&n, 1, stray_reset, sizeof stray_reset);
    net_inject(&n, 1, ack_request, sizeof ack_request);
    assert_int_equal(n.end[1].sent, 2);
    assert_int_equal(s.requests, 0);
    net_release(&n);
}

static void an_answer_with_a_forged_token_is_ignored(void **state)
{
    uint8_t forged[] = {0x64, 0x45, 0, 0, 1, 2, 3, 4};
    struct net n;
    struct script s;
    struct note note = {0};

    (void)state;
    start(&n, &s, 15);
    ask(&n, &note, false);
    memcpy(forged + 2, n.end[0].sent_bytes + 2, 2);
    net_inject(&n, 0, forged, sizeof forged);
    assert_int_equal(note.replies, 0);
    net_run(&n, 1000);
    assert_string_equal(note.payload, "answer 1");
    net_release(&n);
}

static void both_ends_may_ask_at_once(void **state)
{
    struct net n;
    struct script s, s0 = {0};
    struct note note = {0}, back = {0};
    struct coap_request r = {
        .code = COAP_GET, .reply = take_note, .ctx = &back};

    (void)state;
    start(&n, &s, 16);
    n.end[0].ops.request = serve;
    n.end[0].ctx = &s0;
    ask(&n, &note, false);
    assert_int_equal(coap_peer_request(&n.end[1].peer, n.now, &r, NULL), 0);
    net_run(&n, 1000);
    assert_int_equal(note.replies, 1);
    assert_int_equal(back.replies, 1);
    assert_int_equal(s.requests, 1);
    assert_int_equal(s0.requests, 1);
    net_release(&n);
}

/* Every request runs once, and every reply is its own, whatever the network
 * does to datagrams. */
static void each_request_runs_once_over_a_bad_network(void **state)
{
    enum { ROUNDS = 60 };
    struct net n;
    struct script s;
    unsigned answered = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        start(&n, &s, seed);
        n.loss = 10;
        n.duplicate = 20;
        n.jitter_ms = 400;
        for (unsigned i = 0; i < ROUNDS; i++) {
            struct note note = {0};
            unsigned before = s.requests;

            ask(&n, &note, false);
            net_run(&n, 100000);
            assert_int_equal(note.replies, 1);
            assert_true(s.requests <= before + 1);
            if (note.outcome == COAP_ANSWERED) {
                char want[32];

                snprintf(want, sizeof want, "answer %u", before + 1);
                assert_string_equal(note.payload, want);
                answered++;
            }
        }
        net_release(&n);
    }
    assert_true(answered >= 30 * ROUNDS * 99 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_gets_its_answer_in_the_ack),
        cmocka_unit_test(
            a_request_that_is_lost_is_sent_five_times_in_93_seconds),
        cmocka_unit_test(a_lost_ack_makes_the_request_come_again_and_run_once),
        cmocka_unit_test(three_equal_requests_get_three_equal_answers),
        cmocka_unit_test(message_ids_are_forgotten_after_247_seconds),
        cmocka_unit_test(sixteen_message_ids_are_remembered),
        cmocka_unit_test(a_restarted_peer_that_counts_from_one_again_is_heard),
        cmocka_unit_test(a_late_answer_goes_out_as_a_separate_response),
        cmocka_unit_test(a_response_stands_for_a_lost_ack),
        cmocka_unit_test(a_response_that_never_comes_is_given_up),
        cmocka_unit_test(one_message_is_outstanding_the_rest_waits_in_order),
        cmocka_unit_test(the_queue_has_an_end),
        cmocka_unit_test(a_reset_ends_a_request),
        cmocka_unit_test(a_cancelled_request_is_not_heard_of_again),
        cmocka_unit_test(a_separate_response_nobody_waits_for_is_reset),
        cmocka_unit_test(a_nonconfirmable_request_is_sent_once),
        cmocka_unit_test(
            duplicates_of_nonconfirmable_requests_are_not_answered),
        cmocka_unit_test(bad_messages_are_reset_and_pings_answered),
        cmocka_unit_test(an_answer_with_a_forged_token_is_ignored),
        cmocka_unit_test(both_ends_may_ask_at_once),
        cmocka_unit_test(each_request_runs_once_over_a_bad_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
