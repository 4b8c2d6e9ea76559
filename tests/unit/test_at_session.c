/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session against typed transcripts, on a virtual clock.
 */
#include "at/session.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above first */
#include <cmocka.h>

#define URL "https://www.example.com:100/update.zip"
#define TRIGGER "AT+QFOTADL=\"" URL "\"\r"
#define OK "\r\nOK\r\n"
#define PROBE "ATQ0V1E0+CMEE=1\r"
#define URC(text) "\r\n+QIND: \"FOTA\"," text "\r\n"
#define BANNERS "\r\nRDY\r\n\r\nAPP RDY\r\n"

struct host {
    struct dfota_session_config config;
    struct dfota_session session;
    uint32_t now;
    char sent[8192]; /* since the last wait */
    size_t sent_len;
    int triggers;
    int commands;      /* CRs sent, ever */
    unsigned warnings; /* bits of enum dfota_warning */
    int retries;
    int32_t percent;
    uint8_t package[3000];
};

static void on_event(void *ctx, enum dfota_event event, int32_t value)
{
    struct host *h = ctx;

    if (event == DFOTA_EVENT_WARNING)
        h->warnings |= 1U << value;
    if (event == DFOTA_EVENT_RETRY)
        h->retries++;
    if (event == DFOTA_EVENT_PERCENT) {
        assert_in_range(value, 0, 100);
        h->percent = value;
    }
}

static void read_package(void *ctx, uint32_t off, uint8_t *out, size_t len)
{
    struct host *h = ctx;

    memcpy(out, h->package + off, len);
}

static void drain(struct host *h)
{
    uint8_t out[64];
    size_t len;

    while (
        (len = dfota_session_output(&h->session, out, sizeof(out), h->now))) {
        assert_true(h->sent_len + len < sizeof(h->sent));
        /* A pause may fall behind any chunk: not in front of a `+`. */
        assert_false(len == sizeof(out) && out[len - 1] == '+');
        memcpy(h->sent + h->sent_len, out, len);
        h->sent_len += len;
        h->sent[h->sent_len] = '\0';
        for (size_t i = 0; i < len; i++)
            h->commands += out[i] == '\r';
    }
}

static void hear_bytes(struct host *h, const void *bytes, size_t len)
{
    dfota_session_input(&h->session, bytes, len, h->now);
    drain(h);
}

static void hear(struct host *h, const char *text)
{
    hear_bytes(h, text, strlen(text));
}

/* Let ms pass, from one due time to the next. */
static void pass(struct host *h, uint32_t ms)
{
    uint32_t end = h->now + ms;

    for (int i = 0; i < 100000; i++) {
        uint32_t due = dfota_session_due(&h->session, h->now);

        if (dfota_session_ended(&h->session) || due > end - h->now)
            break;
        h->now += due;
        dfota_session_tick(&h->session, h->now);
        drain(h);
    }
    h->now = end;
    dfota_session_tick(&h->session, h->now);
    drain(h);
}

/* Wait for a command (at most a minute) and answer it. */
static void answer(struct host *h, const char *command, const char *reply)
{
    for (int i = 0; i < 600 && !strstr(h->sent, command); i++)
        pass(h, 100);
    if (!strstr(h->sent, command))
        fail_msg("never sent: %s; sent: %s", command, h->sent);
    if (strstr(h->sent, "AT+QFOTADL=\"http") || strstr(h->sent, "QFOTADL=1\r"))
        h->triggers++;
    h->sent_len = 0;
    h->sent[0] = '\0';
    hear(h, reply);
}

static void setup(struct host *h)
{
    memset(h, 0, sizeof(*h));
    dfota_session_defaults(&h->config);
    h->config.families = dfota_families;
    h->config.families_count = dfota_families_count;
    h->config.url = URL;
    h->config.event = on_event;
    h->config.read = read_package;
    h->config.ctx = h;
    h->now = 12345;
    for (size_t i = 0; i < sizeof(h->package); i++)
        h->package[i] = (uint8_t)(i * 7 + i / 256);
}

