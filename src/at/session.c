/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: events in, state functions called, timers, the verdict.
 */
#include "at/session.h"
#include "at/session_priv.h"
#include "at/text.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

/* An acknowledgement that does not come was lost. The module's upload ends
 * after 10 s without a byte, so one of these leaves room for four more. */
#define UNACKNOWLEDGED_MS 2000

typedef void (*state_fn)(struct dfota_session *s, enum why why);

/* In the order of enum state. STATE_END has none: nothing reaches it. */
static const state_fn states[] = {
    st_listen, st_probe,   st_identify, st_script,
    st_watch,  st_backoff, st_restart,  st_away,
};

void dfota_session_defaults(struct dfota_session_config *config)
{
    static const uint16_t seconds[] = {
#define X(name, text, s) s,
        DFOTA_TIMEOUTS(X)
#undef X
    };

    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < DFOTA_TIMEOUT_COUNT; i++)
        config->timeout_ms[i] = seconds[i] * UINT32_C(1000);
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
    /* An empty line and an idle chat are all zeros, too. */
    session->chat.ready_at = now_ms;
    session->chat.args[DFOTA_ARG_URL] = config->url;
    session->chat.args[DFOTA_ARG_APN] = config->apn;
    session->chat.args[DFOTA_ARG_ACK] = config->flow_control ? "0" : "1";
    if (!config->url && (!config->read || !config->package_len))
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
        heard |= urc.kind != DFOTA_URC_OTHER;
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
        if (session->data_mode && in[i] == 'A')
            session->window += DFOTA_UPLOAD_BLOCK;
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
        session_give_up(session,
                        session->kept.triggered ? DFOTA_CLASS_WAIT
                                                : DFOTA_CLASS_LATER,
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

static size_t output_data(struct dfota_session *s, uint8_t *out, size_t room)
{
    uint32_t total = s->config->package_len;
    uint32_t end = dfota_min_u32(total, s->window);
    uint32_t len = dfota_min_u32(end - s->sent, (uint32_t)room);

    if (!len)
        return 0;
    s->config->read(s->config->ctx, s->sent, out, len);
    while (len > 1 && s->sent + len < total && out[len - 1] == '+')
        len--;
    s->sum = add_to_sum(s->sum, s->sent, out, len);
    s->sent += len;
    session_expect(s);
    session_timer(s, UNACKNOWLEDGED_MS);
    session_event(s, DFOTA_EVENT_SENT, 0);
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
    session_go(session, session->kept.triggered ? STATE_WATCH : STATE_LISTEN);
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

void session_stage(struct dfota_session *s, enum dfota_at_stage stage)
{
    if (s->kept.stage == stage)
        return;
    s->kept.stage = (uint8_t)stage;
    s->percent = DFOTA_SESSION_NO_PERCENT;
    session_event(s, DFOTA_EVENT_STAGE, (int32_t)stage);
    /* An upload that nobody ends takes the next host's commands for data. */
    if (s->kept.triggered || stage == DFOTA_AT_UPLOAD)
        session_event(s, DFOTA_EVENT_RECORD, 0);
}

void session_timer(struct dfota_session *s, uint32_t ms)
{
    s->timer_at = s->now + ms;
    s->timer_on = true;
}

void session_say(struct dfota_session *s, const char *command)
{
    dfota_chat_send(&s->chat, command, session_ms(s, DFOTA_TIMEOUT_COMMAND),
                    s->now);
}

void session_expect(struct dfota_session *s)
{
    dfota_chat_expect(&s->chat, session_ms(s, DFOTA_TIMEOUT_COMMAND), s->now);
}

void session_verdict(struct dfota_session *s, enum dfota_outcome outcome,
                     enum dfota_class kind, enum dfota_meaning meaning)
{
    session_go(s, STATE_END);
    s->entered = true;
    s->verdict.stage = s->kept.stage;
    s->verdict.kind = (uint8_t)kind;
    s->verdict.meaning = (uint8_t)meaning;
    s->verdict.outcome = (uint8_t)outcome;
}

void session_give_up(struct dfota_session *s, enum dfota_class kind,
                     enum dfota_meaning meaning)
{
    session_verdict(
        s, s->kept.triggered ? DFOTA_OUTCOME_UNKNOWN : DFOTA_OUTCOME_FAILED,
        kind, meaning);
}

void session_fail_code(struct dfota_session *s, const struct dfota_code *code,
                       int32_t number)
{
    session_verdict(s, DFOTA_OUTCOME_FAILED, (enum dfota_class)code->kind,
                    (enum dfota_meaning)code->meaning);
    s->verdict.has_number = true;
    s->verdict.number = number;
}

uint32_t dfota_session_rate(const struct dfota_session *session)
{
    const struct dfota_family *family = session->family;

    if (family && !(family->flags & DFOTA_FAMILY_115200) &&
        !session->kept.adaptive)
        return 0;
    if (session->state == STATE_LISTEN)
        return session->step ? 115200 : 0;
    if (session->state != STATE_WATCH)
        return 0;
    return session->kept.stage == DFOTA_AT_RESET ||
                   session->kept.stage == DFOTA_AT_UPDATE
               ? 115200
               : 0;
}
