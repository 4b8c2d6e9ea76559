/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interoperability tests of OMA (LightweightM2M-1.0 and 1.1) that concern
 * the objects there are here, client against server, each under its number:
 * bootstrap, registration, observation. 201 to 256 are in
 * test_lwm2m_interop_manage.c, 751 to 780 in test_lwm2m_interop_firmware.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lwm2m_world.h"

static struct world w;

static void begin(bool v11)
{
    world_init(&w, 7, 1000);
    w.config.v11 = v11;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    world_run(&w, 2000);
}

static int end(void **state)
{
    (void)state;
    world_release(&w);
    return 0;
}

/* ---- 0 to 9: bootstrap --------------------------------------------------- */

static void prepare_bootstrap(void)
{
    world_init(&w, 7, 1000);
    memset(&w.kept.server, 0, sizeof w.kept.server);
    w.kept.security[0].bootstrap = true;
    w.has_account = true;
    w.account = (struct bootstrap_account){.uri = "coap://server:5683",
                                           .mode = LWM2M_PSK,
                                           .identity = (const uint8_t *)"id",
                                           .identity_len = 2,
                                           .secret = (const uint8_t *)"key!",
                                           .secret_len = 4,
                                           .short_id = 101,
                                           .lifetime_s = 120,
                                           .binding = "U"};
    world_start(&w);
}

static void int_0_client_initiated_bootstrap(void **state)
{
    const struct lwm2m_security *s = &w.kept.security[1];

    (void)state;
    prepare_bootstrap();
    assert_true(world_until(&w, 60000, world_is_registered));
    assert_true(w.bootstrapped);
    assert_string_equal(s->uri, "coap://server:5683");
    assert_int_equal(s->mode, LWM2M_PSK);
    assert_int_equal(s->short_id, 101);
    assert_int_equal(world_registration(&w)->lifetime_s, 120);
}

static void int_1_bootstrap_with_a_key_for_the_server(void **state)
{
    const struct lwm2m_security *s = &w.kept.security[1];

    (void)state;
    prepare_bootstrap();
    assert_true(world_until(&w, 60000, world_is_registered));
    assert_int_equal(s->identity_len, 2);
    assert_memory_equal(s->identity, "id", 2);
    assert_int_equal(s->secret_len, 4);
    assert_memory_equal(s->secret, "key!", 4);
}

static void int_4_bootstrap_delete(void **state)
{
    (void)state;
    prepare_bootstrap();
    /* An account of old, which bootstrap takes away. */
    w.client.kept.server[1] = (struct lwm2m_server){
        .used = true, .instance = 7, .short_id = 9, .binding = "U"};
    assert_true(world_until(&w, 60000, world_is_registered));
    assert_int_equal(w.kept.server[0].short_id, 101);
    assert_false(w.kept.server[1].used);
    /* The bootstrap account itself stays. */
    assert_true(w.kept.security[0].used && w.kept.security[0].bootstrap);
}

static void int_4_bootstrap_leaves_its_own_account_alone(void **state)
{
    (void)state;
    world_init(&w, 7, 1000);
    memset(&w.kept.server, 0, sizeof w.kept.server);
    w.kept.security[0].bootstrap = true;
    w.kept.security[0].instance = 1;
    w.has_account = true;
    w.account = (struct bootstrap_account){.uri = "coap://server:5683",
                                           .mode = LWM2M_NOSEC,
                                           .short_id = 101,
                                           .lifetime_s = 120,
                                           .binding = "U"};
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    assert_string_equal(w.kept.security[0].uri, "coap://127.0.0.1:5683");
    assert_true(w.kept.security[0].bootstrap);
    assert_int_equal(w.kept.security[1].instance, 0);
    assert_string_equal(w.kept.security[1].uri, "coap://server:5683");
}

static void int_6_bootstrap_before_registration(void **state)
{
    (void)state;
    prepare_bootstrap();
    assert_true(world_until(&w, 60000, world_is_registered));
    /* Restarted, the client has an account and needs no bootstrap. */
    w.bootstrapped = false;
    world_reboot(&w, FIRMWARE_FOUND_NOTHING);
    assert_true(world_until(&w, 60000, world_is_registered));
    assert_false(w.bootstrapped);
}

static void int_5_bootstrap_ordered_by_the_server(void **state)
{
    (void)state;
    prepare_bootstrap();
    w.client.c.v11 = true;
    assert_true(world_until(&w, 60000, world_is_registered));
    w.bootstrapped = false;
    assert_int_equal(world_do(&w, COAP_POST, "/1/0/9", NULL, NULL, 0),
                     COAP_CHANGED);
    world_run(&w, 60000);
    assert_true(w.bootstrapped);
    assert_true(world_is_registered(&w));
}

