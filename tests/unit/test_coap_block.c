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
#include "coap_net.h"

enum { BODY_MAX = 1 << 20 };

static uint8_t body[BODY_MAX], got[BODY_MAX + 2048];

/* ---- a server with one body ---------------------------------------------- */

struct site {
    uint32_t len;
    uint8_t szx;
    const char *etag; /* NULL: none */
    unsigned requests;
    uint8_t refuse; /* with this code the next refuse_count requests */
    unsigned refuse_count;
    uint32_t refuse_from; /* only blocks from this offset on */
    uint32_t max_age;
    bool reset, later, no_blocks, shift;
    uint8_t szx_later; /* after the first block; 0: as szx */
    uint8_t stored[BODY_MAX];
    struct coap_body taking;
    unsigned wholes;
    bool dead; /* takes nothing any more, answers nothing */
};

struct fetch {
    struct coap_get get;
    unsigned heads, ends, failures;
    uint8_t code;
    uint32_t from, len, stop_at;
    int64_t length;
    enum coap_get_failure failure;
};

struct push {
    struct coap_put put;
    unsigned dones, progresses;
    struct coap_put_result result;
    uint32_t len;
};

static void put_reset(struct net_end *e, const struct coap_msg *m)
{
    const uint8_t reset[] = {0x70, 0, (uint8_t)(m->mid >> 8), (uint8_t)m->mid};

    net_send(e, reset, sizeof reset);
}

static void refuse(struct net_end *e, struct site *s,
                   const struct coap_ticket *t)
{
    uint8_t bytes[16];
    struct coap_options o;
    struct coap_answer a = {.code = s->refuse};

    coap_options_init(&o, bytes, sizeof bytes);
    if (s->max_age)
        coap_options_add_uint(&o, COAP_MAX_AGE, s->max_age);
    a.options = o.data;
    a.options_len = o.len;
    coap_peer_answer(&e->peer, e->net->now, t, &a);
}

static void serve_get(struct net_end *e, struct site *s,
                      const struct coap_ticket *t, const struct coap_msg *m)
{
    uint8_t bytes[64];
    struct coap_options o = {.data = bytes, .room = sizeof bytes};
    struct coap_served served = {.data = body,
                                 .len = s->len,
                                 .etag = (const uint8_t *)s->etag,
                                 .szx = s->szx};
    struct coap_answer a;

    served.etag_len = s->etag ? (uint8_t)strlen(s->etag) : 0;
    if (s->szx_later && s->requests > 1)
        served.szx = s->szx_later;
    coap_serve(m, &served, &o, &a);
    if (s->no_blocks) {
        a.options_len = 0;
        a.payload = body;
        a.payload_len = s->len;
    }
    coap_peer_answer(&e->peer, e->net->now, t, &a);
}

static void serve_put(struct net_end *e, struct site *s,
                      const struct coap_ticket *t, const struct coap_msg *m)
{
    struct coap_part part;
    struct coap_answer a = {0};
    enum coap_taken taken = coap_body_take(&s->taking, m, s->len, &part);

    if (taken != COAP_BODY_REFUSED && part.len > 0)
        memcpy(s->stored + part.off, part.data, part.len);
    if (taken == COAP_BODY_WHOLE)
        s->wholes++;
    a.code = part.code;
    a.options = part.options;
    a.options_len = part.options_len;
    coap_peer_answer(&e->peer, e->net->now, t, &a);
}

static void serve(void *ctx, const struct coap_ticket *t,
                  const struct coap_msg *m)
{
    struct net_end *e = ctx;
    struct site *s = e->ctx;
    struct coap_block b = {0};

    s->requests++;
    if (coap_block_find(m, COAP_BLOCK1, &b) != 0)
        (void)coap_block_find(m, COAP_BLOCK2, &b);
    if (s->refuse_count > 0 && coap_block_off(&b) >= s->refuse_from) {
        s->refuse_count--;
        if (s->reset)
            put_reset(e, m);
        else
            refuse(e, s, t);
        return;
    }
    if (m->code == COAP_GET)
        serve_get(e, s, t, m);
    else
        serve_put(e, s, t, m);
}

