/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that come three times under one message id: they are carried out
 * once and answered three times with the same bytes.
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

/* The message that is repeated, and what was answered to it. */
static struct {
    bool to_server;
    bool (*is_wanted)(const struct coap_msg *m, const char *path);
    uint8_t bytes[COAP_DATAGRAM_MAX];
    size_t len;
    uint16_t mid;
    unsigned answers;
    uint8_t answer[4][COAP_DATAGRAM_MAX];
    size_t answer_len[4];
} again;

static bool look(struct world *world, bool to_server, const uint8_t *data,
                 size_t len)
{
    struct coap_msg m;
    char path[COAP_PATH_MAX];

    (void)world;
    assert_int_equal(coap_msg_parse(&m, data, len), 0);
    if (coap_msg_path(&m, path, sizeof path) != 0)
        path[0] = '\0';
    if (to_server == again.to_server) {
        if (again.len == 0 && m.type == COAP_CON && again.is_wanted(&m, path)) {
            memcpy(again.bytes, data, len);
            again.len = len;
            again.mid = m.mid;
        }
    } else if (again.len && m.type == COAP_ACK && m.mid == again.mid) {
        assert_in_range(again.answers, 0, 3);
        memcpy(again.answer[again.answers], data, len);
        again.answer_len[again.answers++] = len;
    }
    return false;
}

static bool is_answered(const struct world *world)
{
    (void)world;
    return again.answers > 0;
}

static void prepare(bool to_server, bool (*is_wanted)(const struct coap_msg *m,
                                                      const char *path))
{
    memset(&again, 0, sizeof again);
    again.to_server = to_server;
    again.is_wanted = is_wanted;
    w.tap = look;
}

/* The message passed and was answered; now it comes twice more. */
static void repeat(void)
{
    assert_true(world_until(&w, 60000, is_answered));
    for (int i = 0; i < 2; i++) {
        if (again.to_server)
            world_inject_to_server(&w, again.bytes, again.len);
        else
            world_inject(&w, again.bytes, again.len);
    }
    assert_int_equal(again.answers, 3);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(again.answer_len[i], again.answer_len[0]);
        assert_memory_equal(again.answer[i], again.answer[0],
                            again.answer_len[0]);
    }
}

static void begin(uint32_t package_len)
{
    world_init(&w, 1, package_len);
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

/* ---- what is repeated ---------------------------------------------------- */

static bool is_register(const struct coap_msg *m, const char *path)
{
    return m->code == COAP_POST && strcmp(path, "/rd") == 0;
}

static bool is_update(const struct coap_msg *m, const char *path)
{
    return m->code == COAP_POST && strncmp(path, "/rd/", 4) == 0;
}

static bool is_execute(const struct coap_msg *m, const char *path)
{
    return m->code == COAP_POST && strcmp(path, "/5/0/2") == 0;
}

static bool is_uri(const struct coap_msg *m, const char *path)
{
    return m->code == COAP_PUT && strcmp(path, "/5/0/1") == 0;
}

static bool has_block(const struct coap_msg *m, const char *path, uint32_t num)
{
    struct coap_block b = {0};

    coap_block_find(m, COAP_BLOCK1, &b);
    return m->code == COAP_PUT && strcmp(path, "/5/0/0") == 0 && b.num == num;
}

static bool is_first_block(const struct coap_msg *m, const char *path)
{
    return has_block(m, path, 0);
}

static bool is_third_block(const struct coap_msg *m, const char *path)
{
    return has_block(m, path, 2);
}

static bool is_last_block(const struct coap_msg *m, const char *path)
{
    return has_block(m, path, 4);
}

static bool is_notification(const struct coap_msg *m, const char *path)
{
    uint32_t seq;

    (void)path;
    return m->code == COAP_CONTENT && coap_msg_uint(m, COAP_OBSERVE, &seq) == 0;
}

/* ---- tests --------------------------------------------------------------- */

static void a_register_registers_once(void **state)
{
    (void)state;
    world_init(&w, 1, 1000);
    prepare(true, is_register);
    world_start(&w);
    repeat();
    assert_int_equal(w.registered, 1);
    assert_true(world_until(&w, 60000, world_is_registered));
    world_run(&w, 5000);
    assert_int_equal(w.registered, 1);
    assert_int_equal(w.registrar.count, 1);
}

static void an_update_of_a_registration_counts_once(void **state)
{
    (void)state;
    begin(1000);
    prepare(true, is_update);
    lwm2m_client_update(&w.client, w.now);
    repeat();
    assert_int_equal(w.updated, 1);
}

static void an_execute_runs_once(void **state)
{
    (void)state;
    begin(3000);
    prepare(false, is_execute);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    repeat();
    assert_true(world_until(&w, 86400000, world_job_over));
    assert_int_equal(w.job.state, JOB_DONE);
    assert_int_equal(w.updates, 1);
}

static void a_uri_is_fetched_once(void **state)
{
    (void)state;
    begin(3000);
    prepare(false, is_uri);
    w.job_config.uri[0] = "coap://s:1/package";
    assert_int_equal(world_job(&w, JOB_PULL), 0);
    repeat();
    assert_true(world_until(&w, 86400000, world_job_over));
    assert_int_equal(w.job.state, JOB_DONE);
    assert_int_equal(w.begun, 1);
}

static bool is_downloaded(const struct world *world)
{
    return world->kept.firmware.state == FIRMWARE_DOWNLOADED;
}

static void block_is_stored_once(bool (*is_wanted)(const struct coap_msg *m,
                                                   const char *path))
{
    begin(4 * 1024 + 100);
    prepare(false, is_wanted);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    repeat();
    assert_true(world_until(&w, 60000, is_downloaded));
    assert_int_equal(w.begun, 1);
    assert_int_equal(w.flash_len, w.package_len);
    assert_memory_equal(w.flash, w.package, w.package_len);
    world_release(&w);
}

static void a_block_is_stored_once(void **state)
{
    (void)state;
    block_is_stored_once(is_first_block);
    block_is_stored_once(is_third_block);
    block_is_stored_once(is_last_block);
    world_init(&w, 1, 1);
}

static void a_notification_counts_once(void **state)
{
    unsigned informed;
    struct coap_msg m;

    (void)state;
    begin(3000);
    prepare(true, is_notification);
    assert_int_equal(
        world_do(&w, COAP_PUT, "/5/0/1", "ftp://s/package", NULL, 0),
        COAP_CHANGED);
    assert_true(world_until(&w, 60000, is_answered));
    world_run(&w, 2000);
    informed = w.informed;
    repeat();
    assert_int_equal(w.informed, informed);
    assert_int_equal(coap_msg_parse(&m, again.answer[2], again.answer_len[2]),
                     0);
    assert_int_equal(m.code, COAP_EMPTY);
    /* The observation is still there. */
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/1", "", NULL, 0),
                     COAP_CHANGED);
    world_run(&w, 2000);
    assert_true(w.informed > informed);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_register_registers_once),
        TEST(an_update_of_a_registration_counts_once),
        TEST(an_execute_runs_once),
        TEST(a_uri_is_fetched_once),
        TEST(a_block_is_stored_once),
        TEST(a_notification_counts_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