static void int_7_fallback_to_bootstrap(void **state)
{
    (void)state;
    prepare_bootstrap();
    assert_true(world_until(&w, 60000, world_is_registered));
    w.bootstrapped = false;
    w.deny = true;
    world_reboot(&w, FIRMWARE_FOUND_NOTHING);
    world_run(&w, SECONDS(600));
    assert_false(w.bootstrapped);
    world_run(&w, SECONDS(1800));
    assert_true(w.bootstrapped);
    w.deny = false;
    assert_true(world_until(&w, SECONDS(3600), world_is_registered));
}

/* The bootstrap server serves nobody: what it gave once is tried again. */
static void int_7_the_account_of_old_when_bootstrap_fails(void **state)
{
    (void)state;
    prepare_bootstrap();
    assert_true(world_until(&w, 60000, world_is_registered));
    w.deny = true;
    w.has_account = false;
    world_reboot(&w, FIRMWARE_FOUND_NOTHING);
    world_run(&w, SECONDS(4000));
    assert_true(w.client.want_bootstrap);
    w.deny = false;
    assert_true(world_until(&w, SECONDS(20 * 3840), world_is_registered));
}

static uint8_t bootstrap_code;

static void on_bootstrap_answer(void *ctx, const struct coap_reply *r)
{
    (void)ctx;
    bootstrap_code = r->outcome == COAP_ANSWERED ? r->m->code : 0;
}

static uint8_t bootstrap_read(bool v11, const char *path)
{
    uint8_t memory[32];
    struct coap_options o;
    struct coap_request r = {.code = COAP_GET, .reply = on_bootstrap_answer};

    prepare_bootstrap();
    w.client.c.v11 = v11;
    while (w.client.state != LWM2M_BOOTSTRAPPING)
        world_run(&w, 1);
    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_path(&o, path);
    r.options = o.data;
    r.options_len = o.len;
    bootstrap_code = 0;
    assert_int_equal(coap_peer_request(&w.ways[w.way].server, w.now, &r, NULL),
                     0);
    world_run(&w, 60000);
    assert_true(world_is_registered(&w));
    world_release(&w);
    return bootstrap_code;
}

static void int_8_bootstrap_read(void **state)
{
    (void)state;
    assert_int_equal(bootstrap_read(true, "/1"), COAP_CONTENT);
    assert_int_equal(bootstrap_read(true, "/0"), COAP_UNAUTHORIZED);
    assert_int_equal(bootstrap_read(true, "/3"), COAP_NOT_ALLOWED);
    assert_int_equal(bootstrap_read(true, "/1/0/1"), COAP_NOT_ALLOWED);
    assert_int_equal(bootstrap_read(true, "/"), COAP_NOT_ALLOWED);
    assert_int_equal(bootstrap_read(false, "/1"), COAP_NOT_ALLOWED);
    prepare_bootstrap();
}

static void int_9_finish_is_refused_while_the_account_is_not_whole(void **state)
{
    (void)state;
    prepare_bootstrap();
    w.account.uri = "";
    world_run(&w, 20000);
    assert_false(w.bootstrapped);
    assert_int_equal(w.bootstrap.step, BOOTSTRAP_FAILED);
    assert_int_equal(w.bootstrap.failed_at, BOOTSTRAP_FINISH);
    assert_int_equal(w.bootstrap.code, COAP_NOT_ACCEPTABLE);
}

/* ---- 101 to 109: registration -------------------------------------------- */

static void int_101_initial_registration(void **state)
{
    const struct registration *r;

    (void)state;
    begin(true);
    r = world_registration(&w);
    assert_non_null(r);
    assert_int_equal(r->lifetime_s, 300);
    assert_true(r->v11);
    assert_true(registration_has(r, 1));
    assert_true(registration_has(r, 3));
    assert_true(registration_has(r, 5));
    assert_false(registration_has(r, 0));
    /* One format: servers that do not know lists refuse the whole. */
    assert_non_null(strstr(r->links, "</>;rt=\"oma.lwm2m\";ct=112,"));
    assert_string_equal(r->version, "1.0");
    assert_true(r->firmware.known);
    assert_int_equal(r->firmware.delivery, 2);
    assert_int_equal(r->firmware.protocols, 15);
}

static void int_102_registration_update(void **state)
{
    (void)state;
    begin(false);
    world_run(&w, SECONDS(290));
    assert_int_equal(w.registered, 1);
    assert_true(w.updated >= 1);
    assert_non_null(world_registration(&w));
}

