/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: events in, state functions called, timers, the verdict.
 */
#include "at/session.h"
#include "at/session_priv.h"
#include "at/text.h"
#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"

typedef void (*state_fn)(struct dfota_session *s, enum why why);

/* In the order of enum state. STATE_END has none: nothing reaches it. */
static const state_fn states[] = {
    st_listen, st_probe,   st_identify, st_network, st_apn,     st_prepare,
    st_upload, st_trigger, st_watch,    st_backoff, st_restart, st_away,
};

void dfota_session_defaults(struct dfota_session_config *config)
{
    static const uint32_t defaults[] = {
#define X(name, text, ms) ms,
        DFOTA_TIMEOUTS(X)
#undef X
    };

    memset(config, 0, sizeof(*config));
    memcpy(config->timeout_ms, defaults, sizeof(defaults));
}

int dfota_session_init(struct dfota_session *session,
                       const struct dfota_session_config *config,
                       uint32_t now_ms)
{
    memset(session, 0, sizeof(*session));
    session->config = config;
    session->family = config->family;
    session->now = now_ms;
    session->overall_at = now_ms + config->timeout_ms[DFOTA_TIMEOUT_OVERALL];
    session->percent = DFOTA_SESSION_NO_PERCENT;
    dfota_line_init(&session->line);
    dfota_chat_init(&session->chat, now_ms);
    if (!config->url && (!config->read || !config->package_len ||
                         config->package_len > DFOTA_PACKAGE_MAX))
        return DFOTA_E_ARG;
    if ((config->url && dfota_family_check_text(config->url)) ||
        (config->apn && dfota_family_check_text(config->apn)))
        return DFOTA_E_ARG;
    return DFOTA_OK;
}

/* Let new states begin. A state may end in its beginning; the chain of
 * those is short, and the bound only keeps a mistake from hanging. */
static void settle(struct dfota_session *s)
{
    for (int i = 0; i < 8 && !s->entered && s->state != STATE_END; i++) {
        s->entered = true;
        states[s->state](s, WHY_ENTER);
    }
}

static void call(struct dfota_session *s, enum why why)
{
    if (s->state == STATE_END)
        return;
    states[s->state](s, why);
    settle(s);
}

static void take_line(struct dfota_session *s)
{
    const char *text = s->line.text;
    struct dfota_urc urc;
    bool heard = false;
    int rc;

    while ((text = dfota_urc_next(text, &urc)) && s->state != STATE_END) {
        heard = true;
        session_hear(s, &urc);
        settle(s);
    }
    if (heard)
        return;
    rc = dfota_chat_line(&s->chat, s->line.text, s->now);
    if (rc != DFOTA_OK)
        call(s, rc == DFOTA_DONE ? WHY_FINAL : WHY_INFO);
}

void dfota_session_input(struct dfota_session *session, const uint8_t *in,
                         size_t len, uint32_t now_ms)
{
    dfota_session_tick(session, now_ms);
    for (size_t i = 0; i < len && session->state != STATE_END; i++) {
        if (dfota_line_feed(&session->line, in[i]) == DFOTA_DONE)
            take_line(session);
    }
}

void dfota_session_tick(struct dfota_session *session, uint32_t now_ms)
{
    session->now = now_ms;
    settle(session);
    if (session->state == STATE_END)
        return;
    if (dfota_clock_passed(now_ms, session->overall_at)) {
        session_give_up(
            session, session->triggered ? DFOTA_CLASS_WAIT : DFOTA_CLASS_LATER,
            DFOTA_MEANING_OVERALL);
        return;
    }
    if (dfota_chat_tick(&session->chat, now_ms) == DFOTA_DONE)
        call(session, WHY_FINAL);
    if (session->timer_on && dfota_clock_passed(now_ms, session->timer_at)) {
        session->timer_on = false;
        call(session, WHY_TIMER);
    }
}

static uint16_t add_to_sum(uint16_t sum, uint32_t off, const uint8_t *data,
                           size_t len)
{
    /* XOR of big-endian 16-bit words; an odd last byte is a high byte. */
    for (size_t i = 0; i < len; i++)
        sum ^= (uint16_t)((off + i) & 1 ? data[i] : data[i] << 8);
    return sum;
}

/* Without a division; DFOTA_PACKAGE_MAX keeps the products in 32 bits. */
static void show_upload(struct dfota_session *s, uint32_t total)
{
    int32_t percent = s->percent < 0 ? 0 : s->percent;

    while ((uint32_t)(percent + 1) * total <= s->sent * 100)
        percent++;
    if (percent == s->percent)
        return;
    s->percent = percent;
    session_event(s, DFOTA_EVENT_PERCENT, percent);
}

static size_t output_data(struct dfota_session *s, uint8_t *out, size_t room)
{
    uint32_t total = s->config->package_len;
    uint32_t len = dfota_min_u32(total - s->sent, (uint32_t)room);

    if (!len)
        return 0;
    s->config->read(s->config->ctx, s->sent, out, len);
    while (len > 1 && s->sent + len < total && out[len - 1] == '+')
        len--;
    s->sum = add_to_sum(s->sum, s->sent, out, len);
    s->sent += len;
    dfota_chat_expect(&s->chat, session_ms(s, DFOTA_TIMEOUT_COMMAND), s->now);
    show_upload(s, total);
    return len;
}

