/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each family's numbers mean, and what a session does about them.
 */
#include "at_world.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs setjmp, stdarg, stddef and stdint first */
#include <cmocka.h>

enum which { DOWNLOAD, UPDATE, COMMAND };

/* One class of one table: its numbers, 0 ends. */
struct row {
    const struct dfota_family *family;
    enum which which;
    uint8_t kind;
    int32_t numbers[24];
};

static const struct row rows[] = {
    {&dfota_family_bc26, DOWNLOAD, DFOTA_CLASS_NETWORK, {12, 13, 20}},
    {&dfota_family_bc26, UPDATE, DFOTA_CLASS_MODULE, {1}},
    {&dfota_family_bc26, UPDATE, DFOTA_CLASS_BUSY, {2}},
    {&dfota_family_bc26, UPDATE, DFOTA_CLASS_PACKAGE, {254, 255}},
    {&dfota_family_bc26, COMMAND, DFOTA_CLASS_COMMAND, {1}},
    {&dfota_family_bc26, COMMAND, DFOTA_CLASS_BUSY, {2}},
    {&dfota_family_mc65, DOWNLOAD, DFOTA_CLASS_NETWORK, {6503}},
    {&dfota_family_mc65, DOWNLOAD, DFOTA_CLASS_PACKAGE, {6502, 6507}},
    {&dfota_family_mc65, DOWNLOAD, DFOTA_CLASS_ADDRESS, {6504, 6506}},
    {&dfota_family_mc65,
     DOWNLOAD,
     DFOTA_CLASS_MODULE,
     {6500, 6505, 6508, 6509}},
    {&dfota_family_mc65, UPDATE, DFOTA_CLASS_MODULE, {6500, 6505, 6508, 6509}},
    {&dfota_family_mc65, UPDATE, DFOTA_CLASS_PACKAGE, {6502, 6507}},
    {&dfota_family_mc65, COMMAND, DFOTA_CLASS_COMMAND, {6501}},
    {&dfota_family_mc65, COMMAND, DFOTA_CLASS_MAYBE, {6500}},
    {&dfota_family_mc65, COMMAND, DFOTA_CLASS_WORN, {6508}},
    {&dfota_family_mc65, COMMAND, DFOTA_CLASS_NETWORK, {6503}},
    {&dfota_family_bg95, DOWNLOAD, DFOTA_CLASS_NETWORK, {702, 703, 704}},
    {&dfota_family_bg95, DOWNLOAD, DFOTA_CLASS_ADDRESS, {705, 706}},
    {&dfota_family_bg95, DOWNLOAD, DFOTA_CLASS_PACKAGE, {708, 710}},
    {&dfota_family_bg95, DOWNLOAD, DFOTA_CLASS_MODULE, {701, 707}},
    {&dfota_family_bg95, UPDATE, DFOTA_CLASS_PACKAGE, {506, 511}},
    {&dfota_family_bg95, UPDATE, DFOTA_CLASS_ADDRESS, {505}},
    {&dfota_family_bg95, UPDATE, DFOTA_CLASS_MODULE, {504, 512}},
    {&dfota_family_bg95, UPDATE, DFOTA_CLASS_UNKNOWN, {510, 702}},
    {&dfota_family_bg95, COMMAND, DFOTA_CLASS_COMMAND, {590}},
    {&dfota_family_bg95, COMMAND, DFOTA_CLASS_BUSY, {591}},
    {&dfota_family_bg96, DOWNLOAD, DFOTA_CLASS_NETWORK, {702, 703, 704}},
    {&dfota_family_bg96, DOWNLOAD, DFOTA_CLASS_UNKNOWN, {705, 710, 802, 880}},
    {&dfota_family_bg96, UPDATE, DFOTA_CLASS_MODULE, {504, 510, 512}},
    {&dfota_family_bg96_softbank,
     DOWNLOAD,
     DFOTA_CLASS_LATER,
     {804, 805, 806, 807, 880}},
    {&dfota_family_bg96_softbank,
     DOWNLOAD,
     DFOTA_CLASS_OPERATOR,
     {800, 801, 802, 803, 808, 809, 810, 811, 812, 813, 814, 815, 850, 851, 852,
      853, 854, 855}},
    {&dfota_family_bg96_softbank,
     DOWNLOAD,
     DFOTA_CLASS_UNKNOWN,
     {705, 816, 849, 856, 881}},
    {&dfota_family_bg96_softbank, UPDATE, DFOTA_CLASS_MODULE, {504, 510, 512}},
    {&dfota_family_eg25, UPDATE, DFOTA_CLASS_MODULE, {504, 512}},
    {&dfota_family_eg25, UPDATE, DFOTA_CLASS_PACKAGE, {506, 511}},
    {&dfota_family_eg25, DOWNLOAD, DFOTA_CLASS_UNKNOWN, {701}},
};