static void int_102_an_update_from_another_port_is_observed_anew(void **state)
{
    struct lwm2m_path path = lwm2m_path_make(3, 5, 0, 3);

    (void)state;
    begin(false);
    world_rebind(&w);
    lwm2m_client_update(&w.client, w.now);
    world_run(&w, 3000);
    assert_int_equal(w.updated, 1);
    w.client.firmware.kept.state = FIRMWARE_DOWNLOADED;
    lwm2m_client_changed(&w.client, w.now, &path);
    world_run(&w, 3000);
    assert_int_equal(world_registration(&w)->firmware.state,
                     FIRMWARE_DOWNLOADED);
}

static void on_late(void *ctx, struct registration *r, uint8_t code,
                    const struct coap_msg *m)
{
    (void)r;
    (void)m;
    *(uint8_t *)ctx = code;
}

static void int_101_an_order_ends_with_the_registration_it_was_for(void **state)
{
    struct registration_question q = registration_question(COAP_GET, "/3/0/0");
    uint8_t code = 1, read = 1;

    (void)state;
    begin(false);
    w.down = true;
    q.answer = on_late;
    q.ctx = &read;
    assert_int_equal(
        registration_ask(&w.registrar, w.now, world_registration(&w), &q), 0);
    q.code = COAP_POST;
    q.path.id[2] = 12;
    q.ctx = &code;
    assert_int_equal(
        registration_ask(&w.registrar, w.now, world_registration(&w), &q), 0);
    w.down = false;
    /* The client starts anew before it would have answered. */
    w.rtt_ms = 1;
    lwm2m_client_lost(&w.client, w.now);
    world_run(&w, 500);
    assert_int_equal(w.registered, 2);
    assert_int_equal(code, 0);
    /* A Read is asked of the new one. */
    world_run(&w, 5000);
    assert_int_equal(read, COAP_CONTENT);
}

static void int_103_deregistration(void **state)
{
    (void)state;
    begin(false);
    lwm2m_client_stop(&w.client, w.now);
    world_run(&w, 5000);
    assert_int_equal(w.gone, 1);
    assert_null(world_registration(&w));
    assert_int_equal(w.client.state, LWM2M_OFF);
}

static void int_104_registration_update_trigger(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(world_do(&w, COAP_POST, "/1/0/8", NULL, NULL, 0),
                     COAP_CHANGED);
    world_run(&w, 1000);
    assert_int_equal(w.updated, 1);
}

static void int_105_a_discarded_update_makes_it_register_again(void **state)
{
    (void)state;
    begin(false);
    /* The server has forgotten: 4.04 to the Update. */
    world_server_forgets(&w);
    lwm2m_client_update(&w.client, w.now);
    world_run(&w, 5000);
    assert_int_equal(w.registered, 2);
    assert_non_null(world_registration(&w));
}

static void int_107_extending_the_lifetime(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(world_do(&w, COAP_PUT, "/1/0/1", "600", NULL, 0),
                     COAP_CHANGED);
    world_run(&w, 2000);
    assert_int_equal(world_registration(&w)->lifetime_s, 600);
    /* 300 s are over, 600 are not. */
    world_run(&w, SECONDS(310));
    assert_non_null(world_registration(&w));
}

static void int_108_turning_on_queue_mode(void **state)
{
    (void)state;
    begin(false);
    assert_false(world_registration(&w)->queue);
    assert_int_equal(world_do(&w, COAP_PUT, "/1/0/7", "UQ", NULL, 0),
                     COAP_CHANGED);
    world_run(&w, 2000);
    assert_true(world_registration(&w)->queue);
}

static void int_109_behaviour_in_queue_mode(void **state)
{
    struct registration_question q = registration_question(COAP_GET, "/3/0/0");
    uint8_t code = 1;
    unsigned long sent;

    (void)state;
    world_init(&w, 7, 1000);
    strcpy(w.kept.server[0].binding, "UQ");
    w.kept.server[0].lifetime_s = 3600;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    world_run(&w, SECONDS(200));
    assert_true(w.client.asleep);
    /* A question waits on the server, without a datagram .. */
    sent = w.sent;
    q.answer = on_late;
    q.ctx = &code;
    assert_int_equal(
        registration_ask(&w.registrar, w.now, world_registration(&w), &q), 0);
    world_run(&w, SECONDS(60));
    assert_int_equal(w.sent, sent);
    assert_int_equal(code, 1);
    /* .. until the client is heard. */
    lwm2m_client_update(&w.client, w.now);
    world_run(&w, 5000);
    assert_int_equal(code, COAP_CONTENT);
}

/* ---- 301 to 303: observation --------------------------------------------- */

