/* SPDX-License-Identifier: Apache-2.0 */
#include "at_world.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs setjmp, stdarg, stddef and stdint first */
#include <cmocka.h>

#define URL "http://host.example:80/up.pkg"
#define GAP_MS 1000       /* between two lines of an update */
#define DATA_MS 10000     /* an upload ends without a byte for so long */
#define MAX_STEPS 2000000 /* of a run: no test gets near */

uint32_t world_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

void world_read_golden(struct world *w)
{
    char path[256];
    char text[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), GOLDEN_AT "/%s.txt", w->golden);
    file = fopen(path, "re");
    if (!file)
        fail_msg("%s", path);
    w->lines_count = 0;
    while (file && fgets(text, sizeof(text), file)) {
        struct world_line *line = &w->lines[w->lines_count];
        char percent[8];
        int used = 0;

        if (text[0] == '#')
            continue;
        text[strcspn(text, "\n")] = '\0';
        assert_int_equal(
            sscanf(text, "%11s %7s %n", line->stage, percent, &used), 2);
        line->percent =
            percent[0] == '-' ? -1 : (int32_t)strtol(percent, NULL, 10);
        (void)snprintf(line->text, sizeof(line->text), "%s", text + used);
        assert_true(++w->lines_count < WORLD_LINES);
    }
    assert_true(w->lines_count > 3);
    (void)fclose(file);
}

void world_set_lines(struct world *w, const char *const *texts, size_t count)
{
    w->lines_count = count + 1;
    assert_true(w->lines_count <= WORLD_LINES);
    for (size_t i = 0; i < count; i++)
        (void)snprintf(w->lines[i + 1].text, sizeof(w->lines[0].text), "%s",
                       texts[i]);
}

static void on_event(void *ctx, enum dfota_event event, int32_t value)
{
    struct world *w = ctx;

    if (event == DFOTA_EVENT_WARNING)
        w->warnings |= 1U << value;
    if (event == DFOTA_EVENT_RETRY)
        w->retries++;
    if (event == DFOTA_EVENT_PERCENT)
        assert_in_range(value, 0, 100);
}

static void read_package(void *ctx, uint32_t off, uint8_t *out, size_t len)
{
    const struct world *w = ctx;

    memcpy(out, w->package + off, len);
}

void world_init(struct world *w, const char *golden, const char *family,
                bool by_file)
{
    memset(w, 0, sizeof(*w));
    w->golden = golden;
    w->family = family;
    w->by_file = by_file;
    w->seed = 1;
    w->old = "OLD";
    w->new = "NEW";
    dfota_session_defaults(&w->config);
    w->config.families = dfota_families;
    w->config.families_count = dfota_families_count;
    w->config.url = by_file ? NULL : URL;
    w->config.package_len = sizeof(w->package);
    w->config.to_version = "NEW";
    w->config.event = on_event;
    w->config.read = read_package;
    w->config.ctx = w;
    w->now = UINT32_MAX - 100000; /* the clock wraps in every run */
    for (size_t i = 0; i < sizeof(w->package); i++)
        w->package[i] = (uint8_t)(i * 7 + i / 256);
    memset(w->package + 1022, '+', 5);
    world_read_golden(w);
}

static void say(struct world *w, const char *text)
{
    int len = snprintf(w->out + w->out_len, sizeof(w->out) - w->out_len,
                       "\r\n%s\r\n", text);

    w->out_len += (size_t)len;
    assert_true(w->out_len < sizeof(w->out));
}

static const char *model(const struct world *w)
{
    if (!strcmp(w->family, "bg96-softbank"))
        return "BG96";
    if (!strcmp(w->family, "mc65"))
        return "Quectel_M65";
    return !strcmp(w->family, "bc26")   ? "Quectel_BC26"
           : !strcmp(w->family, "eg25") ? "EG25"
           : !strcmp(w->family, "bg95") ? "BG95-M3"
                                        : "BG96";
}

static void trigger(struct world *w)
{
    w->triggers++;
    if (w->trigger_says &&
        (!w->trigger_refusals || w->triggers <= w->trigger_refusals)) {
        say(w, w->trigger_says);
        return;
    }
    w->at = 1; /* lines[0] is OK */
    w->line_at = w->now + GAP_MS;
    say(w, "OK");
}

static void begin_data(struct world *w)
{
    const char *size = strchr(w->command, ',');

    w->uploads++;
    if (w->upload_says) {
        say(w, w->upload_says);
        return;
    }
    w->data_mode = true;
    w->data_len = w->data_left = (uint32_t)strtoul(size + 1, NULL, 10);
    w->data_sum = 0;
    w->data_until = w->now + DATA_MS;
    w->data_ack = w->command[w->command_len - 2] == ',' &&
                  w->command[w->command_len - 1] == '1';
    say(w, "CONNECT");
}

static bool has(const struct world *w, const char *text)
{
    return strstr(w->command, text) != NULL;
}

static void identify(struct world *w)
{
    char text[64];

    say(w, "Quectel");
    say(w, model(w));
    (void)snprintf(text, sizeof(text), "Revision: %s",
                   w->updated ? w->new : w->old);
    say(w, text);
}

