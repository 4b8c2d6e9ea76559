/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side against clients that are not ours: a script answers for
 * the client, block by block, in other sizes, late, or not at all. What they
 * do here is what clients in the field do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "coap_net.h"
#include "lwm2m/firmware_job.h"
#include "lwm2m/reader.h"
#include "lwm2m/registrar.h"

enum { BIG = 3000, LINKS = 700 };

struct site {
    struct net n;
    struct registrar s;
    struct lwm2m_way way, other;
    unsigned registered, updated;
    /* The client. */
    char big[BIG + 1];    /* what /9/0/1 is */
    bool bare;            /* without an ETag from its second block on */
    bool endless;         /* more and more of it */
    uint8_t szx;          /* in blocks of this size */
    unsigned changes;     /* ETags of the first so many answers differ */
    unsigned asked;       /* GETs of /big */
    bool deaf;            /* to every request */
    uint8_t deaf_to;      /* to those of this method */
    const char *firmware; /* /5/0 as TLV, six bytes */
    uint8_t last_code;    /* of the newest answer to it */
    char location[64];    /* of its registration */
    unsigned continues;   /* 2.31 */
};

/* ---- the client ---------------------------------------------------------- */

/* Whatever block is wanted, there is one more behind it. */
static void serve_endless(struct site *t, const struct coap_ticket *ticket,
                          const struct coap_msg *m)
{
    uint8_t memory[16];
    struct coap_options o;
    struct coap_block b = {.szx = COAP_SZX_MAX};

    (void)coap_block_find(m, COAP_BLOCK2, &b);
    b.more = true;
    t->asked++;
    coap_options_init(&o, memory, sizeof memory);
    coap_block_add(&o, COAP_BLOCK2, &b);
    coap_peer_answer(&t->n.end[0].peer, t->n.now, ticket,
                     &(struct coap_answer){.code = COAP_CONTENT,
                                           .options = o.data,
                                           .options_len = o.len,
                                           .payload = (const uint8_t *)t->big,
                                           .payload_len = 1024});
}

static void serve_big(struct site *t, const struct coap_ticket *ticket,
                      const struct coap_msg *m)
{
    uint8_t memory[64], etag[2] = {7, 0};
    struct coap_options o;
    struct coap_answer a;

    if (t->endless) {
        serve_endless(t, ticket, m);
        return;
    }
    etag[1] = t->asked < t->changes ? (uint8_t)t->asked : 99;
    t->asked++;
    coap_options_init(&o, memory, sizeof memory);
    coap_serve(
        m,
        &(struct coap_served){.data = (const uint8_t *)t->big,
                              .len = (uint32_t)strlen(t->big),
                              .etag = etag,
                              .etag_len = t->asked > 1 && t->bare ? 0 : 2,
                              .szx = t->szx},
        &o, &a);
    coap_peer_answer(&t->n.end[0].peer, t->n.now, ticket, &a);
}

static void client_request(void *ctx, const struct coap_ticket *ticket,
                           const struct coap_msg *m)
{
    struct net_end *e = ctx;
    struct site *t = e->ctx;
    struct coap_answer a = {.code = COAP_NOT_FOUND};
    char path[COAP_PATH_MAX];
    uint8_t memory[16];
    struct coap_options o;

    coap_msg_path(m, path, sizeof path);
    if (strcmp(path, "/9/0/1") == 0 || strcmp(path, "/deep/path/9/0/1") == 0) {
        serve_big(t, ticket, m);
        return;
    }
    if (m->code == COAP_PUT || m->code == COAP_POST)
        a.code = COAP_CHANGED;
    coap_options_init(&o, memory, sizeof memory);
    if (m->code == COAP_GET && t->firmware && strcmp(path, "/5/0") == 0) {
        coap_options_add_uint(&o, COAP_CONTENT_FORMAT, LWM2M_FORMAT_TLV);
        a = (struct coap_answer){.code = COAP_CONTENT,
                                 .options = o.data,
                                 .options_len = o.len,
                                 .payload = (const uint8_t *)t->firmware,
                                 .payload_len = 6};
    } else if (m->code == COAP_GET && strcmp(path, "/3/0/3") == 0) {
        a = (struct coap_answer){.code = COAP_CONTENT,
                                 .payload = (const uint8_t *)"1.0",
                                 .payload_len = 3};
    }
    coap_peer_answer(&e->peer, e->net->now, ticket, &a);
}