static void begin(struct host *h)
{
    assert_int_equal(dfota_session_init(&h->session, &h->config, h->now),
                     DFOTA_OK);
    drain(h);
}

#define ATI(version)                                                           \
    "\r\nQuectel\r\nBG95-M3\r\nRevision: " version "\r\n\r\nOK\r\n"

static void identify(struct host *h, const char *ati)
{
    answer(h, PROBE, PROBE OK);
    answer(h, "ATI\r", ati);
    answer(h, "ATI\r", ati);
}

/* From the first byte to the accepted trigger. */
static void trigger_with(struct host *h, const char *reply)
{
    identify(h, ATI("OLD"));
    answer(h, "AT+CSQ;+CEREG?;+CGREG?;+COPS?\r",
           "\r\n+CSQ: 26,99\r\n\r\n+CEREG: 0,1\r\n\r\n+CGREG: 0,4\r\n"
           "\r\n+COPS: 0,0,\"Telstra Mobile Telstra\",8\r\n" OK);
    answer(h, "AT+QFOTADL=3,1\r", OK);
    answer(h, TRIGGER, reply);
}

static void trigger(struct host *h)
{
    setup(h);
    begin(h);
    trigger_with(h, OK);
}

static void confirm(struct host *h, const char *ati)
{
    identify(h, ati);
}

static void expect(const struct host *h, enum dfota_outcome outcome,
                   enum dfota_at_stage stage, int32_t number)
{
    const struct dfota_verdict *v = &h->session.verdict;

    if (v->outcome != outcome || v->stage != stage ||
        (v->has_number ? v->number : 0) != number)
        fail_msg("verdict %d at %s: %d %s", v->outcome,
                 dfota_stage_name(v->stage), (int)v->number,
                 dfota_meaning_text(v->meaning));
}

/* A download that ends with a number, and the seconds in which something
 * could still follow it. */
static void fail_download(struct host *h, const char *number)
{
    char line[80];

    hear(h, URC("\"HTTPSTART\""));
    (void)snprintf(line, sizeof(line), URC("\"HTTPEND\",%s"), number);
    hear(h, line);
    assert_false(dfota_session_ended(&h->session));
    pass(h, 5000);
}

#define EXPECT_DONE(h)                                                         \
    assert_int_equal((h)->session.verdict.outcome, DFOTA_OUTCOME_DONE)

/* Chapter 4.1 of the BG95 document, in what follows the trigger's OK. */
static const char golden[] = URC("\"HTTPSTART\"") URC("\"DOWNLOADING\",5%")
    URC("\"DOWNLOADING\",100%") URC("\"HTTPEND\",0") URC("\"RESETTING\"")
        URC("\"START\"") URC("\"UPDATING\",1%") URC("\"UPDATING\",2%")
            URC("\"UPDATING\",100%") URC("\"END\",0") BANNERS;

static void the_documents_example_ends_at_the_new_version(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, golden);
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_REBOOT);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_string_equal(h.session.old_version, "OLD");
    assert_string_equal(h.session.version, "NEW");
    assert_int_equal(h.triggers, 1);
    assert_int_equal(h.warnings, 0);
    assert_int_equal(h.percent, 100);
}

static void the_example_may_be_split_anywhere_and_hit_by_noise(void **state)
{
    static const uint8_t noise[] = {0, 0xff, 0x80, 0x1b};
    struct host h;

    (void)state;
    for (size_t cut = 0; cut < sizeof(golden); cut++) {
        trigger(&h);
        hear_bytes(&h, golden, cut);
        hear_bytes(&h, noise, cut % 5);
        pass(&h, 500);
        hear_bytes(&h, golden + cut, sizeof(golden) - 1 - cut);
        confirm(&h, ATI("NEW"));
        EXPECT_DONE(&h);
        assert_int_equal(h.warnings, 0);
    }
}

/* One printable byte too many anywhere may cost a URC, never the verdict. */
static void a_spoilt_line_does_not_change_the_verdict(void **state)
{
    struct host h;

    (void)state;
    for (size_t cut = 0; cut < sizeof(golden) - sizeof(BANNERS); cut++) {
        trigger(&h);
        hear_bytes(&h, golden, cut);
        hear(&h, "x");
        hear_bytes(&h, golden + cut, sizeof(golden) - 1 - cut);
        confirm(&h, ATI("NEW"));
        EXPECT_DONE(&h);
    }
}