/* ---- its client ---------------------------------------------------------- */

static int on_get(void *ctx, const struct coap_get_event *e)
{
    struct fetch *f = ctx;

    switch (e->kind) {
    case COAP_GET_HEAD:
        f->heads++;
        f->code = e->code;
        f->from = f->len = e->from;
        f->length = e->length;
        return 0;
    case COAP_GET_DATA:
        assert_true(f->len + e->len <= sizeof got);
        memcpy(got + f->len, e->data, e->len);
        f->len += (uint32_t)e->len;
        return f->stop_at > 0 && f->len >= f->stop_at;
    case COAP_GET_END:
        f->ends++;
        return 0;
    default:
        f->failures++;
        f->failure = e->failure;
        return 0;
    }
}

static int read_body(void *ctx, uint32_t off, void *buf, size_t len)
{
    const struct push *p = ctx;

    assert_true(off + len <= p->len);
    memcpy(buf, body + off, len);
    return 0;
}

static void on_progress(void *ctx, uint32_t off)
{
    struct push *p = ctx;

    assert_true(off <= p->len);
    p->progresses++;
}

static void on_put(void *ctx, const struct coap_put_result *r)
{
    struct push *p = ctx;

    p->dones++;
    p->result = *r;
}

static void tick(struct net *n, void *ctx)
{
    struct fetch *f = n->end[0].ctx;
    struct push *p = ctx;

    if (f && coap_get_wake(&f->get) <= n->now)
        coap_get_tick(&f->get, n->now);
    if (p && coap_put_wake(&p->put) <= n->now)
        coap_put_tick(&p->put, n->now);
}

static struct fetch *fetching;
static struct push *pushing;

static uint64_t wake(void *ctx)
{
    uint64_t get = fetching ? coap_get_wake(&fetching->get) : COAP_NEVER;
    uint64_t put = pushing ? coap_put_wake(&pushing->put) : COAP_NEVER;

    (void)ctx;
    return get < put ? get : put;
}

static void begin(struct net *n, struct site *s, uint32_t len, uint64_t seed)
{
    net_init(n, seed);
    n->delay_ms = 25;
    n->end[1].ops.request = serve;
    n->end[1].ctx = s;
    n->tick = tick;
    n->wake = wake;
    memset(s, 0, sizeof *s);
    s->len = len;
    s->szx = COAP_SZX_MAX;
    s->etag = "one";
    coap_body_init(&s->taking, COAP_SZX_MAX);
    fetching = NULL;
    pushing = NULL;
    memset(got, 0, sizeof got);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 2654435761U >> 13);
}

static void fetch_from(struct net *n, struct fetch *f, uint8_t szx,
                       uint32_t from, const char *etag)
{
    struct coap_get_request r = {
        .szx = szx, .from = from, .event = on_get, .ctx = f};
    uint32_t stop_at = f->stop_at;

    *f = (struct fetch){.stop_at = stop_at};
    if (etag) {
        r.etag = (const uint8_t *)etag;
        r.etag_len = (uint8_t)strlen(etag);
    }
    n->end[0].ctx = f;
    fetching = f;
    assert_int_equal(coap_get_start(&f->get, &n->end[0].peer, n->now, &r), 0);
}

static void fetch(struct net *n, struct fetch *f, uint8_t szx)
{
    f->stop_at = 0;
    fetch_from(n, f, szx, 0, NULL);
}

static void push(struct net *n, struct push *p, uint32_t len, uint8_t szx)
{
    struct coap_put_request r = {.code = COAP_PUT,
                                 .length = len,
                                 .szx = szx,
                                 .read = read_body,
                                 .progress = on_progress,
                                 .done = on_put,
                                 .ctx = p};

    *p = (struct push){.len = len};
    n->ctx = p;
    pushing = p;
    assert_int_equal(coap_put_start(&p->put, &n->end[0].peer, n->now, &r), 0);
}

static void assert_fetched(const struct fetch *f, uint32_t len)
{
    assert_int_equal(f->failures, 0);
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->len, len);
    assert_memory_equal(got, body, len);
}

