/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "link/coap_endpoint.h"

/* ---- a server that counts ------------------------------------------------ */

struct world {
    struct coap_endpoint *e;
    uint64_t now;
    unsigned sent, requests, gone, resumed;
    uint8_t last[64];
    size_t last_len;
    uint32_t last_addr;
    bool hold, drop;
    struct coap_remote *remote; /* of the newest request */
    unsigned opened, answers;
};

static void on_send(void *ctx, const void *addr, size_t addr_len,
                    const uint8_t *data, size_t len)
{
    struct world *w = ctx;

    assert_int_equal(addr_len, 4);
    w->sent++;
    w->last_addr = dfota_get_be32(addr);
    w->last_len = len < sizeof w->last ? len : sizeof w->last;
    memcpy(w->last, data, w->last_len);
}

static void on_request(void *ctx, struct coap_remote *r,
                       const struct coap_ticket *t, const struct coap_msg *m)
{
    struct world *w = ctx;
    struct coap_answer a = {.code = COAP_CONTENT};

    (void)m;
    w->requests++;
    w->remote = r;
    coap_remote_hold(r, w->hold);
    assert_int_equal(coap_peer_answer(coap_remote_peer(r), w->now, t, &a), 0);
    if (w->drop)
        coap_remote_drop(r);
}

static void on_gone(void *ctx, struct coap_remote *r)
{
    struct world *w = ctx;

    w->gone++;
    if (r == w->remote)
        w->remote = NULL;
}

static void on_resumed(void *ctx, struct coap_remote *r)
{
    struct world *w = ctx;

    assert_string_equal(coap_remote_identity(r), "module");
    w->resumed++;
}

static const struct coap_endpoint_ops ops = {
    .send = on_send, .request = on_request, .gone = on_gone};

static void begin(struct world *w, uint32_t max, struct dtls_credentials *dtls)
{
    struct coap_endpoint_config c = {.params = &coap_params_rfc,
                                     .dtls = dtls,
                                     .max = max,
                                     .idle_ms = 3600000,
                                     .seed = 12345};

    memset(w, 0, sizeof *w);
    w->now = 1000;
    w->e = coap_endpoint_create(&c, &ops, w);
    assert_non_null(w->e);
}

static void give(struct world *w, uint32_t from, const void *data, size_t len)
{
    uint8_t addr[4];

    dfota_put_be32(addr, from);
    coap_endpoint_receive(w->e, w->now, addr, 4, data, len);
}

static void get(struct world *w, uint32_t from, uint16_t mid)
{
    const uint8_t bytes[] = {0x41, COAP_GET, (uint8_t)(mid >> 8), (uint8_t)mid,
                             7};

    give(w, from, bytes, sizeof bytes);
}

static void run_until(struct world *w, uint64_t until)
{
    uint64_t wake;

    while ((wake = coap_endpoint_wake(w->e)) <= until) {
        w->now = wake > w->now ? wake : w->now;
        coap_endpoint_tick(w->e, w->now);
    }
    w->now = until;
}

/* ---- tests --------------------------------------------------------------- */

static void addresses_are_told_apart(void **state)
{
    struct world w;

    (void)state;
    begin(&w, 1000, NULL);
    for (uint32_t from = 0; from < 500; from++)
        get(&w, from, 1);
    assert_int_equal(w.requests, 500);
    assert_int_equal(coap_endpoint_count(w.e), 500);
    for (uint32_t from = 0; from < 500; from++) {
        get(&w, from, 1);
        assert_int_equal(w.last_addr, from);
    }
    assert_int_equal(w.requests, 500);
    assert_int_equal(w.sent, 1000);
    coap_endpoint_destroy(w.e);
    assert_int_equal(w.gone, 500);
}

static void no_state_for_what_is_no_request(void **state)
{
    static const uint8_t ping[] = {0x40, 0, 0, 1}, bad[] = {0x4F, 1, 0, 1},
                         ack[] = {0x60, 0, 0, 1}, noise[] = {1, 2, 3, 4, 5},
                         answer[] = {0x40, 0x45, 0, 1}, non[] = {0x5F, 1, 0, 1};
    struct world w;

    (void)state;
    begin(&w, 1000, NULL);
    give(&w, 1, ack, sizeof ack);
    give(&w, 1, noise, sizeof noise);
    give(&w, 1, non, sizeof non);
    give(&w, 1, noise, 0);
    assert_int_equal(w.sent, 0);
    give(&w, 2, ping, sizeof ping);
    assert_int_equal(w.sent, 1);
    assert_int_equal(w.last[0], 0x70);
    give(&w, 3, bad, sizeof bad);
    give(&w, 4, answer, sizeof answer);
    assert_int_equal(w.sent, 3);
    assert_int_equal(coap_endpoint_count(w.e), 0);
    coap_endpoint_destroy(w.e);
}