size_t dfota_session_output(struct dfota_session *session, uint8_t *out,
                            size_t room, uint32_t now_ms)
{
    dfota_session_tick(session, now_ms);
    if (session->state == STATE_END || session->state == STATE_AWAY)
        return 0;
    if (session->data_mode)
        return output_data(session, out, room);
    return dfota_chat_output(&session->chat, out, room, now_ms);
}

static uint32_t sooner(uint32_t due, uint32_t when, uint32_t now)
{
    return dfota_clock_passed(now, when) ? 0 : dfota_min_u32(due, when - now);
}

uint32_t dfota_session_due(const struct dfota_session *session, uint32_t now_ms)
{
    uint32_t due = sooner(UINT32_MAX, session->overall_at, now_ms);

    if (!session->entered)
        return 0;
    if (session->timer_on)
        due = sooner(due, session->timer_at, now_ms);
    if (!session->chat.busy)
        return due;
    if (!dfota_clock_passed(now_ms, session->chat.ready_at))
        due = sooner(due, session->chat.ready_at, now_ms);
    return sooner(due, session->chat.deadline, now_ms);
}

void dfota_session_port_lost(struct dfota_session *session, uint32_t now_ms)
{
    session->now = now_ms;
    if (session->state == STATE_END || session->state == STATE_AWAY)
        return;
    dfota_line_init(&session->line);
    session_go(session, STATE_AWAY);
    settle(session);
}

void dfota_session_port_back(struct dfota_session *session, uint32_t now_ms)
{
    session->now = now_ms;
    if (session->state != STATE_AWAY)
        return;
    session->may_ask = true;
    session_go(session, session->triggered ? STATE_WATCH : STATE_LISTEN);
    settle(session);
}

void session_go(struct dfota_session *s, enum state state)
{
    dfota_chat_cancel(&s->chat, s->now);
    s->state = (uint8_t)state;
    s->step = 0;
    s->entered = false;
    s->timer_on = false;
    s->data_mode = false;
}

void session_event(struct dfota_session *s, enum dfota_event event,
                   int32_t value)
{
    if (s->config->event)
        s->config->event(s->config->ctx, event, value);
}

void session_stage(struct dfota_session *s, enum dfota_stage stage)
{
    if (s->stage == stage)
        return;
    s->stage = (uint8_t)stage;
    s->percent = DFOTA_SESSION_NO_PERCENT;
    session_event(s, DFOTA_EVENT_STAGE, (int32_t)stage);
    if (s->triggered)
        session_event(s, DFOTA_EVENT_RECORD, 0);
}

void session_timer(struct dfota_session *s, uint32_t ms)
{
    s->timer_at = s->now + ms;
    s->timer_on = true;
}

uint32_t session_ms(const struct dfota_session *s, enum dfota_timeout timeout)
{
    return s->config->timeout_ms[timeout];
}

void session_send(struct dfota_session *s, const char *a, const char *b,
                  const char *c, const char *d)
{
    const char *const parts[DFOTA_CHAT_PARTS] = {a, b, c, d};

    dfota_chat_send(&s->chat, parts, session_ms(s, DFOTA_TIMEOUT_COMMAND),
                    s->now);
}

void session_say(struct dfota_session *s, const char *command)
{
    session_send(s, command, "", "", "");
}

void session_verdict(struct dfota_session *s, enum dfota_outcome outcome,
                     enum dfota_class class, enum dfota_meaning meaning)
{
    session_go(s, STATE_END);
    s->entered = true;
    s->verdict.stage = s->stage;
    s->verdict.class = (uint8_t) class;
    s->verdict.meaning = (uint8_t)meaning;
    s->verdict.outcome = (uint8_t)outcome;
}

void session_give_up(struct dfota_session *s, enum dfota_class class,
                     enum dfota_meaning meaning)
{
    session_verdict(s,
                    s->triggered ? DFOTA_OUTCOME_UNKNOWN : DFOTA_OUTCOME_FAILED,
                    class, meaning);
}

void session_fail_code(struct dfota_session *s, const struct dfota_code *code,
                       int32_t number)
{
    session_verdict(s, DFOTA_OUTCOME_FAILED, (enum dfota_class)code->class,
                    (enum dfota_meaning)code->meaning);
    s->verdict.has_number = true;
    s->verdict.number = number;
}

uint32_t dfota_session_rate(const struct dfota_session *session)
{
    bool deaf = session->state == STATE_LISTEN && session->step;
    bool watch =
        session->state == STATE_WATCH && (session->stage == DFOTA_STAGE_RESET ||
                                          session->stage == DFOTA_STAGE_UPDATE);

    if (session->family && !(session->family->flags & DFOTA_FAMILY_115200))
        return 0;
    return deaf || watch ? 115200 : 0;
}