/* A module by rote, whose every answer may be hit by noise. */
static const char *rote(struct host *h, const char *command)
{
    static const struct {
        const char *command;
        const char *reply;
    } rows[] = {
        {"ATQ0V1E0+CMEE=1", "ATQ0V1E0+CMEE=1" OK},
        {"AT+CSQ;+CEREG?;+CGREG?;+COPS?",
         "\r\n+CSQ: 26,99\r\n\r\n+CEREG: 0,1\r\n\r\n+CGREG: 0,4\r\n"
         "\r\n+COPS: 0,0,\"Telstra Mobile Telstra\",8\r\n" OK},
        {"AT+QFOTADL=3,1", OK},
    };

    if (!strcmp(command, "ATI"))
        return h->triggers ? ATI("NEW") : ATI("OLD");
    if (!strcmp(command, "AT+QFOTADL=\"" URL "\"")) {
        h->triggers++;
        return NULL;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!strcmp(command, rows[i].command))
            return rows[i].reply;
    }
    return "\r\nERROR\r\n";
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

/* Say text with one byte of noise in one of rarity places. */
static void hear_noisily(struct host *h, const char *text, uint32_t *seed,
                         uint32_t rarity)
{
    for (; *text; text++) {
        if (next_random(seed) % rarity == 0) {
            uint8_t noise = (uint8_t)next_random(seed);

            hear_bytes(h, &noise, 1);
        }
        hear_bytes(h, text, 1);
    }
}

static void answer_noisily(struct host *h, uint32_t *seed, uint32_t rarity)
{
    char command[1024];
    const char *reply;
    size_t len = strcspn(h->sent, "\r");

    memcpy(command, h->sent, len);
    command[len] = '\0';
    h->sent_len = 0;
    h->sent[0] = '\0';
    reply = rote(h, command);
    hear_noisily(h, reply ? reply : OK, seed, rarity);
    if (!reply)
        hear_noisily(h, golden, seed, rarity);
}

static void random_noise_changes_neither_verdict_nor_triggers(void **state)
{
    struct host h;
    uint32_t seed = 1;

    (void)state;
    for (int run = 0; run < 3000; run++) {
        uint32_t first = seed;

        setup(&h);
        h.config.to_version = "NEW";
        begin(&h);
        for (int i = 0; i < 5000 && !dfota_session_ended(&h.session); i++) {
            if (strchr(h.sent, '\r'))
                answer_noisily(&h, &seed, 150);
            else
                pass(&h, 500);
        }
        if (h.session.verdict.outcome != DFOTA_OUTCOME_DONE || h.triggers != 1)
            fail_msg("seed %u: %d triggers, outcome %d at %s: %d %s",
                     (unsigned)first, h.triggers, h.session.verdict.outcome,
                     dfota_stage_name(h.session.verdict.stage),
                     (int)h.session.verdict.number,
                     dfota_meaning_text(h.session.verdict.meaning));
    }
}

static void no_command_goes_out_in_dfota_mode(void **state)
{
    struct host h;
    int commands;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPSTART\"") URC("\"HTTPEND\",0"));
    commands = h.commands;
    pass(&h, 200000);
    hear(&h, URC("\"RESETTING\""));
    pass(&h, 200000);
    hear(&h, "\r\nRDY\r\n" URC("\"START\""));
    for (int i = 1; i <= 100; i++) {
        char line[64];

        pass(&h, 60000);
        (void)snprintf(line, sizeof(line), URC("\"UPDATING\",%d%%"), i);
        hear(&h, line);
    }
    pass(&h, 60000);
    hear(&h, URC("\"END\",0"));
    pass(&h, 50000);
    assert_int_equal(h.commands, commands);
    hear(&h, BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void rdy_in_the_middle_is_not_the_end(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"UPDATING\",40%"));
    hear(&h, "\r\nRDY\r\n");
    pass(&h, 100000);
    hear(&h, URC("\"START\"") URC("\"UPDATING\",1%"));
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_UPDATE);
    pass(&h, 100000);
    hear(&h, URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void an_update_that_starts_again_has_not_ended(void **state)
{
    static const char *const signs[] = {URC("\"END\",0"), "\r\nRDY\r\n"};
    struct host h;
    int commands;

    (void)state;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        trigger(&h);
        hear(&h, URC("\"HTTPEND\",0") URC("\"START\""));
        hear(&h, signs[i]);
        hear(&h, URC("\"UPDATING\",3%"));
        commands = h.commands;
        pass(&h, 130000);
        expect(&h, DFOTA_OUTCOME_UNKNOWN, DFOTA_AT_UPDATE, 0);
        assert_int_equal(h.commands, commands);
    }
}