static void every_number_has_its_class_in_its_own_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        const struct dfota_code_table *table =
            r->which == DOWNLOAD ? &r->family->download
            : r->which == UPDATE ? &r->family->update
                                 : &r->family->command;

        for (const int32_t *n = r->numbers; *n; n++) {
            const struct dfota_code *code = dfota_code_find(table, *n);

            if (code->kind != r->kind)
                fail_msg("%s %d: class %d", r->family->name, (int)*n,
                         code->kind);
            assert_true(strlen(dfota_meaning_text(code->meaning)) > 5);
            assert_true(strlen(dfota_class_advice(code->kind)) > 10);
        }
    }
}

static void models_name_their_family_and_bg96_its_plain_edition(void **state)
{
    static const struct {
        const char *line;
        const struct dfota_family *family;
    } models[] = {
        {"Quectel_BC26", &dfota_family_bc26},
        {"Quectel_M65", &dfota_family_mc65},
        {"Quectel_MC65", &dfota_family_mc65},
        {"M08-R", &dfota_family_mc65},
        {"BG95-M3", &dfota_family_bg95},
        {"BG77", &dfota_family_bg95},
        {"BG96", &dfota_family_bg96},
        {"EC25", &dfota_family_eg25},
        {"SIM7000E", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        assert_ptr_equal(dfota_family_of_model(dfota_families,
                                               dfota_families_count,
                                               models[i].line),
                         models[i].family);
    assert_ptr_equal(dfota_family_named(dfota_families, dfota_families_count,
                                        "bg96-softbank"),
                     &dfota_family_bg96_softbank);
}

static void expect(const struct world *w, uint8_t outcome, uint8_t stage,
                   uint8_t kind, int32_t number)
{
    const struct dfota_verdict *v = &w->session.verdict;

    if (v->outcome != outcome || v->stage != stage || v->kind != kind ||
        (v->has_number ? v->number : 0) != number)
        fail_msg("%s: outcome %d at %s, class %d: %d %s", w->family, v->outcome,
                 dfota_stage_name(v->stage), v->kind, (int)v->number,
                 dfota_meaning_text(v->meaning));
    assert_int_equal(w->deaf_commands, 0);
}

static void a_file_for_bc26_and_a_url_for_eg25_are_refused(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w, "bc26", "bc26", true);
    world_run(&w);
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_IDENTIFY, DFOTA_CLASS_COMMAND, 0);
    assert_int_equal(w.session.verdict.meaning, DFOTA_MEANING_URL_ONLY);
    world_init(&w, "bc26", "eg25", false);
    world_run(&w);
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_IDENTIFY, DFOTA_CLASS_COMMAND, 0);
    assert_int_equal(w.session.verdict.meaning, DFOTA_MEANING_FILE_ONLY);
    assert_int_equal(w.triggers, 0);
}

static void a_worn_out_mc65_is_not_tried_again(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w, "mc65", "mc65", false);
    w.trigger_says = "+CME ERROR: 6508";
    world_run(&w);
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_TRIGGER, DFOTA_CLASS_WORN, 6508);
    assert_int_equal(w.triggers, 1);
    assert_int_equal(w.restarts, 0);
}

/* 6500 may mean busy: URCs would tell. Nothing comes, nothing was started,
 * and nothing is started again. */
static void cme_6500_is_waited_for_once_and_not_triggered_again(void **state)
{
    static struct world w;
    uint32_t before;

    (void)state;
    world_init(&w, "mc65", "mc65", false);
    before = w.now;
    w.trigger_says = "+CME ERROR: 6500";
    world_run(&w);
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_TRIGGER, DFOTA_CLASS_COMMAND,
           6500);
    assert_int_equal(w.triggers, 1);
    assert_in_range(w.now - before, 60000, 75000);
}

static void a_network_number_to_the_start_is_tried_again(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w, "mc65", "mc65", false);
    w.trigger_says = "+CME ERROR: 6503";
    w.trigger_refusals = 2;
    world_run(&w);
    assert_int_equal(w.session.verdict.outcome, DFOTA_OUTCOME_DONE);
    assert_int_equal(w.triggers, 3);
    assert_int_equal(w.retries, 2);
}

static void busy_to_an_upload_follows_the_update_that_runs(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w, "bg95", "bg95", true);
    w.upload_says = "+CME ERROR: 591";
    world_run(&w);
    /* Nothing came of it: the version is still the old one, so it is tried
     * again, as often as a network failure. */
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_UPLOAD, DFOTA_CLASS_NETWORK, 0);
    assert_int_equal(w.uploads, 3);
    assert_int_equal(w.triggers, 0);
    assert_true(w.warnings & 1U << DFOTA_WARNING_ATTACHED);
}

static void a_full_module_says_what_to_do(void **state)
{
    static struct world w;

    (void)state;
    world_init(&w, "mc65-file", "mc65", true);
    w.upload_says = "+CME ERROR: 420";
    world_run(&w);
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_UPLOAD, DFOTA_CLASS_SPACE, 420);
    assert_int_equal(w.triggers, 0);
}