/* What the module does with a command line. */
static void obey(struct world *w)
{
    if (w->deaf) {
        w->deaf_commands += has(w, "AT");
        return;
    }
    if (has(w, "QFUPL=") || has(w, "\"COM:\"")) {
        begin_data(w);
        return;
    }
    if (has(w, "+QFOTADL=\"") || has(w, "+QFOTADL=1")) {
        trigger(w);
        return;
    }
    if (has(w, "sbfota_delay") && strcmp(w->family, "bg96-softbank") != 0) {
        say(w, "ERROR");
        return;
    }
    if (has(w, "+CFUN=1,1")) {
        w->restarts++;
        say(w, "OK");
        say(w, "RDY");
        say(w, "APP RDY");
        return;
    }
    if (has(w, "REG?"))
        say(w, has(w, "CEREG") ? "+CEREG: 0,1" : "+CGREG: 0,1");
    else if (has(w, "+IPR?"))
        say(w, w->no_banner ? "+IPR: 0" : "+IPR: 115200");
    else if (!strcmp(w->command, "ATI"))
        identify(w);
    else if (!has(w, "AT"))
        return;
    say(w, "OK");
}

static void end_data(struct world *w)
{
    char text[48];

    w->data_mode = false;
    (void)snprintf(text, sizeof(text), "+QFUPL: %u,%x",
                   (unsigned)(w->data_len - w->data_left), w->data_sum);
    say(w, text);
    say(w, "OK");
}

static void take_data(struct world *w, uint8_t byte)
{
    uint32_t place = w->data_len - w->data_left;

    w->data_sum ^= (uint16_t)(place & 1 ? byte : byte << 8);
    w->data_left--;
    w->data_until = w->now + DATA_MS;
    if (w->data_ack && !w->loses_acks && (place + 1) % 1024 == 0)
        w->out[w->out_len++] = 'A';
    if (!w->data_left)
        end_data(w);
}

static void take(struct world *w, uint8_t byte)
{
    if (w->data_mode) {
        take_data(w, byte);
    } else if (byte == '\r') {
        w->command[w->command_len] = '\0';
        obey(w);
        w->command_len = 0;
    } else if (w->command_len < sizeof(w->command) - 1) {
        w->command[w->command_len++] = (char)byte;
    }
}

/* DFOTA mode begins with RESETTING, with the silent reset, or with START. */
static bool goes_deaf(const struct world *w, const char *text)
{
    if (!strcmp(w->family, "bg95"))
        return strstr(text, "RESETTING") != NULL;
    if (!strcmp(w->family, "mc65"))
        return strstr(text, "HTTPEND\",0") || strstr(text, ", \"START\"");
    return strstr(text, "\"START\"") != NULL;
}

/* The next line of the update, its end, its banner. */
static void print_line(struct world *w)
{
    const char *text = w->lines[w->at].text;

    w->line_at = w->now + GAP_MS;
    if (w->at == w->lines_count) {
        w->at = 0;
        if (!w->deaf)
            return;
        w->deaf = false;
        if (w->no_banner)
            return;
        say(w, "RDY");
        if (!strncmp(w->family, "bg9", 3))
            say(w, "APP RDY");
        return;
    }
    say(w, text);
    w->at++;
    if (goes_deaf(w, text) && !strstr(text, "DOWNLOADING"))
        w->deaf = true;
    if (strstr(text, w->updated_by ? w->updated_by : "\"END\""))
        w->updated = true;
    if (!strcmp(text, "RDY"))
        w->deaf = false;
}

static void drain(struct world *w)
{
    uint8_t out[100];
    size_t len;

    while (
        (len = dfota_session_output(&w->session, out, sizeof(out), w->now))) {
        for (size_t i = 0; i < len; i++)
            take(w, out[i]);
    }
}

static void hear(struct world *w, uint8_t byte)
{
    dfota_session_input(&w->session, &byte, 1, w->now);
    drain(w);
}

static void deliver(struct world *w)
{
    char text[sizeof(w->out)];
    size_t len = w->out_len;

    memcpy(text, w->out, len);
    w->out_len = 0;
    for (size_t i = 0; i < len; i++) {
        w->said++;
        if (w->rarity && world_random(&w->seed) % w->rarity == 0) {
            w->insertions++;
            hear(w, (uint8_t)world_random(&w->seed));
        }
        if (w->said == w->cut) {
            w->now += 300;
            dfota_session_tick(&w->session, w->now);
        }
        hear(w, (uint8_t)text[i]);
    }
}

/* On to what happens next: the session's due time or the module's. */
static void wait(struct world *w)
{
    uint32_t due = dfota_session_due(&w->session, w->now);

    if (w->at && w->line_at - w->now < due)
        due = w->line_at - w->now;
    if (w->data_mode && w->data_until - w->now < due)
        due = w->data_until - w->now;
    w->now += due;
    if (w->at && w->line_at == w->now)
        print_line(w);
    if (w->data_mode && w->data_until == w->now)
        end_data(w);
    dfota_session_tick(&w->session, w->now);
    drain(w);
}

static void run_to_verdict(struct world *w)
{
    for (int i = 0; i < MAX_STEPS && !dfota_session_ended(&w->session); i++) {
        if (w->out_len)
            deliver(w);
        else
            wait(w);
    }
    assert_true(dfota_session_ended(&w->session));
}

void world_run(struct world *w)
{
    assert_int_equal(dfota_session_init(&w->session, &w->config, w->now),
                     DFOTA_OK);
    run_to_verdict(w);
}

void world_resume(struct world *w)
{
    struct dfota_at_record record;

    dfota_session_record(&w->session, &record);
    assert_int_equal(dfota_session_init(&w->session, &w->config, w->now),
                     DFOTA_OK);
    assert_int_equal(dfota_session_resume(&w->session, &record), DFOTA_OK);
    run_to_verdict(w);
}