static void an_end_without_start_is_stale(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"END\",504"));
    hear(&h, URC("\"HTTPSTART\"") URC("\"END\",0"));
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_DOWNLOAD);
    hear(&h, URC("\"HTTPEND\",0"));
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_RESET);
}

static void a_missing_end_is_made_good_by_the_banner(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"UPDATING\",100%"));
    hear(&h, BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.warnings, 1U << DFOTA_WARNING_NO_END);
}

static void end_0_with_the_old_version_is_a_failure(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, golden);
    confirm(&h, ATI("OLD"));
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_CONFIRM, 0);
    assert_int_equal(h.triggers, 1);
}

static void end_504_with_the_new_version_is_success_with_a_warning(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"END\",504") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.warnings, 1U << DFOTA_WARNING_END);
}

static void another_version_than_the_wanted_is_a_failure(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.to_version = "NEW";
    begin(&h);
    trigger_with(&h, OK);
    hear(&h, golden);
    confirm(&h, ATI("OTHER"));
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_CONFIRM, 0);
}

static void the_wanted_version_needs_no_update(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.to_version = "NEW";
    begin(&h);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 0);
}

static void a_refused_package_stops_at_once(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"END\",506") BANNERS);
    confirm(&h, ATI("OLD"));
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_UPDATE, 506);
    assert_int_equal(h.session.verdict.kind, DFOTA_CLASS_PACKAGE);

    trigger(&h);
    fail_download(&h, "706");
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, 706);
    assert_int_equal(h.retries, 0);
}

static void a_number_outside_every_table_is_shown_and_stops(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    fail_download(&h, "999999999999");
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, 999999999);
    assert_int_equal(h.session.verdict.kind, DFOTA_CLASS_UNKNOWN);
}

static void
a_network_number_is_tried_three_times_with_longer_pauses(void **state)
{
    struct host h;
    uint32_t before;

    (void)state;
    trigger(&h);
    fail_download(&h, "702");
    before = h.now;
    trigger_with(&h, OK);
    assert_in_range(h.now - before, 30000, 32000);
    fail_download(&h, "704");
    before = h.now;
    pass(&h, 50000);
    trigger_with(&h, OK);
    assert_in_range(h.now - before, 60000, 62000);
    fail_download(&h, "702");
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, 702);
    assert_int_equal(h.triggers, 3);
}

static void a_module_number_is_tried_once_more_after_a_reboot(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    fail_download(&h, "707");
    answer(&h, "AT+CFUN=1,1\r", OK);
    hear(&h, BANNERS);
    trigger_with(&h, OK);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"END\",504") BANNERS);
    confirm(&h, ATI("OLD"));
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_UPDATE, 504);
}