static void on_answer(void *ctx, const struct coap_reply *r)
{
    struct site *t = ctx;
    struct coap_cursor c;
    struct coap_option o;

    t->last_code = r->outcome == COAP_ANSWERED ? r->m->code : 0;
    t->continues += t->last_code == COAP_CONTINUE;
    if (t->last_code != COAP_CREATED)
        return;
    t->location[0] = '\0';
    coap_cursor_init(&c, r->m);
    while (coap_cursor_next(&c, &o))
        if (o.number == COAP_LOCATION_PATH)
            sprintf(t->location + strlen(t->location), "/%.*s", (int)o.len,
                    (const char *)o.value);
}

/* One request to the server, and its answer. */
static uint8_t tell(struct site *t, uint8_t code, const char *path,
                    const struct coap_block *b, const char *payload, size_t len)
{
    uint8_t memory[128];
    struct coap_options o;
    struct coap_request r = {.code = code,
                             .payload = (const uint8_t *)payload,
                             .payload_len = len,
                             .reply = on_answer,
                             .ctx = t};

    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_path(&o, path);
    if (b)
        coap_block_add(&o, COAP_BLOCK1, b);
    r.options = o.data;
    r.options_len = o.len;
    t->last_code = 0;
    assert_int_equal(coap_peer_request(&t->n.end[0].peer, t->n.now, &r, NULL),
                     0);
    net_run(&t->n, 1000);
    return t->last_code;
}

/* All of it in blocks; the code of the last answer. */
static uint8_t tell_in_blocks(struct site *t, const char *path,
                              const char *payload, uint8_t szx)
{
    size_t len = strlen(payload), size = coap_block_size(szx);
    uint8_t code = 0;

    for (uint32_t i = 0; i * size < len; i++) {
        size_t left = len - i * size;
        struct coap_block b = {i, left > size, szx};

        code = tell(t, COAP_POST, path, &b, payload + i * size,
                    left < size ? left : size);
        if (b.more && code != COAP_CONTINUE)
            break;
    }
    return code;
}

/* ---- the server ---------------------------------------------------------- */

static void server_request(void *ctx, const struct coap_ticket *ticket,
                           const struct coap_msg *m)
{
    struct net_end *e = ctx;
    struct site *t = e->ctx;

    assert_true(registrar_request(&t->s, t->n.now, &t->way, ticket, m));
}

static uint64_t on_random(void *ctx)
{
    struct site *t = ctx;

    return net_random(&t->n) << 32 | net_random(&t->n);
}

static void on_event(void *ctx, struct registration *r, enum registrar_event e)
{
    struct site *t = ctx;

    (void)r;
    t->registered += e == REGISTRAR_REGISTERED;
    t->updated += e == REGISTRAR_UPDATED;
}

static const struct registrar_ops ops = {.random = on_random,
                                         .event = on_event};

static void on_tick(struct net *n, void *ctx)
{
    struct site *t = ctx;

    registrar_clock(&t->s, n->now);
}

/* A request of the server's does not arrive, a response does. */
static void server_send(void *ctx, const uint8_t *data, size_t len)
{
    struct net_end *e = ctx;
    struct site *t = e->ctx;

    if (t->deaf_to && data[1] == t->deaf_to)
        return;
    if (!t->deaf || COAP_CLASS(data[1]) != 0 || data[1] == COAP_EMPTY)
        net_send(ctx, data, len);
}