static void a_remote_with_nothing_to_remember_goes(void **state)
{
    struct world w;

    (void)state;
    begin(&w, 1000, NULL);
    get(&w, 1, 1);
    w.hold = true;
    get(&w, 2, 1);
    run_until(&w, w.now + 246000);
    assert_int_equal(coap_endpoint_count(w.e), 2);
    run_until(&w, w.now + 2000);
    assert_int_equal(coap_endpoint_count(w.e), 1);
    assert_int_equal(w.gone, 1);
    assert_non_null(w.remote);
    assert_int_equal(coap_endpoint_wake(w.e), COAP_NEVER);
    coap_remote_hold(w.remote, false);
    run_until(&w, w.now + 1);
    assert_int_equal(coap_endpoint_count(w.e), 0);
    coap_endpoint_destroy(w.e);
}

static void
a_full_table_drops_who_was_silent_longest_and_is_not_held(void **state)
{
    struct world w;

    (void)state;
    begin(&w, 3, NULL);
    w.hold = true;
    get(&w, 1, 1);
    w.hold = false;
    get(&w, 2, 1);
    get(&w, 3, 1);
    get(&w, 2, 2); /* heard again */
    get(&w, 4, 1); /* in the place of 3 */
    assert_int_equal(coap_endpoint_count(w.e), 3);
    assert_int_equal(w.requests, 5);
    get(&w, 2, 2);
    get(&w, 1, 1);
    assert_int_equal(w.requests, 5);
    get(&w, 3, 1);
    assert_int_equal(w.requests, 6);
    w.hold = true;
    get(&w, 3, 2);
    get(&w, 2, 3);
    get(&w, 9, 1); /* all are held: not heard */
    assert_int_equal(w.requests, 8);
    assert_int_equal(coap_endpoint_count(w.e), 3);
    coap_endpoint_destroy(w.e);
}

/* A million of them would take no more room, and nothing of others. */
static void those_that_are_not_held_have_a_room_of_their_own(void **state)
{
    static const struct coap_endpoint_config c = {
        .params = &coap_params_rfc, .max = 1000, .loose_max = 10};
    struct world w;

    (void)state;
    memset(&w, 0, sizeof w);
    w.now = 1000;
    w.e = coap_endpoint_create(&c, &ops, &w);
    assert_non_null(w.e);
    w.hold = true;
    for (uint16_t i = 0; i < 50; i++)
        get(&w, 1000 + i, 1);
    w.hold = false;
    for (uint16_t i = 0; i < 30; i++)
        get(&w, i, 1);
    assert_int_equal(coap_endpoint_count(w.e), 60);
    assert_int_equal(w.gone, 20);
    assert_int_equal(w.requests, 80);
    for (uint16_t i = 0; i < 50; i++)
        get(&w, 1000 + i, 1); /* all of them are known */
    for (uint16_t i = 20; i < 30; i++)
        get(&w, i, 1);
    assert_int_equal(w.requests, 80);
    get(&w, 19, 1);
    assert_int_equal(w.requests, 81);
    coap_endpoint_destroy(w.e);
}

static void a_remote_may_be_dropped_inside_its_request(void **state)
{
    struct world w;

    (void)state;
    begin(&w, 1000, NULL);
    w.drop = true;
    get(&w, 1, 1);
    assert_int_equal(w.sent, 1);
    assert_int_equal(w.gone, 1);
    assert_int_equal(coap_endpoint_count(w.e), 0);
    w.drop = false;
    get(&w, 1, 1);
    assert_int_equal(w.requests, 2);
    coap_remote_drop(w.remote);
    assert_int_equal(w.gone, 2);
    coap_endpoint_destroy(w.e);
}

static void on_reply(void *ctx, const struct coap_reply *r)
{
    unsigned *silent = ctx;

    *silent += r->outcome == COAP_SILENT;
}