static void assert_pushed(const struct push *p, const struct site *s)
{
    assert_int_equal(p->dones, 1);
    assert_int_equal(p->result.failure, COAP_PUT_DONE);
    assert_int_equal(p->result.code, COAP_CHANGED);
    assert_int_equal(s->wholes, 1);
    assert_memory_equal(s->stored, body, p->len);
}

/* ---- the option ---------------------------------------------------------- */

static void the_block_option_is_checked(void **state)
{
    /* Delta 23: 13 + 10. */
    static const uint8_t none[] = {0x40, 1, 0, 1, 0xD0, 10};
    static const uint8_t seven[] = {0x40, 1, 0, 1, 0xD1, 10, 0x17};
    static const uint8_t huge[] = {0x40, 1, 0, 1, 0xD3, 10, 0xFF, 0xFF, 0xFE};
    static const uint8_t four[] = {0x40, 1, 0, 1, 0xD4, 10, 1, 0, 0, 6};
    static const uint8_t padded[] = {0x40, 1, 0, 1, 0xD4, 10, 0, 0, 0, 0x16};
    struct coap_msg m;
    struct coap_block b;

    (void)state;
    assert_int_equal(coap_msg_parse(&m, none, sizeof none), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), 0);
    assert_true(b.num == 0 && !b.more && b.szx == 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK1, &b), DFOTA_E_NOTFOUND);
    assert_int_equal(coap_msg_parse(&m, seven, sizeof seven), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), DFOTA_E_SYNTAX);
    assert_int_equal(coap_msg_parse(&m, huge, sizeof huge), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), 0);
    assert_int_equal(b.num, COAP_BLOCK_NUM_MAX);
    assert_int_equal(coap_block_off(&b), 1073740800);
    assert_int_equal(coap_msg_parse(&m, four, sizeof four), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), DFOTA_E_SYNTAX);
    assert_int_equal(coap_msg_parse(&m, padded, sizeof padded), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), DFOTA_E_SYNTAX);
}

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

/* ---- taking, block by block ---------------------------------------------- */

struct taker {
    struct coap_body b;
    struct coap_part part;
    uint32_t max;
};

static enum coap_taken take(struct taker *t, uint32_t num, bool more,
                            uint8_t szx, size_t len)
{
    uint8_t bytes[16];
    struct coap_options o;
    struct coap_block b = {num, more, szx};
    struct coap_msg m = {.code = COAP_PUT, .payload = body, .payload_len = len};

    coap_options_init(&o, bytes, sizeof bytes);
    coap_block_add(&o, COAP_BLOCK1, &b);
    m.options = o.data;
    m.options_len = o.len;
    return coap_body_take(&t->b, &m, t->max, &t->part);
}