static int begin(void **state)
{
    static struct site site;
    struct site *t = &site;

    memset(t, 0, sizeof *t);
    net_init(&t->n, 1);
    t->n.tick = on_tick;
    t->n.ctx = t;
    t->n.end[0].ops.request = client_request;
    t->n.end[1].ops.request = server_request;
    t->n.end[1].ops.send = server_send;
    t->n.end[0].ctx = t->n.end[1].ctx = t;
    t->way.peer = t->other.peer = &t->n.end[1].peer;
    t->szx = COAP_SZX_MAX;
    for (int i = 0; i < BIG; i++)
        t->big[i] = (char)('a' + i % 23);
    assert_int_equal(
        registrar_init(&t->s, &ops, t, &(struct registrar_config){.max = 100}),
        0);
    *state = t;
    return 0;
}

static int end(void **state)
{
    struct site *t = *state;

    registrar_release(&t->s);
    net_release(&t->n);
    return 0;
}

static struct registration *register_as(struct site *t, const char *query,
                                        const char *links)
{
    char path[128];

    snprintf(path, sizeof path, "/rd?ep=node&lt=300%s", query);
    assert_int_equal(tell(t, COAP_POST, path, NULL, links, strlen(links)),
                     COAP_CREATED);
    return registrar_find(&t->s, "node");
}

/* An answer to a question. */
struct heard {
    unsigned times;
    uint8_t code;
    size_t len;
    char text[BIG + 100];
};

static void on_heard(void *ctx, struct registration *r, uint8_t code,
                     const struct coap_msg *m)
{
    struct heard *h = ctx;

    (void)r;
    h->times++;
    h->code = code;
    h->len = m ? m->payload_len : 0;
    assert_true(h->len < sizeof h->text);
    if (m && h->len)
        memcpy(h->text, m->payload, h->len);
    h->text[h->len] = '\0';
}

static int ask(struct site *t, uint8_t code, const char *path, struct heard *h)
{
    struct registration_question q = registration_question(code, path);

    *h = (struct heard){0};
    q.answer = on_heard;
    q.ctx = h;
    return registration_ask(&t->s, t->n.now, registrar_find(&t->s, "node"), &q);
}

/* ---- Register ------------------------------------------------------------ */

static void make_links(char out[LINKS + 1])
{
    size_t at = 0;

    for (int i = 0; at + 16 < LINKS; i++)
        at += (size_t)sprintf(out + at, "%s</%d/0>", i ? "," : "", 10000 + i);
    memcpy(out + at, ",</5/0>", sizeof ",</5/0>");
}

static void a_registration_comes_in_blocks_of_any_size(void **state)
{
    struct site *t = *state;
    char links[LINKS + 1];

    make_links(links);
    for (uint8_t szx = 0; szx <= 5; szx++) {
        assert_int_equal(tell_in_blocks(t, "/rd?ep=node&lt=300", links, szx),
                         COAP_CREATED);
        assert_int_equal(t->registered, szx + 1);
        assert_string_equal(registrar_find(&t->s, "node")->links, links);
        assert_true(registration_has(registrar_find(&t->s, "node"), 5));
    }
    assert_true(t->continues > 40);
}

static void an_update_in_blocks_changes_what_is_registered(void **state)
{
    struct site *t = *state;
    char links[LINKS + 1];

    register_as(t, "", "</1/0>");
    assert_false(registration_has(registrar_find(&t->s, "node"), 5));
    make_links(links);
    assert_int_equal(tell_in_blocks(t, t->location, links, 2), COAP_CHANGED);
    assert_int_equal(t->updated, 1);
    assert_true(registration_has(registrar_find(&t->s, "node"), 5));
}

static void a_registration_that_begins_again_is_the_new_one(void **state)
{
    struct site *t = *state;
    struct coap_block first = {0, true, 0}, second = {1, false, 0};

    for (int i = 0; i < 3; i++)
        assert_int_equal(
            tell(t, COAP_POST, "/rd?ep=node", &first, "</1/0>,</3/0>,</", 16),
            COAP_CONTINUE);
    assert_int_equal(tell(t, COAP_POST, "/rd?ep=node", &second, "5/0>", 4),
                     COAP_CREATED);
    assert_string_equal(registrar_find(&t->s, "node")->links,
                        "</1/0>,</3/0>,</5/0>");
}