struct told {
    unsigned n;
    uint64_t at;
    char text[64];
};

static void on_told(void *ctx, struct registration *r, uint8_t code,
                    const struct coap_msg *m)
{
    struct told *t = ctx;

    (void)r;
    if (code != COAP_CONTENT)
        return;
    t->n++;
    t->at = w.now;
    snprintf(t->text, sizeof t->text, "%.*s", (int)m->payload_len,
             (const char *)m->payload);
}

static struct told told;

static void observe(const char *path, const char *attributes)
{
    struct registration_question q = registration_question(COAP_PUT, path);

    if (attributes) {
        q.query = attributes;
        assert_int_equal(world_ask(&w, &q, NULL, 0), COAP_CHANGED);
    }
    q = registration_question(COAP_GET, path);
    q.observe = 0;
    q.accept = LWM2M_FORMAT_TEXT;
    q.answer = on_told;
    q.ctx = &told;
    memset(&told, 0, sizeof told);
    assert_int_equal(
        registration_ask(&w.registrar, w.now, world_registration(&w), &q), 0);
    world_run(&w, 1000);
    assert_int_equal(told.n, 1);
}

static void battery(int percent)
{
    struct lwm2m_path path = lwm2m_path_make(3, 3, 0, 9);

    w.battery = percent;
    lwm2m_client_changed(&w.client, w.now, &path);
}

static void int_301_observation_within_pmin_and_pmax(void **state)
{
    uint64_t first;

    (void)state;
    begin(true);
    observe("/3/0/9", "pmin=5&pmax=15");
    first = told.at;
    battery(80);
    world_run(&w, 3000);
    assert_int_equal(told.n, 1); /* not before pmin */
    world_run(&w, 2000);
    assert_int_equal(told.n, 2);
    assert_string_equal(told.text, "80");
    assert_true(told.at - first >= 5000);
    first = told.at;
    world_run(&w, 16000);
    assert_int_equal(told.n, 3); /* pmax, without a change */
    assert_in_range(told.at - first, 14900, 15200);
}

static void int_301_observation_of_thresholds(void **state)
{
    (void)state;
    begin(true);
    observe("/3/0/9", "pmin=0&gt=95&lt=20");
    battery(70);
    world_run(&w, 1000);
    assert_int_equal(told.n, 1);
    battery(19);
    world_run(&w, 1000);
    assert_int_equal(told.n, 2);
    battery(21);
    world_run(&w, 1000);
    assert_int_equal(told.n, 3);
    battery(96);
    world_run(&w, 1000);
    assert_int_equal(told.n, 4);
    assert_string_equal(told.text, "96");
}

static void int_301_observation_of_steps(void **state)
{
    (void)state;
    begin(true);
    observe("/3/0/9", "st=10");
    battery(85);
    world_run(&w, 1000);
    assert_int_equal(told.n, 1);
    battery(80);
    world_run(&w, 1000);
    assert_int_equal(told.n, 2);
}

static bool count_resets(struct world *world, bool to_server,
                         const uint8_t *data, size_t len)
{
    unsigned *resets = world->tap_ctx;

    /* A RST from the server is 4 bytes, type 3. */
    if (!to_server && len == 4 && (data[0] & 0x30) == 0x30)
        ++*resets;
    return false;
}

static void int_302_cancel_by_reset(void **state)
{
    unsigned resets = 0;

    (void)state;
    begin(true);
    w.tap = count_resets;
    w.tap_ctx = &resets;
    observe("/3/0/9", "pmin=0");
    /* The server forgets the observation: RST to the next notification. */
    registration_unobserve(&w.registrar, w.now, world_registration(&w), &told);
    battery(50);
    world_run(&w, 2000);
    assert_int_equal(told.n, 1);
    assert_true(resets >= 1);
    battery(40);
    world_run(&w, 2000);
    assert_int_equal(resets, 1); /* none came any more */
}

static unsigned observations(void)
{
    unsigned n = 0;

    for (int i = 0; i < LWM2M_OBSERVATIONS; i++)
        n += w.client.observation[i].used;
    return n;
}

/* GET with Observe 1 and the token of the observation at path. */
static void send_observe_1(const struct lwm2m_path *path)
{
    struct coap_msg m = {.type = COAP_CON, .code = COAP_GET, .mid = 0x7777};
    uint8_t memory[64], bytes[COAP_DATAGRAM_MAX];
    struct coap_options o;
    char text[LWM2M_PATH_TEXT];
    size_t len;

    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_uint(&o, COAP_OBSERVE, 1);
    coap_options_add_path(&o, lwm2m_path_print(path, text));
    m.options = o.data;
    m.options_len = o.len;
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++) {
        const struct lwm2m_observation *one = &w.client.observation[i];

        if (!one->used || !lwm2m_path_equal(&one->path, path))
            continue;
        m.token_len = one->observer.token_len;
        memcpy(m.token, one->observer.token, m.token_len);
    }
    assert_int_equal(coap_msg_write(&m, bytes, sizeof bytes, &len), 0);
    world_inject(&w, bytes, len);
}