/* A download that fails with a number, in the family's own words. */
static void refuse(struct world *w, const char *family, const char *tag,
                   int number)
{
    char end[64];
    char start[64];
    const char *texts[] = {start, end};

    world_init(w, "bc26", family, false);
    (void)snprintf(start, sizeof(start), "+QIND: \"%s\",\"HTTPSTART\"", tag);
    (void)snprintf(end, sizeof(end), "+QIND: \"%s\",\"HTTPEND\",%d", tag,
                   number);
    world_set_lines(w, texts, 2);
    world_run(w);
}

static void the_plan_and_its_credentials_are_the_operators(void **state)
{
    static struct world w;

    (void)state;
    refuse(&w, "bg96-softbank", "SBFOTA", 802);
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, DFOTA_CLASS_OPERATOR,
           802);
    assert_int_equal(w.triggers, 1);
    refuse(&w, "bg96-softbank", "SBFOTA", 804);
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, DFOTA_CLASS_LATER, 804);
    assert_int_equal(w.triggers, 1);
    refuse(&w, "bg96", "FOTA", 802);
    expect(&w, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, DFOTA_CLASS_UNKNOWN,
           802);
}

static void retries_are_bounded_by_class_in_every_family(void **state)
{
    static const struct {
        const char *family;
        int number;
        int triggers;
        int restarts;
    } numbers[] = {
        {"bc26", 12, 3, 0},   {"bc26", 13, 3, 0},
        {"mc65", 6503, 3, 0}, {"mc65", 6505, 2, 1},
        {"mc65", 6502, 1, 0}, {"bg95", 702, 3, 0},
        {"bg95", 707, 2, 1},  {"bg95", 708, 1, 0},
        {"bg96", 704, 3, 0},  {"bg96", 701, 2, 1},
        {"bg96", 706, 1, 0},  {"bg96-softbank", 703, 3, 0},
    };
    static struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        refuse(&w, numbers[i].family, "FOTA", numbers[i].number);
        assert_int_equal(w.session.verdict.outcome, DFOTA_OUTCOME_FAILED);
        assert_int_equal(w.session.verdict.number, numbers[i].number);
        assert_int_equal(w.triggers, numbers[i].triggers);
        assert_int_equal(w.restarts, numbers[i].restarts);
    }
}

/* A row of the field guide: what says the number, the number, its meaning,
 * what to do. */
static void format_row(char *out, size_t room, const char *where,
                       const struct dfota_code *code)
{
    (void)snprintf(out, room, "| %s | %d | %s | %s |\n", where, code->number,
                   dfota_meaning_text(code->meaning),
                   dfota_class_advice(code->kind));
}

static void each_row(const struct dfota_family *f,
                     void (*row)(void *ctx, const char *text), void *ctx)
{
    static const char *const where[] = {"download", "END", "start", "upload"};
    const struct dfota_code_table *tables[] = {&f->download, &f->update,
                                               &f->command, f->upload};
    char text[200];

    for (size_t t = 0; t < 4; t++) {
        for (size_t i = 0; tables[t] && i < tables[t]->count; i++) {
            format_row(text, sizeof(text), where[t], &tables[t]->codes[i]);
            row(ctx, text);
        }
    }
}

static void must_have(void *ctx, const char *text)
{
    if (!strstr(ctx, text))
        fail_msg("docs/field-guide.md has no %s", text);
}

/* The guide's section of a family holds its rows: `test_at_families --tables`
 * prints them. */
static void the_field_guide_has_every_number(void **state)
{
    static char guide[65536];
    char title[40];
    FILE *file = fopen(FIELD_GUIDE, "re");

    (void)state;
    assert_non_null(file);
    guide[fread(guide, 1, sizeof(guide) - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t i = 0; i < dfota_families_count; i++) {
        char *section;
        char *end;

        (void)snprintf(title, sizeof(title),
                       "\n## %s:", dfota_families[i]->name);
        section = strstr(guide, title);
        assert_non_null(section);
        end = strstr(section + 1, "\n## ");
        if (end)
            *end = '\0';
        each_row(dfota_families[i], must_have, section);
        if (end)
            *end = '\n';
    }
}

static void print_row(void *ctx, const char *text)
{
    (void)ctx;
    fputs(text, stdout);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--tables")) {
        for (size_t i = 0; i < dfota_families_count; i++) {
            printf("\n%s\n", dfota_families[i]->name);
            each_row(dfota_families[i], print_row, NULL);
        }
        return 0;
    }

#define T(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        T(every_number_has_its_class_in_its_own_table),
        T(models_name_their_family_and_bg96_its_plain_edition),
        T(a_file_for_bc26_and_a_url_for_eg25_are_refused),
        T(a_worn_out_mc65_is_not_tried_again),
        T(cme_6500_is_waited_for_once_and_not_triggered_again),
        T(a_network_number_to_the_start_is_tried_again),
        T(busy_to_an_upload_follows_the_update_that_runs),
        T(a_full_module_says_what_to_do),
        T(the_plan_and_its_credentials_are_the_operators),
        T(retries_are_bounded_by_class_in_every_family),
        T(the_field_guide_has_every_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