static void silence_is_unknown_at_the_deadline_of_its_stage(void **state)
{
    static const struct {
        const char *heard;
        uint32_t ms;
        enum dfota_at_stage stage;
    } rows[] = {
        {"", 60000, DFOTA_AT_START},
        {URC("\"HTTPSTART\""), 600000, DFOTA_AT_DOWNLOAD},
        {URC("\"DOWNLOADING\",5%"), 600000, DFOTA_AT_DOWNLOAD},
        {URC("\"COAPSTART\""), 3600000, DFOTA_AT_DOWNLOAD},
        {URC("\"HTTPEND\",0"), 300000, DFOTA_AT_RESET},
        {URC("\"RESETTING\""), 300000, DFOTA_AT_RESET},
        {URC("\"START\""), 120000, DFOTA_AT_UPDATE},
        {URC("\"UPDATING\",999999999999%"), 120000, DFOTA_AT_UPDATE},
    };
    struct host h;
    int commands;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        trigger(&h);
        hear(&h, rows[i].heard);
        commands = h.commands;
        pass(&h, rows[i].ms - 1);
        assert_false(dfota_session_ended(&h.session));
        pass(&h, 1);
        expect(&h, DFOTA_OUTCOME_UNKNOWN, rows[i].stage, 0);
        assert_int_equal(h.commands, commands);
    }
}

static void a_module_that_never_returns_is_unknown(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"START\"") URC("\"END\",0"));
    pass(&h, 60000 + 16000);
    expect(&h, DFOTA_OUTCOME_UNKNOWN, DFOTA_AT_CONFIRM, 0);
}

static void the_overall_deadline_ends_an_endless_update(void **state)
{
    struct host h;
    uint32_t began;

    (void)state;
    trigger(&h);
    began = h.now;
    for (int i = 0; i < 200 && !dfota_session_ended(&h.session); i++) {
        hear(&h, URC("\"UPDATING\",1%"));
        pass(&h, 60000);
    }
    expect(&h, DFOTA_OUTCOME_UNKNOWN, DFOTA_AT_UPDATE, 0);
    assert_in_range(h.now - began, 7100000, 7260000);
}

static void
a_module_that_answers_nothing_is_a_failure_without_trigger(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    pass(&h, 180000);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_PROBE, 0);
    assert_int_equal(h.triggers, 0);
}

static void a_version_without_revision_is_asked_by_cgmr(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.to_version = "V1";
    begin(&h);
    answer(&h, PROBE, OK);
    answer(&h, "ATI\r", "\r\nBG77\r\n" OK);
    answer(&h, "AT+CGMR\r", "\r\nV1\r\n" OK);
    answer(&h, "AT+CGMR\r", "\r\nVx\r\n" OK);
    answer(&h, PROBE, OK);
    answer(&h, "ATI\r", "\r\nBG77\r\n" OK);
    answer(&h, "AT+CGMR\r", "\r\nV1\r\n" OK);
    answer(&h, "AT+CGMR\r", "\r\nV1\r\n" OK);
    EXPECT_DONE(&h);
}

static void garbage_and_another_vendor_are_failures_in_time(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    for (int i = 0; i < 200; i++) {
        hear(&h, "\xff\x01garbage\r\nREADY?\r\n+QIND: \"FO\"\r\n");
        pass(&h, 1000);
    }
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_PROBE, 0);

    setup(&h);
    begin(&h);
    for (int i = 0; i < 20 && !dfota_session_ended(&h.session); i++)
        confirm(&h, "\r\nSIMCOM\r\nSIM7000\r\nRevision: 1.0\r\n" OK);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_IDENTIFY, 0);
}

static void a_running_update_is_followed_and_not_triggered_again(void **state)
{
    struct host h;
    int commands;

    (void)state;
    setup(&h);
    begin(&h);
    commands = h.commands;
    hear(&h, URC("\"UPDATING\",40%"));
    pass(&h, 100000);
    hear(&h, URC("\"UPDATING\",41%"));
    pass(&h, 100000);
    assert_int_equal(h.commands, commands);
    hear(&h, URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 0);
    assert_int_equal(h.warnings, 1U << DFOTA_WARNING_ATTACHED);
}

static void a_deaf_module_is_heard_out_before_it_is_given_up(void **state)
{
    struct host h;
    int commands;

    (void)state;
    setup(&h);
    begin(&h);
    pass(&h, 3000 + 16500);
    assert_true(h.commands > 10);
    assert_int_equal(dfota_session_rate(&h.session), 115200);
    commands = h.commands;
    pass(&h, 100000);
    assert_int_equal(h.commands, commands);
    hear(&h, URC("\"UPDATING\",7%"));
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_UPDATE);
}

