/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states in which the host listens: the running update, pauses, the
 * port that has gone; and what becomes of it all.
 */
#include "at/session_priv.h"
#include "at/text.h"
#include "base/err.h"

#define MAX_NETWORK_TRIES 3
#define MAX_MODULE_TRIES 2
#define AFTER_BANNER_MS 2000   /* the last banner to the first AT */
#define AFTER_RETURN_MS 10000  /* a boot with no word of an update */
#define AFTER_DOWNLOAD_MS 5000 /* a failed download: does nothing follow? */
#define AFTER_END_MS 5000      /* a failed END that no reboot follows */

static bool has_flag(const struct dfota_session *s, enum dfota_family_flag flag)
{
    return s->family && (s->family->flags & flag);
}

/* How long may this stage be silent? */
static uint32_t stage_ms(const struct dfota_session *s)
{
    switch (s->stage) {
    case DFOTA_STAGE_DOWNLOAD:
        return session_ms(s, s->silent || has_flag(s, DFOTA_FAMILY_NO_PERCENT)
                                 ? DFOTA_TIMEOUT_SILENT
                                 : DFOTA_TIMEOUT_DOWNLOAD);
    case DFOTA_STAGE_RESET:
        return session_ms(s, DFOTA_TIMEOUT_RESET);
    case DFOTA_STAGE_UPDATE:
        return session_ms(s, DFOTA_TIMEOUT_UPDATE);
    case DFOTA_STAGE_REBOOT:
    case DFOTA_STAGE_CONFIRM:
        return s->end && has_flag(s, DFOTA_FAMILY_STAYS)
                   ? AFTER_END_MS
                   : session_ms(s, DFOTA_TIMEOUT_REBOOT);
    default:
        return session_ms(s, DFOTA_TIMEOUT_START);
    }
}

/* A host that was away does not know the stage: it waits as long as the
 * longest that could be silent now. */
static uint32_t return_ms(const struct dfota_session *s)
{
    if (s->config->usb)
        return AFTER_RETURN_MS;
    if (s->have_end)
        return session_ms(s, DFOTA_TIMEOUT_REBOOT);
    return session_ms(s, s->begun ? DFOTA_TIMEOUT_UPDATE : DFOTA_TIMEOUT_RESET);
}

static void time_out(struct dfota_session *s)
{
    if (s->doubt) {
        session_number(s, s->family ? &s->family->download : NULL, s->end);
    } else if (s->booted || s->may_ask || s->have_end) {
        session_go(s, STATE_PROBE);
    } else if (s->refused) {
        s->triggered = false;
        session_verdict(s, DFOTA_OUTCOME_FAILED, DFOTA_CLASS_COMMAND,
                        DFOTA_MEANING_REFUSED);
    } else {
        session_verdict(s, DFOTA_OUTCOME_UNKNOWN, DFOTA_CLASS_WAIT,
                        s->stage == DFOTA_STAGE_START ? DFOTA_MEANING_NO_URC
                                                      : DFOTA_MEANING_SILENCE);
    }
}

void st_watch(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER)
        session_timer(s, s->may_ask ? return_ms(s) : stage_ms(s));
    else if (why == WHY_TIMER)
        time_out(s);
}

void st_backoff(struct dfota_session *s, enum why why)
{
    uint32_t ms = session_ms(s, DFOTA_TIMEOUT_BACKOFF);
    int32_t seconds = 0;

    if (why == WHY_ENTER) {
        if (s->network_tries > 1)
            ms <<= s->network_tries - 1;
        session_timer(s, ms);
        /* A division would cost more than everything else here. */
        for (; ms >= 1000; ms -= 1000)
            seconds++;
        session_event(s, DFOTA_EVENT_RETRY, seconds);
    } else if (why == WHY_TIMER) {
        session_go(s, STATE_PROBE);
    }
}

/* Ask for a reboot. One that does not know the command is tried as it is. */
void st_restart(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER) {
        session_event(s, DFOTA_EVENT_RETRY, 0);
        session_say(s, "+CFUN=1,1");
    } else if (why == WHY_FINAL) {
        if (s->chat.result == DFOTA_CHAT_OK)
            session_timer(s, session_ms(s, DFOTA_TIMEOUT_REBOOT));
        else
            session_go(s, STATE_PROBE);
    } else if (why == WHY_TIMER) {
        session_go(s, STATE_PROBE);
    }
}

void st_away(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER)
        session_timer(s, session_ms(s, s->triggered ? DFOTA_TIMEOUT_AWAY
                                                    : DFOTA_TIMEOUT_REBOOT));
    else if (why == WHY_TIMER)
        session_give_up(s, DFOTA_CLASS_LINE, DFOTA_MEANING_PORT);
}

void session_retry(struct dfota_session *s, enum dfota_class class,
                   enum dfota_meaning meaning)
{
    s->triggered = false;
    if (++s->network_tries >= MAX_NETWORK_TRIES)
        session_verdict(s, DFOTA_OUTCOME_FAILED, class, meaning);
    else
        session_go(s, STATE_BACKOFF);
    session_event(s, DFOTA_EVENT_RECORD, 0);
}

void session_number(struct dfota_session *s,
                    const struct dfota_code_table *table, int32_t number)
{
    static const struct dfota_code_table none;
    const struct dfota_code *code =
        dfota_code_find(s->family ? table : &none, number);
    bool rebooted = s->booted;

    s->triggered = false;
    if (code->class == DFOTA_CLASS_NETWORK) {
        session_retry(s, DFOTA_CLASS_NETWORK, DFOTA_MEANING_NONE);
        if (!dfota_session_ended(s))
            return;
    } else if (code->class == DFOTA_CLASS_MODULE &&
               ++s->module_tries < MAX_MODULE_TRIES) {
        session_go(s, rebooted ? STATE_BACKOFF : STATE_RESTART);
        session_event(s, DFOTA_EVENT_RECORD, 0);
        return;
    }
    session_fail_code(s, code, number);
}