static void a_name_or_a_link_that_is_no_text_is_refused(void **state)
{
    struct site *t = *state;

    assert_int_equal(tell(t, COAP_POST, "/rd?ep=no\xff", NULL, "</1/0>", 6),
                     COAP_BAD_REQUEST);
    assert_int_equal(tell(t, COAP_POST, "/rd?ep=node", NULL, "</\xff/0>", 6),
                     COAP_BAD_REQUEST);
    assert_int_equal(t->registered, 0);
}

static void a_stray_block_of_a_registration_is_refused(void **state)
{
    struct site *t = *state;
    struct coap_block b = {3, true, 0};

    assert_int_equal(
        tell(t, COAP_POST, "/rd?ep=node", &b, "</1/0>,</3/0>,<x", 16),
        COAP_INCOMPLETE);
    b.num = COAP_BLOCK_NUM_MAX;
    assert_int_equal(
        tell(t, COAP_POST, "/rd?ep=node", &b, "</1/0>,</3/0>,<x", 16),
        COAP_INCOMPLETE);
    assert_null(t->s.halves);
    assert_int_equal(t->registered, 0);
}

static void a_registration_without_end_is_too_large(void **state)
{
    struct site *t = *state;
    char block[64];
    struct coap_block b = {0, true, 2};

    memset(block, 'x', sizeof block);
    while (tell(t, COAP_POST, "/rd?ep=node", &b, block, 64) == COAP_CONTINUE)
        assert_true(b.num++ < REGISTRAR_LINKS_MAX / 64);
    assert_int_equal(t->last_code, COAP_TOO_LARGE);
    assert_int_equal(b.num, REGISTRAR_LINKS_MAX / 64);
}

/* The server keeps so many and no more; the one that goes on is not the
 * oldest. */
static void registrations_that_never_end_push_each_other_out(void **state)
{
    static struct lwm2m_way strangers[1000];
    struct site *t = *state;
    uint8_t memory[64];
    struct coap_options o;
    struct coap_block first = {0, true, 0}, second = {1, false, 0};
    struct coap_ticket ticket = {.con = false};
    struct coap_msg m = {.type = COAP_NON,
                         .code = COAP_POST,
                         .payload = (const uint8_t *)"</1/0>,</3/0>,<x",
                         .payload_len = 16};

    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_path(&o, "/rd?ep=stranger");
    coap_block_add(&o, COAP_BLOCK1, &first);
    m.options = o.data;
    m.options_len = o.len;
    assert_int_equal(
        tell(t, COAP_POST, "/rd?ep=node", &first, "</1/0>,</3/0>,</", 16),
        COAP_CONTINUE);
    for (int i = 0; i < 1000; i++) {
        strangers[i].peer = &t->n.end[1].peer;
        registrar_request(&t->s, t->n.now + (unsigned)i, &strangers[i], &ticket,
                          &m);
    }
    assert_int_equal(tell(t, COAP_POST, "/rd?ep=node", &second, "5/0>", 4),
                     COAP_INCOMPLETE);
    assert_int_equal(
        tell(t, COAP_POST, "/rd?ep=node", &first, "</1/0>,</3/0>,</", 16),
        COAP_CONTINUE);
    assert_int_equal(tell(t, COAP_POST, "/rd?ep=node", &second, "5/0>", 4),
                     COAP_CREATED);
    /* One that goes on is younger than those who wait. */
    assert_int_equal(
        tell(t, COAP_POST, "/rd?ep=node", &first, "</1/0>,</3/0>,</", 16),
        COAP_CONTINUE);
    for (int i = 0; i < 40; i++)
        registrar_request(&t->s, t->n.now, &strangers[i], &ticket, &m);
    assert_int_equal(tell(t, COAP_POST, "/rd?ep=node", &second, "5/0>", 4),
                     COAP_CREATED);
    for (int i = 0; i < 1000; i++)
        registrar_way_gone(&t->s, t->n.now, &strangers[i]);
}

static void an_alternate_path_may_have_more_than_one_segment(void **state)
{
    struct site *t = *state;
    struct heard h;

    register_as(t, "", "</deep/path>;rt=\"oma.lwm2m\",</deep/path/9/0>");
    assert_true(registration_has(registrar_find(&t->s, "node"), 9));
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
    net_run(&t->n, 60000);
    assert_int_equal(h.code, COAP_CONTENT);
}