/* Kill the host: a new session goes on from the record. */
static void die_and_resume(struct host *h)
{
    struct dfota_at_record record;

    dfota_session_record(&h->session, &record);
    begin(h);
    assert_int_equal(dfota_session_resume(&h->session, &record), DFOTA_OK);
    h->sent_len = 0;
    h->sent[0] = '\0';
}

static void a_host_that_died_goes_on_from_its_record(void **state)
{
    struct host h;
    int commands;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"UPDATING\",3%"));
    die_and_resume(&h);
    commands = h.commands;
    pass(&h, 110000);
    assert_int_equal(h.commands, commands);
    hear(&h, URC("\"UPDATING\",80%") URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_string_equal(h.session.old_version, "OLD");
    assert_int_equal(h.triggers, 1);
}

static void
an_update_that_ended_while_the_host_was_dead_is_found_out(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"UPDATING\",3%"));
    die_and_resume(&h);
    pass(&h, 121000);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 1);
}

static void a_record_with_any_bit_flipped_is_refused(void **state)
{
    struct dfota_at_record record;
    uint8_t *bytes = (uint8_t *)&record;
    struct host h;

    (void)state;
    trigger(&h);
    dfota_session_record(&h.session, &record);
    for (size_t i = 0; i < sizeof(record) * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        begin(&h);
        assert_int_equal(dfota_session_resume(&h.session, &record),
                         DFOTA_E_CORRUPT);
        assert_int_equal(h.session.kept.triggered, 0);
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
    }
}

static void busy_follows_the_running_update(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, "\r\n+CME ERROR: 591\r\n");
    pass(&h, 100000);
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 1);
}

static void error_to_the_start_waits_once_and_never_triggers_again(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, "\r\nERROR\r\n");
    pass(&h, 59000);
    assert_false(dfota_session_ended(&h.session));
    pass(&h, 1000);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_TRIGGER, 0);
    assert_int_equal(h.triggers, 1);

    setup(&h);
    begin(&h);
    trigger_with(&h, "\r\nERROR\r\n");
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 1);
}

static void a_wrong_command_stops(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, "\r\n+CME ERROR: 590\r\n");
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_TRIGGER, 590);
}

static void a_urc_between_command_and_ok_is_heard(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, TRIGGER URC("\"HTTPSTART\"") OK);
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_DOWNLOAD);
    pass(&h, 100000);
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void a_lost_ok_counts_as_accepted(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, "");
    pass(&h, 16000);
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_START);
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 1);
}

static void a_module_not_registered_fails_before_the_trigger(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    confirm(&h, ATI("OLD"));
    for (int i = 0; i < 60 && !dfota_session_ended(&h.session); i++)
        answer(&h, "AT+CSQ;+CEREG?;+CGREG?;+COPS?\r",
               "\r\n+CSQ: 99,99\r\n\r\n+CEREG: 0,2\r\n" OK);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_NETWORK, 0);
}

static void the_apn_is_set_when_it_is_another(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.apn = "iot.example";
    begin(&h);
    confirm(&h, ATI("OLD"));
    answer(&h, "+COPS?\r", "\r\n+CEREG: 0,5\r\n" OK);
    answer(&h, "AT+QCFGEXT=\"fota_apn\"\r",
           "\r\n+QCFGEXT: \"fota_apn\",2,\"iot\",\"\",\"\"\r\n" OK);
    answer(&h, "AT+QCFGEXT=\"fota_apn\",2,\"iot.example\"\r", OK);
    answer(&h, "AT+QFOTADL=3,1\r", OK);

    begin(&h);
    confirm(&h, ATI("OLD"));
    answer(&h, "+COPS?\r", "\r\n+CEREG: 0,5\r\n" OK);
    answer(&h, "AT+QCFGEXT=\"fota_apn\"\r",
           "\r\n+QCFGEXT: \"fota_apn\",2,\"iot.example\",\"\",\"\"\r\n" OK);
    answer(&h, "AT+QFOTADL=3,1\r", OK);
}

