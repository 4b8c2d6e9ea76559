/* SPDX-License-Identifier: Apache-2.0 */
/* How a job's end is told in a plan's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/lwm2m/lwm2m_plans_parts.h"

static void every_end_has_its_words(void **state)
{
    static const struct {
        struct lwm2m_job job;
        bool loaded;
        const char *state, *cause;
    } rows[] = {
        {{.state = JOB_DONE, .result = 1}, true, "done", "confirmed"},
        {{.state = JOB_DONE}, false, "done", "seen"},
        {{.failure = JOB_RESULT, .result = 2},
         0,
         "failed",
         "result 2: not enough flash"},
        {{.failure = JOB_RESULT, .result = 3},
         0,
         "failed",
         "result 3: out of memory"},
        {{.failure = JOB_RESULT, .result = 4},
         0,
         "failed",
         "result 4: connection lost"},
        {{.failure = JOB_RESULT, .result = 5},
         0,
         "failed",
         "result 5: damaged or not signed for it"},
        {{.failure = JOB_RESULT, .result = 6},
         0,
         "failed",
         "result 6: for another firmware"},
        {{.failure = JOB_RESULT, .result = 7},
         0,
         "failed",
         "result 7: the URI"},
        {{.failure = JOB_RESULT, .result = 8},
         1,
         "failed",
         "result 8: the update failed"},
        {{.failure = JOB_RESULT, .result = 9},
         0,
         "failed",
         "result 9: the protocol of the URI"},
        {{.failure = JOB_RESULT, .result = 77},
         0,
         "failed",
         "result 77: unknown"},
        {{.failure = JOB_OLD_VERSION, .result = 1}, 1, "failed", "version"},
        {{.failure = JOB_REFUSED, .code = 0x85}, 0, "failed", "refused 4.05"},
        {{.failure = JOB_NO_OBJECT}, 0, "failed", "no firmware object"},
        {{.failure = JOB_NO_METHOD}, 0, "failed", "no way to load"},
        {{.failure = JOB_UNREACHED}, false, "lost", "unreached"},
        /* It may be at it, or come back: only its deadline ends these. */
        {{.failure = JOB_UNREACHED}, true, NULL, ""},
        {{.failure = JOB_TIMED_OUT}, false, NULL, ""},
        {{.failure = JOB_STOPPED}, true, NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lwm2m_job job = rows[i].job;
        char cause[LED_CAUSE_ROOM];
        const char *end;

        if (job.state != JOB_DONE)
            job.state = JOB_FAILED;
        lwm2m_facts_words(&job, rows[i].loaded, &end, cause);
        assert_string_equal(end ? end : "", rows[i].state ? rows[i].state : "");
        assert_string_equal(cause, rows[i].cause);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_has_its_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