/* ---- answers in blocks --------------------------------------------------- */

static void an_answer_in_blocks_is_put_together(void **state)
{
    struct site *t = *state;
    struct heard h;

    register_as(t, "", "</9/0>");
    for (t->szx = 0; t->szx <= COAP_SZX_MAX; t->szx++) {
        t->asked = 0;
        assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
        net_run(&t->n, 600000);
        assert_int_equal(h.times, 1);
        assert_int_equal(h.code, COAP_CONTENT);
        assert_string_equal(h.text, t->big);
        assert_int_equal(t->asked, (BIG + coap_block_size(t->szx) - 1) /
                                       coap_block_size(t->szx));
    }
}

static void blocks_of_two_answers_are_not_mixed(void **state)
{
    struct site *t = *state;
    struct heard h;

    register_as(t, "", "</9/0>");
    t->changes = 2;
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
    net_run(&t->n, 600000);
    assert_int_equal(h.code, COAP_CONTENT);
    assert_string_equal(h.text, t->big);
    t->asked = 0;
    t->changes = 100000;
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
    net_run(&t->n, 600000);
    assert_int_equal(h.times, 1);
    assert_int_equal(h.code, 0);
    assert_true(t->asked < 20);
}

static void an_etag_that_goes_is_another_answer(void **state)
{
    struct site *t = *state;
    struct heard h;

    register_as(t, "", "</9/0>");
    t->bare = true;
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
    net_run(&t->n, 600000);
    assert_string_equal(h.text, t->big);
    assert_true(t->asked > 3); /* the second block began it again */
}

static void an_answer_without_end_is_given_up(void **state)
{
    struct site *t = *state;
    struct heard h;

    register_as(t, "", "</9/0>");
    t->endless = true;
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
    net_run(&t->n, 600000);
    assert_int_equal(h.times, 1);
    assert_int_equal(h.code, 0);
    assert_int_equal(t->asked, REGISTRAR_ANSWER_MAX / 1024 + 1);
}

/* ---- clients that sleep -------------------------------------------------- */

static void a_read_that_a_sleeper_missed_is_asked_again(void **state)
{
    struct site *t = *state;
    struct heard get, put;

    register_as(t, "&b=UQ", "</9/0>");
    net_run(&t->n, 1000);
    t->n.cut[0] = true;
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &get), 0);
    assert_int_equal(ask(t, COAP_PUT, "/9/0/2", &put), 0);
    net_run(&t->n, 400000);
    assert_int_equal(get.times, 0);
    assert_int_equal(put.times, 1);
    assert_int_equal(put.code, 0);
    t->n.cut[0] = false;
    assert_int_equal(tell(t, COAP_POST, t->location, NULL, NULL, 0),
                     COAP_CHANGED);
    net_run(&t->n, 60000);
    assert_int_equal(get.times, 1);
    assert_string_equal(get.text, t->big);
}

/* It hears what its Update is answered and nothing after that. */
static void one_who_never_answers_is_not_asked_for_ever(void **state)
{
    struct site *t = *state;
    struct heard h;

    register_as(t, "&b=UQ", "</9/0>");
    net_run(&t->n, 1000);
    t->deaf = true;
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(h.times, 0);
        net_run(&t->n, 400000);
        tell(t, COAP_POST, t->location, NULL, NULL, 0);
    }
    net_run(&t->n, 400000);
    assert_int_equal(h.times, 1);
    assert_int_equal(h.code, 0);
}

static void questions_outlive_that_a_sleeper_registers_anew(void **state)
{
    struct site *t = *state;
    struct heard get, put;

    register_as(t, "&b=UQ", "</9/0>");
    net_run(&t->n, 200000);
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &get), 0);
    assert_int_equal(ask(t, COAP_PUT, "/9/0/2", &put), 0);
    net_run(&t->n, 1000);
    assert_int_equal(get.times + put.times, 0);
    register_as(t, "&b=UQ", "</9/0>");
    net_run(&t->n, 60000);
    assert_int_equal(get.times, 1);
    assert_string_equal(get.text, t->big);
    assert_int_equal(put.times, 1);
    assert_int_equal(put.code, COAP_CHANGED);
}