static void the_port_may_vanish_after_the_trigger_and_come_back(void **state)
{
    struct host h;
    int commands;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"RESETTING\""));
    dfota_session_port_lost(&h.session, h.now);
    commands = h.commands;
    pass(&h, 1700000);
    assert_false(dfota_session_ended(&h.session));
    dfota_session_port_back(&h.session, h.now);
    hear(&h, URC("\"UPDATING\",9%"));
    pass(&h, 110000);
    assert_int_equal(h.commands, commands);
    hear(&h, URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void a_line_cut_by_the_vanishing_port_is_no_line(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"UPDATING\",3%") "\r\n+QIND: \"FOTA\",\"END\",0");
    dfota_session_port_lost(&h.session, h.now);
    dfota_session_port_back(&h.session, h.now);
    hear(&h, "\r\n");
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_UPDATE);
}

static void a_usb_port_that_returns_means_a_normal_boot(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.usb = true;
    begin(&h);
    trigger_with(&h, OK);
    hear(&h, URC("\"HTTPEND\",0") URC("\"RESETTING\""));
    dfota_session_port_lost(&h.session, h.now);
    pass(&h, 1000000);
    dfota_session_port_back(&h.session, h.now);
    pass(&h, 12000);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void a_port_that_stays_away_is_unknown_after_the_trigger(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    dfota_session_port_lost(&h.session, h.now);
    pass(&h, 1800000);
    expect(&h, DFOTA_OUTCOME_UNKNOWN, DFOTA_AT_START, 0);

    setup(&h);
    begin(&h);
    dfota_session_port_lost(&h.session, h.now);
    pass(&h, 60000);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_PROBE, 0);
}

static void a_reboot_in_the_download_is_tried_again(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPSTART\"") URC("\"DOWNLOADING\",5%") BANNERS);
    confirm(&h, ATI("OLD"));
    assert_int_equal(h.retries, 1);
    trigger_with(&h, OK);
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void dfota_mode_wants_115200(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"DOWNLOADING\",5%"));
    assert_int_equal(dfota_session_rate(&h.session), 0);
    hear(&h, URC("\"HTTPEND\",0") URC("\"RESETTING\""));
    assert_int_equal(dfota_session_rate(&h.session), 115200);
    hear(&h, URC("\"UPDATING\",5%"));
    assert_int_equal(dfota_session_rate(&h.session), 115200);
    hear(&h, URC("\"END\",0"));
    assert_int_equal(dfota_session_rate(&h.session), 0);
}

/* Upload the package; sum: what the module claims to have received. */
static void upload(struct host *h, const char *reply)
{
    h->config.url = NULL;
    h->config.package_len = sizeof(h->package);
    answer(h, "AT+QFOTADL=5\r", OK);
    answer(h, "AT+QFOTADL=\"COM:\",3000,10\r", "");
    pass(h, 300);
    assert_int_equal(h->sent_len, 0);
    hear(h, "\r\nCONNECT\r\n");
    assert_int_equal(h->sent_len, sizeof(h->package));
    assert_memory_equal(h->sent, h->package, sizeof(h->package));
    h->sent_len = 0;
    h->sent[0] = '\0';
    hear(h, reply);
}

static const char *right_reply(const struct host *h)
{
    static char reply[64];
    unsigned sum = 0;

    for (size_t i = 0; i < sizeof(h->package); i += 2)
        sum ^= (unsigned)(h->package[i] << 8 | h->package[i + 1]);
    (void)snprintf(reply, sizeof(reply), "\r\n+QFOTADL: %zu,%x\r\n" OK,
                   sizeof(h->package), sum);
    return reply;
}

static void begin_upload(struct host *h)
{
    setup(h);
    h->config.url = NULL;
    h->config.package_len = sizeof(h->package);
    begin(h);
    confirm(h, ATI("OLD"));
}