static void done(struct dfota_session *s)
{
    if (!s->have_end && s->begun)
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_NO_END);
    else if (s->have_end && s->end)
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_END);
    session_verdict(s, DFOTA_OUTCOME_DONE, DFOTA_CLASS_UNKNOWN,
                    DFOTA_MEANING_NONE);
}

void session_judge(struct dfota_session *s)
{
    const char *wanted = s->config->to_version;
    bool known = s->old_version[0] != '\0';
    bool same = known && dfota_text_equal(s->version, s->old_version);
    bool good = known ? !same : s->have_end && !s->end;

    if (wanted ? dfota_text_equal(s->version, wanted) : good) {
        done(s);
    } else if (s->have_end && s->end) {
        session_stage(s, DFOTA_STAGE_UPDATE);
        session_number(s, s->family ? &s->family->update : NULL, s->end);
    } else if (s->have_end || (known && !same)) {
        s->triggered = false;
        session_verdict(s, DFOTA_OUTCOME_FAILED, DFOTA_CLASS_PACKAGE,
                        same ? DFOTA_MEANING_END_OLD : DFOTA_MEANING_OTHER);
    } else {
        session_retry(s, DFOTA_CLASS_NETWORK, DFOTA_MEANING_EARLY);
    }
}

/* A sign of a running update: from wherever, go and follow it. */
static void attach(struct dfota_session *s, enum dfota_stage stage)
{
    s->booted = s->may_ask = s->refused = s->doubt = false;
    if (!s->triggered)
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_ATTACHED);
    s->triggered = true;
    session_stage(s, stage);
    session_go(s, STATE_WATCH);
}

static void hear_percent(struct dfota_session *s, const struct dfota_urc *urc)
{
    if (!urc->has_value || s->percent == urc->value)
        return;
    s->percent = urc->value;
    session_event(s, DFOTA_EVENT_PERCENT, urc->value);
}

static void hear_download_end(struct dfota_session *s,
                              const struct dfota_urc *urc)
{
    /* Only of a download that can have ended: else it is an old one's. */
    if (s->state != STATE_WATCH || s->stage > DFOTA_STAGE_RESET ||
        !urc->has_value)
        return;
    if (!urc->value) {
        attach(s, DFOTA_STAGE_RESET);
        return;
    }
    session_stage(s, DFOTA_STAGE_DOWNLOAD);
    /* A digit of noise makes a number that no table has: nothing may follow
     * a failed download, so what follows within seconds refutes it. */
    s->doubt = true;
    s->end = urc->value;
    session_timer(s, AFTER_DOWNLOAD_MS);
}

static void hear_update(struct dfota_session *s, const struct dfota_urc *urc)
{
    s->begun = true;
    s->have_end = false;
    attach(s, DFOTA_STAGE_UPDATE);
    hear_percent(s, urc);
}

static void hear_end(struct dfota_session *s, const struct dfota_urc *urc)
{
    if (!s->begun || s->state != STATE_WATCH)
        return;
    s->have_end = true;
    s->end = urc->has_value ? urc->value : -1;
    attach(s, DFOTA_STAGE_REBOOT);
}

/* The module has started. After END that is the end; in the middle RDY may
 * be the start into DFOTA mode, APP RDY (where a family has it) is not. */
static void hear_banner(struct dfota_session *s, bool last)
{
    if (s->state == STATE_RESTART && !s->chat.busy && last) {
        session_timer(s, AFTER_BANNER_MS);
    } else if (s->state == STATE_WATCH ||
               (s->state == STATE_TRIGGER && s->triggered)) {
        session_go(s, STATE_WATCH);
        s->entered = true;
        s->booted = true;
        s->may_ask = false;
        if (s->have_end)
            session_timer(s, last ? AFTER_BANNER_MS : AFTER_RETURN_MS);
        else if (has_flag(s, DFOTA_FAMILY_APP_RDY) && last)
            session_timer(s, AFTER_RETURN_MS);
        else
            session_timer(s, session_ms(s, DFOTA_TIMEOUT_UPDATE));
    } else if (s->state > STATE_PROBE && s->state < STATE_TRIGGER && last &&
               !s->triggered) {
        /* What was set up is lost. Bounded by the overall deadline. */
        session_go(s, STATE_LISTEN);
    }
}

void session_hear(struct dfota_session *s, const struct dfota_urc *urc)
{
    switch (urc->kind) {
    case DFOTA_URC_RDY:
        hear_banner(s, !has_flag(s, DFOTA_FAMILY_APP_RDY));
        break;
    case DFOTA_URC_APP_RDY:
        hear_banner(s, true);
        break;
    case DFOTA_URC_DL_COAP:
        s->silent = true;
        attach(s, DFOTA_STAGE_DOWNLOAD);
        break;
    case DFOTA_URC_DL_START:
    case DFOTA_URC_DL:
        attach(s, DFOTA_STAGE_DOWNLOAD);
        hear_percent(s, urc);
        break;
    case DFOTA_URC_DL_END:
        hear_download_end(s, urc);
        break;
    case DFOTA_URC_DELAY:
    case DFOTA_URC_RESETTING:
        attach(s, DFOTA_STAGE_RESET);
        break;
    case DFOTA_URC_START:
    case DFOTA_URC_UPDATING:
        hear_update(s, urc);
        break;
    case DFOTA_URC_END:
        hear_end(s, urc);
        break;
    default:
        break;
    }
}