static void int_303_cancel_by_observe_1(void **state)
{
    struct lwm2m_path path = lwm2m_path_make(3, 3, 0, 9);
    unsigned before;

    (void)state;
    begin(true);
    before = observations();
    observe("/3/0/9", "pmin=0");
    assert_int_equal(observations(), before + 1);
    send_observe_1(&path);
    world_run(&w, 1000);
    assert_int_equal(observations(), before);
    battery(50);
    world_run(&w, 2000);
    assert_int_equal(told.n, 1);
}

static void observe_two(void)
{
    struct registration_question q = registration_question(COAP_FETCH, "/");

    q.observe = 0;
    q.format = q.accept = LWM2M_FORMAT_SENML_JSON;
    q.payload = "[{\"n\":\"/3/0/9\"},{\"n\":\"/1/0/1\"}]";
    q.payload_len = strlen(q.payload);
    q.answer = on_told;
    q.ctx = &told;
    memset(&told, 0, sizeof told);
    assert_int_equal(
        registration_ask(&w.registrar, w.now, world_registration(&w), &q), 0);
    world_run(&w, 1000);
    assert_int_equal(told.n, 1);
    assert_string_equal(told.text, "[{\"n\":\"/3/0/9\",\"v\":90},"
                                   "{\"n\":\"/1/0/1\",\"v\":300}]");
}

static void int_304_observe_composite(void **state)
{
    (void)state;
    begin(true);
    observe_two();
    battery(55);
    world_run(&w, 1000);
    assert_int_equal(told.n, 2);
    assert_string_equal(told.text, "[{\"n\":\"/3/0/9\",\"v\":55},"
                                   "{\"n\":\"/1/0/1\",\"v\":300}]");
    assert_int_equal(world_do(&w, COAP_PUT, "/1/0/1", "200", NULL, 0),
                     COAP_CHANGED);
    world_run(&w, 1000);
    assert_int_equal(told.n, 3);
    /* What it does not name is not told. */
    assert_int_equal(world_do(&w, COAP_PUT, "/1/0/5", "200", NULL, 0),
                     COAP_CHANGED);
    world_run(&w, 5000);
    assert_int_equal(told.n, 3);
}

static void int_305_cancel_observe_composite(void **state)
{
    (void)state;
    begin(true);
    observe_two();
    registration_unobserve(&w.registrar, w.now, world_registration(&w), &told);
    battery(55);
    world_run(&w, 1000);
    battery(54);
    world_run(&w, 5000);
    assert_int_equal(told.n, 1);
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++)
        assert_int_equal(w.client.observation[i].what.n > 0 &&
                             w.client.observation[i].used,
                         0);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(int_0_client_initiated_bootstrap),
        TEST(int_1_bootstrap_with_a_key_for_the_server),
        TEST(int_4_bootstrap_delete),
        TEST(int_4_bootstrap_leaves_its_own_account_alone),
        TEST(int_6_bootstrap_before_registration),
        TEST(int_5_bootstrap_ordered_by_the_server),
        TEST(int_7_fallback_to_bootstrap),
        TEST(int_7_the_account_of_old_when_bootstrap_fails),
        TEST(int_8_bootstrap_read),
        TEST(int_9_finish_is_refused_while_the_account_is_not_whole),
        TEST(int_101_initial_registration),
        TEST(int_102_registration_update),
        TEST(int_102_an_update_from_another_port_is_observed_anew),
        TEST(int_101_an_order_ends_with_the_registration_it_was_for),
        TEST(int_103_deregistration),
        TEST(int_104_registration_update_trigger),
        TEST(int_105_a_discarded_update_makes_it_register_again),
        TEST(int_107_extending_the_lifetime),
        TEST(int_108_turning_on_queue_mode),
        TEST(int_109_behaviour_in_queue_mode),
        TEST(int_301_observation_within_pmin_and_pmax),
        TEST(int_301_observation_of_thresholds),
        TEST(int_301_observation_of_steps),
        TEST(int_302_cancel_by_reset),
        TEST(int_303_cancel_by_observe_1),
        TEST(int_304_observe_composite),
        TEST(int_305_cancel_observe_composite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