/* ---- ways ---------------------------------------------------------------- */

static void a_resumed_session_carries_the_registration_on(void **state)
{
    struct site *t = *state;
    struct registration *r;
    struct heard h;

    t->way.identity = t->other.identity = "node";
    r = register_as(t, "", "</9/0>");
    registrar_way_gone(&t->s, t->n.now, &t->way);
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), DFOTA_E_CONNECT);
    registrar_way_resumed(&t->s, t->n.now, &t->other);
    assert_ptr_equal(r->way, &t->other);
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
    net_run(&t->n, 60000);
    assert_int_equal(h.code, COAP_CONTENT);
    /* A Read that was under way on the old one is asked on the new. */
    t->deaf = true;
    assert_int_equal(ask(t, COAP_GET, "/9/0/1", &h), 0);
    net_run(&t->n, 1000);
    t->deaf = false;
    registrar_way_resumed(&t->s, t->n.now, &t->way);
    net_run(&t->n, 1000);
    assert_int_equal(h.times, 1);
    assert_int_equal(h.code, COAP_CONTENT);
    registrar_way_resumed(&t->s, t->n.now, &t->other);
    /* One who is not registered, or is on it already: nothing happens. */
    registrar_way_resumed(&t->s, t->n.now, &t->other);
    t->way.identity = "somebody";
    registrar_way_resumed(&t->s, t->n.now, &t->way);
    assert_ptr_equal(r->way, &t->other);
    registrar_way_gone(&t->s, t->n.now, &t->other);
}

/* What it asked may be answered when its memory is long another's. */
static void a_job_that_ended_is_told_nothing_more(void **state)
{
    static const char states[] = "\xc1\x03\x01\xc1\x05\x00";
    struct site *t = *state;
    struct lwm2m_job *job = malloc(sizeof *job);
    struct registration *r = register_as(t, "", "</5/0>");

    assert_non_null(job);
    t->firmware = states;
    net_run(&t->n, 1000);
    assert_int_equal(lwm2m_job_start(job, &t->s, t->n.now, r,
                                     &(struct lwm2m_job_config){
                                         .method = JOB_PULL,
                                         .uri = {"coap://[::1]:5683/p"}}),
                     0);
    /* It says Downloading, so the job's next word is a reset. */
    t->deaf_to = COAP_PUT;
    net_run(&t->n, 1000);
    assert_int_equal(job->state, JOB_RESETTING);
    lwm2m_job_stop(job, t->n.now);
    free(job);
    net_run(&t->n, 400000);
    assert_null(r->job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_registration_comes_in_blocks_of_any_size, begin, end),
        cmocka_unit_test_setup_teardown(
            an_update_in_blocks_changes_what_is_registered, begin, end),
        cmocka_unit_test_setup_teardown(
            a_name_or_a_link_that_is_no_text_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(
            a_stray_block_of_a_registration_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_registration_without_end_is_too_large,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            registrations_that_never_end_push_each_other_out, begin, end),
        cmocka_unit_test_setup_teardown(
            an_alternate_path_may_have_more_than_one_segment, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_in_blocks_is_put_together,
                                        begin, end),
        cmocka_unit_test_setup_teardown(blocks_of_two_answers_are_not_mixed,
                                        begin, end),
        cmocka_unit_test_setup_teardown(an_etag_that_goes_is_another_answer,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_registration_that_begins_again_is_the_new_one, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_without_end_is_given_up,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_read_that_a_sleeper_missed_is_asked_again, begin, end),
        cmocka_unit_test_setup_teardown(
            one_who_never_answers_is_not_asked_for_ever, begin, end),
        cmocka_unit_test_setup_teardown(
            questions_outlive_that_a_sleeper_registers_anew, begin, end),
        cmocka_unit_test_setup_teardown(
            a_resumed_session_carries_the_registration_on, begin, end),
        cmocka_unit_test_setup_teardown(a_job_that_ended_is_told_nothing_more,
                                        begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
