/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents' own examples: each line leads to the right stage, whole
 * updates end right however they are cut.
 */
#include "at_world.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs setjmp, stdarg, stddef and stdint first */
#include <cmocka.h>

static const struct {
    const char *golden;
    const char *family;
    bool by_file;
} examples[] = {
    {"bc26", "bc26", false},
    {"mc65", "mc65", false},
    {"mc65-file", "mc65", true},
    {"bg95", "bg95", false},
    {"bg95-coap", "bg95", false},
    {"bg95-lwm2m", "bg95", false},
    {"bg95", "bg95", true},
    {"bg96", "bg96", true},
    {"bg96", "bg96", false},
    {"bg96-softbank", "bg96-softbank", false},
    {"bg96-softbank", "bg96-softbank", true},
    {"mc65-file", "eg25", true},
};

#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static void begin(struct world *w, size_t example)
{
    world_init(w, examples[example].golden, examples[example].family,
               examples[example].by_file);
}

/* A session that has just sent its trigger: any family's. */
static void triggered(struct world *w)
{
    w->config.family =
        dfota_family_named(dfota_families, dfota_families_count, w->family);
    assert_int_equal(dfota_session_init(&w->session, &w->config, w->now), 0);
    w->session.family = w->config.family;
    w->session.kept.triggered = true;
    w->session.kept.stage = w->by_file ? DFOTA_AT_RESET : DFOTA_AT_START;
    w->session.state = 4; /* it watches */
}

static void each_line_of_the_examples_leads_to_its_stage(void **state)
{
    static struct world w;
    char line[128];

    (void)state;
    for (size_t e = 0; e < EXAMPLES; e++) {
        begin(&w, e);
        if (w.by_file != (strcmp(w.lines[0].stage, "reset") == 0))
            continue; /* the example is of the other way */
        triggered(&w);
        for (size_t i = 0; i < w.lines_count; i++) {
            const struct world_line *want = &w.lines[i];
            int len = snprintf(line, sizeof(line), "\r\n%s\r\n", want->text);
            uint8_t stage;

            dfota_session_input(&w.session, (const uint8_t *)line, (size_t)len,
                                w.now);
            stage = dfota_session_stage(&w.session);
            if (strcmp(dfota_stage_name(stage), want->stage) != 0 ||
                (want->percent >= 0 && w.session.percent != want->percent))
                fail_msg("%s: %s: %s %d", w.golden, want->text,
                         dfota_stage_name(stage), (int)w.session.percent);
        }
    }
}

static void expect_done(const struct world *w)
{
    const struct dfota_verdict *v = &w->session.verdict;

    if (v->outcome != DFOTA_OUTCOME_DONE || w->triggers != 1 ||
        w->deaf_commands)
        fail_msg("%s of %s, cut %zu, seed %u: outcome %d at %s: %d %s; %d "
                 "triggers, %d commands in DFOTA mode",
                 w->golden, w->family, w->cut, (unsigned)w->seed, v->outcome,
                 dfota_stage_name(v->stage), (int)v->number,
                 dfota_meaning_text(v->meaning), w->triggers, w->deaf_commands);
}

static void every_example_ends_at_the_new_version(void **state)
{
    static struct world w;

    (void)state;
    for (size_t e = 0; e < EXAMPLES; e++) {
        begin(&w, e);
        world_run(&w);
        expect_done(&w);
        assert_string_equal(w.session.family->name, w.family);
        assert_int_equal(w.warnings, 0);
    }
}

static void every_example_may_be_cut_before_every_byte(void **state)
{
    static struct world w;
    size_t said = 2;

    (void)state;
    for (size_t e = 0; e < EXAMPLES; e++) {
        for (size_t cut = 1; cut == 1 || cut < said; cut++) {
            begin(&w, e);
            w.cut = cut;
            world_run(&w);
            expect_done(&w);
            assert_int_equal(w.warnings, 0);
            said = w.said;
        }
    }
}