static void wake_ups_of_many_remotes_come_in_order(void **state)
{
    enum { MANY = 5000 };
    struct coap_request r = {.code = COAP_GET, .reply = on_reply};
    struct world w;
    unsigned silent = 0;
    uint64_t before = 0;

    (void)state;
    begin(&w, MANY, NULL);
    r.ctx = &silent;
    for (uint32_t from = 0; from < MANY; from++) {
        w.now += from % 7;
        get(&w, from, 1);
        assert_int_equal(
            coap_peer_request(coap_remote_peer(w.remote), w.now, &r, NULL), 0);
    }
    w.sent = 0;
    while (coap_endpoint_wake(w.e) != COAP_NEVER) {
        uint64_t wake = coap_endpoint_wake(w.e);

        assert_true(wake >= before);
        before = wake;
        w.now = wake > w.now ? wake : w.now;
        /* A bounded number at once. */
        for (unsigned turn = 0; coap_endpoint_wake(w.e) <= w.now; turn++) {
            assert_true(turn < MANY / 100);
            coap_endpoint_tick(w.e, w.now);
        }
    }
    assert_int_equal(silent, MANY);
    assert_int_equal(w.sent, MANY * 4);
    assert_int_equal(coap_endpoint_count(w.e), 0);
    coap_endpoint_destroy(w.e);
}

static void a_tick_is_short_however_many_are_due(void **state)
{
    enum { MANY = 5000 };
    struct coap_request r = {.code = COAP_GET, .reply = on_reply};
    struct world w;
    unsigned silent = 0;

    (void)state;
    begin(&w, MANY, NULL);
    r.ctx = &silent;
    for (uint32_t from = 0; from < MANY; from++) {
        get(&w, from, 1);
        assert_int_equal(
            coap_peer_request(coap_remote_peer(w.remote), w.now, &r, NULL), 0);
    }
    w.now += 10000; /* all send again */
    w.sent = 0;
    coap_endpoint_tick(w.e, w.now);
    assert_in_range(w.sent, 1, MANY / 5);
    assert_true(coap_endpoint_wake(w.e) <= w.now);
    coap_endpoint_destroy(w.e);
}

/* ---- DTLS ---------------------------------------------------------------- */

static const uint8_t secret[] = {'s', 'e', 'c', 'r', 'e', 't'};

static int find_key(void *ctx, const char *identity, uint8_t *key, size_t *len)
{
    (void)ctx;
    (void)identity;
    memcpy(key, secret, sizeof secret);
    *len = sizeof secret;
    return 0;
}

struct client {
    struct world *w;
    uint32_t from;
    uint8_t hello[2048]; /* the one with the cookie */
    size_t hello_len;
};

static void to_server(struct client *c, const uint8_t *data, size_t len)
{
    if (dtls_is_hello(data, len)) {
        assert_true(len <= sizeof c->hello);
        memcpy(c->hello, data, len);
        c->hello_len = len;
    }
    give(c->w, c->from, data, len);
}

static void client_data(void *ctx, const uint8_t *data, size_t len)
{
    struct client *c = ctx;

    (void)data;
    c->w->answers += len > 0;
}

static void client_state(void *ctx, enum dtls_state dtls)
{
    struct client *c = ctx;

    c->w->opened += dtls == DTLS_OPEN;
}

/* GnuTLS takes no datagram inside a call: what a side sends is queued. */
struct datagram {
    bool to_server;
    size_t len;
    uint8_t bytes[2048];
};

struct queue {
    unsigned count;
    struct datagram d[64];
};

static struct queue queue;

static void queued_client_send(void *ctx, const uint8_t *data, size_t len)
{
    (void)ctx;
    assert_true(queue.count < 64 && len <= sizeof queue.d[0].bytes);
    queue.d[queue.count].to_server = true;
    queue.d[queue.count].len = len;
    memcpy(queue.d[queue.count++].bytes, data, len);
}

static void queued_server_send(void *ctx, const void *addr, size_t addr_len,
                               const uint8_t *data, size_t len)
{
    (void)ctx;
    (void)addr;
    (void)addr_len;
    queued_client_send(NULL, data, len);
    queue.d[queue.count - 1].to_server = false;
}

