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
#define UNANNOUNCED_MS 3000    /* END to the first AT, if no banner comes */

static bool has_flag(const struct dfota_session *s, enum dfota_family_flag flag)
{
    return s->family && (s->family->flags & flag);
}

_Static_assert(DFOTA_AT_REBOOT - DFOTA_AT_START ==
                   DFOTA_TIMEOUT_REBOOT - DFOTA_TIMEOUT_START,
               "the stages from start to reboot have their deadlines in order");

/* How long may this stage be silent? */
static uint32_t stage_ms(const struct dfota_session *s)
{
    uint8_t stage = s->kept.stage;

    if (stage >= DFOTA_AT_REBOOT) {
        if (s->kept.adaptive)
            return UNANNOUNCED_MS;
        if (s->kept.end && has_flag(s, DFOTA_FAMILY_STAYS))
            return AFTER_END_MS;
        stage = DFOTA_AT_REBOOT;
    }
    if (stage < DFOTA_AT_START)
        stage = DFOTA_AT_START;
    if (stage == DFOTA_AT_DOWNLOAD &&
        (s->silent || has_flag(s, DFOTA_FAMILY_NO_PERCENT)))
        return session_ms(s, DFOTA_TIMEOUT_SILENT);
    return s->config->timeout_ms[stage - DFOTA_AT_START + DFOTA_TIMEOUT_START];
}

/* A host that was away does not know the stage: it waits as long as the
 * longest that could be silent now. */
static uint32_t return_ms(const struct dfota_session *s)
{
    if (s->config->usb)
        return AFTER_RETURN_MS;
    if (s->kept.have_end)
        return session_ms(s, DFOTA_TIMEOUT_REBOOT);
    return session_ms(s, s->kept.begun ? DFOTA_TIMEOUT_UPDATE
                                       : DFOTA_TIMEOUT_RESET);
}

/* The number of the last end, in a table of the family if that is known. */
static void end_number(struct dfota_session *s, size_t table_off)
{
    const void *table =
        s->family ? (const uint8_t *)s->family + table_off : NULL;

    session_number(s, dfota_code_find(table, s->kept.end), s->kept.end);
}

static void time_out(struct dfota_session *s)
{
    if (s->doubt) {
        end_number(s, offsetof(struct dfota_family, download));
    } else if (s->booted || s->may_ask || s->kept.have_end) {
        session_go(s, STATE_PROBE);
    } else if (s->refused) {
        /* No URC: it was no busy module. Its number, if it said one. */
        s->kept.triggered = false;
        session_give_up(s, DFOTA_CLASS_COMMAND, DFOTA_MEANING_REFUSED);
        s->verdict.number = s->chat.number;
        s->verdict.has_number = s->chat.number != 0;
    } else {
        session_give_up(s, DFOTA_CLASS_WAIT,
                        s->kept.stage == DFOTA_AT_START
                            ? DFOTA_MEANING_NO_URC
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

    if (why == WHY_TIMER) {
        session_go(s, STATE_PROBE);
    } else if (why == WHY_ENTER) {
        if (s->kept.network_tries > 1)
            ms <<= s->kept.network_tries - 1;
        session_timer(s, ms);
        session_event(s, DFOTA_EVENT_RETRY, (int32_t)ms);
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
        session_timer(s,
                      session_ms(s, s->kept.triggered ? DFOTA_TIMEOUT_AWAY
                                                      : DFOTA_TIMEOUT_REBOOT));
    else if (why == WHY_TIMER)
        session_give_up(s, DFOTA_CLASS_LINE, DFOTA_MEANING_PORT);
}

void session_retry(struct dfota_session *s, enum dfota_class kind,
                   enum dfota_meaning meaning)
{
    s->kept.triggered = false;
    if (++s->kept.network_tries >= MAX_NETWORK_TRIES)
        session_verdict(s, DFOTA_OUTCOME_FAILED, kind, meaning);
    else
        session_go(s, STATE_BACKOFF);
    session_event(s, DFOTA_EVENT_RECORD, 0);
}

void session_number(struct dfota_session *s, const struct dfota_code *code,
                    int32_t number)
{
    bool rebooted = s->booted;

    s->kept.triggered = false;
    if (code->kind == DFOTA_CLASS_NETWORK) {
        session_retry(s, DFOTA_CLASS_NETWORK, DFOTA_MEANING_NONE);
        if (!dfota_session_ended(s))
            return;
    } else if (code->kind == DFOTA_CLASS_MODULE &&
               ++s->kept.module_tries < MAX_MODULE_TRIES) {
        session_go(s, rebooted ? STATE_BACKOFF : STATE_RESTART);
        session_event(s, DFOTA_EVENT_RECORD, 0);
        return;
    }
    session_fail_code(s, code, number);
}

static void done(struct dfota_session *s)
{
    if (!s->kept.have_end && s->kept.begun)
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_NO_END);
    else if (s->kept.have_end && s->kept.end)
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_END);
    session_verdict(s, DFOTA_OUTCOME_DONE, DFOTA_CLASS_UNKNOWN,
                    DFOTA_MEANING_NONE);
}

void session_judge(struct dfota_session *s)
{
    const char *wanted = s->config->to_version;
    bool known = s->old_version[0] != '\0';
    bool same = known && dfota_text_equal(s->version, s->old_version);
    bool good = known ? !same : s->kept.have_end && !s->kept.end;

    if (wanted ? dfota_text_equal(s->version, wanted) : good) {
        done(s);
    } else if (s->kept.have_end && s->kept.end) {
        session_stage(s, DFOTA_AT_UPDATE);
        end_number(s, offsetof(struct dfota_family, update));
    } else if (s->kept.have_end || (known && !same)) {
        s->kept.triggered = false;
        session_verdict(s, DFOTA_OUTCOME_FAILED, DFOTA_CLASS_PACKAGE,
                        same ? DFOTA_MEANING_END_OLD : DFOTA_MEANING_OTHER);
    } else {
        session_retry(s, DFOTA_CLASS_NETWORK, DFOTA_MEANING_EARLY);
    }
}

/* A sign of a running update: from wherever, go and follow it. */
static void attach(struct dfota_session *s, enum dfota_at_stage stage)
{
    s->booted = s->may_ask = s->refused = s->doubt = false;
    if (!s->kept.triggered)
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_ATTACHED);
    s->kept.triggered = true;
    session_stage(s, stage);
    session_go(s, STATE_WATCH);
}

