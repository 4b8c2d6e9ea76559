/* SPDX-License-Identifier: Apache-2.0 */
#include "at_host.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above first */
#include <cmocka.h>

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

void hear_bytes(struct host *h, const void *bytes, size_t len)
{
    dfota_session_input(&h->session, bytes, len, h->now);
    drain(h);
}

void hear(struct host *h, const char *text)
{
    hear_bytes(h, text, strlen(text));
}

/* Let ms pass, from one due time to the next. */
void pass(struct host *h, uint32_t ms)
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
void answer(struct host *h, const char *command, const char *reply)
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

void setup(struct host *h)
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

void begin(struct host *h)
{
    assert_int_equal(dfota_session_init(&h->session, &h->config, h->now),
                     DFOTA_OK);
    drain(h);
}

void identify(struct host *h, const char *ati)
{
    answer(h, PROBE, PROBE OK);
    answer(h, "ATI\r", ati);
    answer(h, "ATI\r", ati);
}

/* From the first byte to the accepted trigger. */
void trigger_with(struct host *h, const char *reply)
{
    identify(h, ATI("OLD"));
    answer(h, "AT+CSQ;+CEREG?;+CGREG?;+COPS?\r",
           "\r\n+CSQ: 26,99\r\n\r\n+CEREG: 0,1\r\n\r\n+CGREG: 0,4\r\n"
           "\r\n+COPS: 0,0,\"Telstra Mobile Telstra\",8\r\n" OK);
    answer(h, "AT+QFOTADL=3,1\r", OK);
    answer(h, TRIGGER, reply);
}

void trigger(struct host *h)
{
    setup(h);
    begin(h);
    trigger_with(h, OK);
}

void confirm(struct host *h, const char *ati)
{
    identify(h, ati);
}

void expect(const struct host *h, enum dfota_outcome outcome,
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
void fail_download(struct host *h, const char *number)
{
    char line[80];

    hear(h, URC("\"HTTPSTART\""));
    (void)snprintf(line, sizeof(line), URC("\"HTTPEND\",%s"), number);
    hear(h, line);
    assert_false(dfota_session_ended(&h->session));
    pass(h, 5000);
}

/* Kill the host: a new session goes on from the record. */
void die_and_resume(struct host *h)
{
    struct dfota_at_record record;

    dfota_session_record(&h->session, &record);
    begin(h);
    assert_int_equal(dfota_session_resume(&h->session, &record), DFOTA_OK);
    h->sent_len = 0;
    h->sent[0] = '\0';
}