static void
a_file_goes_up_after_connect_and_starts_when_it_matches(void **state)
{
    struct host h;

    (void)state;
    begin_upload(&h);
    memcpy(h.package + 60, "+++++", 5);
    upload(&h, right_reply(&h));
    answer(&h, "AT+QFOTADL=1\r", OK);
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_RESET);
    hear(&h, URC("\"RESETTING\"") URC("\"START\"") URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void a_damaged_upload_is_sent_once_more_and_then_given_up(void **state)
{
    struct host h;

    (void)state;
    begin_upload(&h);
    upload(&h, "\r\n+QFOTADL: 3000,1\r\n" OK);
    assert_int_equal(h.warnings, 1U << DFOTA_WARNING_CHECKSUM);
    upload(&h, "\r\n+QFOTADL: 2999,1\r\n" OK);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_UPLOAD, 0);
    assert_int_equal(h.triggers, 0);
}

static void a_bad_config_is_refused(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.url = "http://h/\"\rAT+X";
    assert_int_equal(dfota_session_init(&h.session, &h.config, 0), DFOTA_E_ARG);
    h.config.url = NULL;
    assert_int_equal(dfota_session_init(&h.session, &h.config, 0), DFOTA_E_ARG);
    h.config.url = URL;
    h.config.apn = "a\"b";
    assert_int_equal(dfota_session_init(&h.session, &h.config, 0), DFOTA_E_ARG);
}

static void a_session_fits_into_one_kilobyte(void **state)
{
    (void)state;
    /* Pointers are twice as wide here as on a micro-controller. */
    assert_true(sizeof(struct dfota_session) <= 1024);
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        T(the_documents_example_ends_at_the_new_version),
        T(the_example_may_be_split_anywhere_and_hit_by_noise),
        T(a_spoilt_line_does_not_change_the_verdict),
        T(random_noise_changes_neither_verdict_nor_triggers),
        T(no_command_goes_out_in_dfota_mode),
        T(rdy_in_the_middle_is_not_the_end),
        T(an_update_that_starts_again_has_not_ended),
        T(an_end_without_start_is_stale),
        T(a_missing_end_is_made_good_by_the_banner),
        T(end_0_with_the_old_version_is_a_failure),
        T(end_504_with_the_new_version_is_success_with_a_warning),
        T(another_version_than_the_wanted_is_a_failure),
        T(the_wanted_version_needs_no_update),
        T(a_refused_package_stops_at_once),
        T(a_number_outside_every_table_is_shown_and_stops),
        T(a_network_number_is_tried_three_times_with_longer_pauses),
        T(a_module_number_is_tried_once_more_after_a_reboot),
        T(silence_is_unknown_at_the_deadline_of_its_stage),
        T(a_module_that_never_returns_is_unknown),
        T(the_overall_deadline_ends_an_endless_update),
        T(a_module_that_answers_nothing_is_a_failure_without_trigger),
        T(a_version_without_revision_is_asked_by_cgmr),
        T(garbage_and_another_vendor_are_failures_in_time),
        T(a_running_update_is_followed_and_not_triggered_again),
        T(a_deaf_module_is_heard_out_before_it_is_given_up),
        T(a_host_that_died_goes_on_from_its_record),
        T(an_update_that_ended_while_the_host_was_dead_is_found_out),
        T(a_record_with_any_bit_flipped_is_refused),
        T(busy_follows_the_running_update),
        T(error_to_the_start_waits_once_and_never_triggers_again),
        T(a_wrong_command_stops),
        T(a_urc_between_command_and_ok_is_heard),
        T(a_lost_ok_counts_as_accepted),
        T(a_module_not_registered_fails_before_the_trigger),
        T(the_apn_is_set_when_it_is_another),
        T(the_port_may_vanish_after_the_trigger_and_come_back),
        T(a_line_cut_by_the_vanishing_port_is_no_line),
        T(a_usb_port_that_returns_means_a_normal_boot),
        T(a_port_that_stays_away_is_unknown_after_the_trigger),
        T(a_reboot_in_the_download_is_tried_again),
        T(dfota_mode_wants_115200),
        T(a_file_goes_up_after_connect_and_starts_when_it_matches),
        T(a_damaged_upload_is_sent_once_more_and_then_given_up),
        T(a_bad_config_is_refused),
        T(a_session_fits_into_one_kilobyte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