static void a_module_without_a_banner_is_asked_3_s_after_its_end(void **state)
{
    static struct world w;
    uint32_t before;

    (void)state;
    begin(&w, 1);
    world_run(&w);
    before = w.now;
    begin(&w, 1);
    w.no_banner = true;
    world_run(&w);
    expect_done(&w);
    assert_in_range(w.now - before, 0, 3000);
    /* The rate that it has in DFOTA mode is 115200 then. */
    w.session.state = 4;
    w.session.kept.stage = DFOTA_AT_UPDATE;
    assert_int_equal(dfota_session_rate(&w.session), 115200);
    w.session.kept.adaptive = false;
    assert_int_equal(dfota_session_rate(&w.session), 0);
}

static void an_upload_with_flow_control_needs_no_acknowledgement(void **state)
{
    static struct world w;

    (void)state;
    for (int flow = 0; flow < 2; flow++) {
        begin(&w, 2);
        w.config.flow_control = flow;
        world_run(&w);
        expect_done(&w);
        assert_int_equal(w.data_ack, !flow);
    }
}

/* 2500 bytes are two acknowledgements; each is waited for 2 s. */
static void a_lost_acknowledgement_costs_two_seconds(void **state)
{
    static struct world w;
    uint32_t took[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        begin(&w, 2);
        w.config.flow_control = i == 0;
        w.loses_acks = i == 2;
        took[i] = w.now;
        world_run(&w);
        expect_done(&w);
        took[i] = w.now - took[i];
    }
    assert_int_equal(took[0], took[1]);
    assert_int_equal(took[2] - took[1], 4000);
}

static void a_missing_end_behind_100_percent_costs_ten_seconds(void **state)
{
    static const char *const texts[] = {
        "+QIND: \"FOTA\",\"HTTPEND\",0",
        "+QIND: \"FOTA\", \"START\"",
        "+QIND: \"FOTA\",\"UPDATING\",100%",
    };
    static struct world w;
    uint32_t before;

    (void)state;
    for (size_t e = 0; e < 2; e++) {
        begin(&w, e);
        world_set_lines(&w, texts, 3);
        w.updated_by = "100%";
        before = w.now;
        world_run(&w);
        expect_done(&w);
        assert_int_equal(w.warnings, 1U << DFOTA_WARNING_NO_END);
        assert_in_range(w.now - before, 10000, 25000);
    }
}

static void with_neither_end_nor_banner_100_percent_is_asked(void **state)
{
    static const char *const texts[] = {
        "+QIND: \"FOTA\",\"HTTPEND\",0",
        "+QIND: \"FOTA\", \"START\"",
        "+QIND: \"FOTA\",\"UPDATING\",100%",
    };
    static struct world w;
    uint32_t before;

    (void)state;
    begin(&w, 1);
    world_set_lines(&w, texts, 3);
    w.no_banner = true;
    w.updated_by = "100%";
    before = w.now;
    world_run(&w);
    expect_done(&w);
    assert_in_range(w.now - before, 120000, 140000);
}

/* bg96 stays where it is after an END that is not 0: no banner comes. */
static void a_failed_end_of_a_module_that_stays_is_asked_after_5_s(void **state)
{
    static const char *const texts[] = {
        "+QIND: \"FOTA\",\"START\"",
        "+QIND: \"FOTA\",\"END\",506",
    };
    static struct world w;
    uint32_t before;

    (void)state;
    begin(&w, 7);
    world_set_lines(&w, texts, 2);
    w.no_banner = true;
    w.updated_by = "never";
    before = w.now;
    world_run(&w);
    assert_int_equal(w.session.verdict.outcome, DFOTA_OUTCOME_FAILED);
    assert_int_equal(w.session.verdict.number, 506);
    assert_in_range(w.now - before, 5000, 20000);
    assert_int_equal(w.deaf_commands, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_of_the_examples_leads_to_its_stage),
        cmocka_unit_test(every_example_ends_at_the_new_version),
        cmocka_unit_test(every_example_may_be_cut_before_every_byte),
        cmocka_unit_test(a_module_without_a_banner_is_asked_3_s_after_its_end),
        cmocka_unit_test(an_upload_with_flow_control_needs_no_acknowledgement),
        cmocka_unit_test(a_lost_acknowledgement_costs_two_seconds),
        cmocka_unit_test(a_missing_end_behind_100_percent_costs_ten_seconds),
        cmocka_unit_test(with_neither_end_nor_banner_100_percent_is_asked),
        cmocka_unit_test(
            a_failed_end_of_a_module_that_stays_is_asked_after_5_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