static void deliver(struct client *c, struct dtls *d)
{
    while (queue.count > 0) {
        struct datagram one = queue.d[0];

        memmove(queue.d, queue.d + 1, --queue.count * sizeof queue.d[0]);
        if (one.to_server)
            to_server(c, one.bytes, one.len);
        else
            dtls_receive(d, one.bytes, one.len);
    }
}

static struct dtls *connect_to(struct world *w, struct client *c,
                               struct dtls_credentials *credentials)
{
    static const struct dtls_ops queued = {queued_client_send, client_data,
                                           client_state};
    struct dtls *d = dtls_connect(credentials, NULL, &queued, c);

    assert_non_null(d);
    c->w = w;
    dtls_tick(d);
    deliver(c, d);
    assert_int_equal(dtls_state(d), DTLS_OPEN);
    return d;
}

static void sessions_have_identities_and_may_begin_anew(void **state)
{
    static const struct coap_endpoint_ops queued = {
        queued_server_send, on_request, NULL, on_gone, on_resumed};
    static const uint8_t request[] = {0x41, COAP_GET, 0, 1, 7};
    struct dtls_config sc = {.server = true, .find_key = find_key},
                       cc = {.identity = "module",
                             .key = secret,
                             .key_len = sizeof secret};
    struct dtls_credentials *server, *credentials;
    struct coap_endpoint_config config = {
        .params = &coap_params_rfc, .max = 10, .idle_ms = 3600000, .seed = 1};
    struct world w = {.now = 1000};
    struct client c = {.from = 5};
    struct dtls *d, *again;
    const char *why;
    uint8_t first_hello[2048];
    size_t first_len;

    (void)state;
    assert_int_equal(dtls_credentials_create(&server, &sc, &why), 0);
    assert_int_equal(dtls_credentials_create(&credentials, &cc, &why), 0);
    config.dtls = server;
    w.e = coap_endpoint_create(&config, &queued, &w);
    d = connect_to(&w, &c, credentials);
    first_len = c.hello_len;
    memcpy(first_hello, c.hello, first_len);
    assert_int_equal(coap_endpoint_count(w.e), 1);
    assert_int_equal(dtls_send(d, request, sizeof request), 0);
    deliver(&c, d);
    assert_int_equal(w.requests, 1);
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.resumed, 0);
    assert_string_equal(coap_remote_identity(w.remote), "module");
    /* Its hello once more, late: the session stays. Noise: too. */
    give(&w, 5, first_hello, first_len);
    first_hello[10]++; /* the number of the record: it was sent again */
    give(&w, 5, first_hello, first_len);
    give(&w, 5, request, sizeof request);
    assert_int_equal(w.gone, 0);
    assert_int_equal(queue.count, 0);
    /* The client starts again from the same port. */
    again = connect_to(&w, &c, credentials);
    assert_int_equal(w.gone, 1);
    assert_int_equal(w.resumed, 1);
    assert_int_equal(coap_endpoint_count(w.e), 1);
    assert_int_equal(dtls_send(again, request, sizeof request), 0);
    deliver(&c, again);
    assert_int_equal(w.requests, 2);
    /* close_notify */
    dtls_free(again);
    deliver(&c, d);
    assert_int_equal(w.gone, 2);
    assert_int_equal(coap_endpoint_count(w.e), 0);
    /* An idle session goes after its time. */
    again = connect_to(&w, &c, credentials);
    run_until(&w, w.now + 3590000);
    assert_int_equal(coap_endpoint_count(w.e), 1);
    run_until(&w, w.now + 20000);
    assert_int_equal(coap_endpoint_count(w.e), 0);
    queue.count = 0;
    dtls_free(again);
    dtls_free(d);
    queue.count = 0;
    coap_endpoint_destroy(w.e);
    dtls_credentials_free(server);
    dtls_credentials_free(credentials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_told_apart),
        cmocka_unit_test(no_state_for_what_is_no_request),
        cmocka_unit_test(a_remote_with_nothing_to_remember_goes),
        cmocka_unit_test(
            a_full_table_drops_who_was_silent_longest_and_is_not_held),
        cmocka_unit_test(those_that_are_not_held_have_a_room_of_their_own),
        cmocka_unit_test(a_remote_may_be_dropped_inside_its_request),
        cmocka_unit_test(wake_ups_of_many_remotes_come_in_order),
        cmocka_unit_test(a_tick_is_short_however_many_are_due),
        cmocka_unit_test(sessions_have_identities_and_may_begin_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