static void blocks_out_of_order_are_refused(void **state)
{
    struct taker t = {.max = 1 << 20};

    (void)state;
    coap_body_init(&t.b, 6);
    /* Nothing began. */
    assert_int_equal(take(&t, 1, true, 6, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    assert_int_equal(take(&t, COAP_BLOCK_NUM_MAX, true, 6, 1024),
                     COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    assert_int_equal(take(&t, 0, true, 6, 1024), COAP_BODY_MORE);
    assert_int_equal(t.part.code, COAP_CONTINUE);
    assert_int_equal(take(&t, 2, true, 6, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    assert_int_equal(take(&t, COAP_BLOCK_NUM_MAX, false, 6, 10),
                     COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    /* Not full, too full. */
    assert_int_equal(take(&t, 1, true, 6, 1023), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_BAD_REQUEST);
    assert_int_equal(take(&t, 2, false, 5, 513), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_BAD_REQUEST);
    assert_int_equal(take(&t, 1, true, 7, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_BAD_REQUEST);
    /* None of them did harm. */
    assert_int_equal(take(&t, 2, true, 5, 512), COAP_BODY_MORE);
    assert_int_equal(t.part.off, 1024);
    assert_int_equal(take(&t, 96, false, 0, 3), COAP_BODY_WHOLE);
    assert_int_equal(t.b.off, 1539);
    /* It is over: no block of it is taken any more. */
    assert_int_equal(take(&t, 2, true, 5, 512), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
}

static void block_zero_begins_a_new_body(void **state)
{
    struct taker t = {.max = 1 << 20};

    (void)state;
    coap_body_init(&t.b, 6);
    assert_int_equal(take(&t, 0, true, 4, 256), COAP_BODY_MORE);
    assert_int_equal(take(&t, 1, true, 4, 256), COAP_BODY_MORE);
    assert_int_equal(take(&t, 0, true, 4, 256), COAP_BODY_MORE);
    assert_int_equal(t.part.off, 0);
    assert_int_equal(t.b.off, 256);
}

static void a_body_longer_than_announced_is_refused(void **state)
{
    struct taker t = {.max = 2000};

    (void)state;
    coap_body_init(&t.b, 6);
    assert_int_equal(take(&t, 0, true, 6, 1024), COAP_BODY_MORE);
    assert_int_equal(take(&t, 1, true, 6, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_TOO_LARGE);
    assert_int_equal(take(&t, 1, false, 6, 10), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
}

/* ---- serving ------------------------------------------------------------- */

static void serving_checks_what_is_asked(void **state)
{
    static const uint8_t seven[] = {0xD1, 10, 0x17};
    static const uint8_t last[] = {0xD3, 10, 0xFF, 0xFF, 0xF6};
    static const uint8_t tag[] = {0x43, 'o', 'n', 'e'};
    static const uint8_t other[] = {0x43, 'a', 'n', 'e'};
    uint8_t bytes[32];
    struct coap_options o = {.data = bytes, .room = sizeof bytes};
    struct coap_served s = {.data = body,
                            .len = 5000,
                            .etag = (const uint8_t *)"one",
                            .etag_len = 3,
                            .szx = 6};
    struct coap_msg m = {.options = seven, .options_len = sizeof seven};
    struct coap_answer a;

    (void)state;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_BAD_REQUEST);
    m.options = last;
    m.options_len = sizeof last;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_BAD_OPTION);
    m.options = tag;
    m.options_len = sizeof tag;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_VALID);
    assert_int_equal(a.payload_len, 0);
    m.options = other;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_CONTENT);
    assert_int_equal(a.payload_len, 1024);
    assert_null(a.recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_option_is_checked),
        cmocka_unit_test(a_body_comes_whole_in_every_block_size),
        cmocka_unit_test(a_smaller_block_size_is_taken_over),
        cmocka_unit_test(a_body_is_whole_over_a_bad_network),
        cmocka_unit_test(a_transfer_of_68_minutes_is_fine),
        cmocka_unit_test(another_etag_starts_again_and_nothing_is_spliced),
        cmocka_unit_test(a_body_that_changes_all_the_time_is_given_up),
        cmocka_unit_test(a_resume_takes_the_rest_of_the_same_body),
        cmocka_unit_test(a_resume_of_another_body_takes_it_from_the_start),
        cmocka_unit_test(refusals_that_pass_are_survived),
        cmocka_unit_test(busy_servers_are_asked_again_after_max_age),
        cmocka_unit_test(final_codes_are_told),
        cmocka_unit_test(silence_ends_a_fetch),
        cmocka_unit_test(a_server_without_blocks_gives_small_bodies),
        cmocka_unit_test(a_user_may_give_up_at_data),
        cmocka_unit_test(a_push_arrives_whole_in_every_block_size),
        cmocka_unit_test(a_push_takes_over_smaller_blocks),
        cmocka_unit_test(a_push_arrives_whole_over_a_bad_network),
        cmocka_unit_test(lost_state_and_resets_start_a_push_again),
        cmocka_unit_test(a_busy_peer_gets_the_block_again_after_max_age),
        cmocka_unit_test(a_silent_peer_gets_three_starts),
        cmocka_unit_test(a_push_follows_the_peer_to_another_port),
        cmocka_unit_test(
            a_body_that_is_too_large_is_refused_at_its_first_block),
        cmocka_unit_test(blocks_out_of_order_are_refused),
        cmocka_unit_test(block_zero_begins_a_new_body),
        cmocka_unit_test(a_body_longer_than_announced_is_refused),
        cmocka_unit_test(serving_checks_what_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
