/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noise: random bytes between those of the module, in all families. The
 * verdict stays right, there is one trigger, and no command in DFOTA mode.
 *
 * test_at_noise [INSERTIONS [SEED]]: 20000 by default, 1000000 for the nights.
 */
#include "at_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka needs setjmp, stdarg, stddef and stdint first */
#include <cmocka.h>

static const struct {
    const char *golden;
    const char *family;
    bool by_file;
} examples[] = {
    {"bc26", "bc26", false},     {"mc65", "mc65", false},
    {"mc65-file", "mc65", true}, {"bg95", "bg95", false},
    {"bg95", "bg95", true},      {"bg95-coap", "bg95", false},
    {"bg96", "bg96", true},      {"bg96-softbank", "bg96-softbank", false},
    {"mc65-file", "eg25", true},
};

#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static unsigned long wanted = 20000;
static uint32_t seed = 1;

/* An upload that arrived damaged twice is given up, and rightly so. */
static bool is_honest(const struct world *w)
{
    const struct dfota_verdict *v = &w->session.verdict;

    return v->outcome == DFOTA_OUTCOME_FAILED && w->by_file &&
           v->stage == DFOTA_AT_UPLOAD && v->kind == DFOTA_CLASS_LINE &&
           w->triggers == 0 && !w->updated;
}

static bool is_done(const struct world *w)
{
    return w->session.verdict.outcome == DFOTA_OUTCOME_DONE &&
           w->triggers == 1 && w->updated;
}

static void noise_changes_neither_verdict_nor_triggers(void **state)
{
    static struct world w;
    unsigned long insertions = 0;
    unsigned long runs = 0;
    unsigned long given_up = 0;
    unsigned long unknown = 0;

    (void)state;
    for (; insertions < wanted; runs++) {
        size_t e = runs % EXAMPLES;
        uint32_t first = seed;

        world_init(&w, examples[e].golden, examples[e].family,
                   examples[e].by_file);
        w.rarity = 150;
        w.seed = seed;
        world_run(&w);
        insertions += w.insertions;
        seed = w.seed;
        /* What told the end was lost: a time-out is no failure, and the next
         * run finds out. */
        if (w.session.verdict.outcome == DFOTA_OUTCOME_UNKNOWN) {
            unknown++;
            world_resume(&w);
        }
        given_up += is_honest(&w);
        if (!(is_done(&w) || is_honest(&w)) || w.deaf_commands)
            fail_msg("%s of %s, seed %u: outcome %d at %s: %d %s; %d triggers, "
                     "%d commands in DFOTA mode",
                     w.golden, w.family, (unsigned)first,
                     w.session.verdict.outcome,
                     dfota_stage_name(w.session.verdict.stage),
                     (int)w.session.verdict.number,
                     dfota_meaning_text(w.session.verdict.meaning), w.triggers,
                     w.deaf_commands);
    }
    printf("noise: %lu insertions in %lu updates: %lu done, of them %lu after "
           "an unknown; %lu uploads given up; no second trigger, no command "
           "in DFOTA mode\n",
           insertions, runs, runs - given_up, unknown, given_up);
    assert_true(unknown * 100 < runs);
    assert_true(given_up * 20 < runs);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_changes_neither_verdict_nor_triggers),
    };

    if (argc > 1)
        wanted = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        seed = (uint32_t)strtoul(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