static void hear_percent(struct dfota_session *s, int32_t value)
{
    if ((uint32_t)value > 100 || s->percent == value)
        return;
    s->percent = value;
    session_event(s, DFOTA_EVENT_PERCENT, value);
}

static void hear_download_end(struct dfota_session *s,
                              const struct dfota_urc *urc)
{
    /* Only of a download that can have ended: else it is an old one's. */
    if (s->state != STATE_WATCH || s->kept.stage > DFOTA_AT_RESET ||
        urc->value < 0)
        return;
    if (!urc->value) {
        attach(s, DFOTA_AT_RESET);
        return;
    }
    session_stage(s, DFOTA_AT_DOWNLOAD);
    /* A digit of noise makes a number that no table has: nothing may follow
     * a failed download, so what follows within seconds refutes it. */
    s->doubt = true;
    s->kept.end = urc->value;
    session_timer(s, AFTER_DOWNLOAD_MS);
}

static void hear_update(struct dfota_session *s, const struct dfota_urc *urc)
{
    s->kept.begun = true;
    s->kept.have_end = false;
    attach(s, DFOTA_AT_UPDATE);
    hear_percent(s, urc->value);
    /* No banner will tell that it is over, if END gets lost. */
    s->may_ask = s->kept.adaptive && s->percent == 100;
}

static void hear_end(struct dfota_session *s, const struct dfota_urc *urc)
{
    if (!s->kept.begun || s->state != STATE_WATCH)
        return;
    s->kept.have_end = true;
    s->kept.end = urc->value;
    attach(s, DFOTA_AT_REBOOT);
}

/* The module has started. After END that is the end; in the middle RDY may
 * be the start into DFOTA mode, APP RDY (where a family has it) and what comes
 * after 100 % are not. */
static void hear_banner(struct dfota_session *s, bool last)
{
    if (s->state == STATE_RESTART && !s->chat.busy && last) {
        session_timer(s, AFTER_BANNER_MS);
    } else if (s->state == STATE_WATCH ||
               (s->state == STATE_SCRIPT && s->kept.triggered)) {
        session_go(s, STATE_WATCH);
        s->entered = true;
        s->booted = true;
        s->may_ask = false;
        if (s->kept.have_end)
            session_timer(s, last ? AFTER_BANNER_MS : AFTER_RETURN_MS);
        else if (last &&
                 (has_flag(s, DFOTA_FAMILY_APP_RDY) || s->percent == 100))
            session_timer(s, AFTER_RETURN_MS);
        else
            session_timer(s, session_ms(s, DFOTA_TIMEOUT_UPDATE));
    } else if (s->state > STATE_PROBE && s->state < STATE_WATCH && last &&
               !s->kept.triggered) {
        /* What was set up is lost. Bounded by the overall deadline. */
        session_go(s, STATE_LISTEN);
    }
}

void session_hear(struct dfota_session *s, const struct dfota_urc *urc)
{
    uint8_t kind = urc->kind;

    if (kind == DFOTA_URC_OTHER)
        return;
    if (kind <= DFOTA_URC_APP_RDY) {
        hear_banner(s, kind == DFOTA_URC_APP_RDY ||
                           !has_flag(s, DFOTA_FAMILY_APP_RDY));
    } else if (kind <= DFOTA_URC_DL) {
        if (kind == DFOTA_URC_DL_COAP)
            s->silent = true;
        attach(s, DFOTA_AT_DOWNLOAD);
        hear_percent(s, urc->value);
    } else if (kind == DFOTA_URC_DL_END) {
        hear_download_end(s, urc);
    } else if (kind <= DFOTA_URC_RESETTING) {
        attach(s, DFOTA_AT_RESET);
    } else if (kind <= DFOTA_URC_UPDATING) {
        hear_update(s, urc);
    } else {
        hear_end(s, urc);
    }
}
