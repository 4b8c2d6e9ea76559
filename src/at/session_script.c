/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The family's script: network, APN, upload, trigger, one command after the
 * other. A function for each kind of step, step.h.
 */
#include "at/session_priv.h"
#include "at/step.h"
#include "at/text.h"
#include "base/err.h"

#define NETWORK_EVERY_MS 2000

void session_script(struct dfota_session *s)
{
    s->script = s->config->url ? s->family->url_steps : s->family->file_steps;
    session_go(s, STATE_SCRIPT);
}

void st_script(struct dfota_session *s, enum why why)
{
    s->script->run(s, (uint8_t)why);
}

static void next(struct dfota_session *s)
{
    s->script++;
    session_go(s, STATE_SCRIPT);
}

static void begin(struct dfota_session *s, enum dfota_at_stage stage)
{
    session_stage(s, stage);
    session_say(s, s->script->command);
}

static void set_number(struct dfota_session *s, uint32_t number)
{
    s->chat.args[DFOTA_ARG_NUMBER] = dfota_text_number(s->number, number);
}

void dfota_step_try(struct dfota_session *s, uint8_t why)
{
    if (why == WHY_ENTER)
        begin(s, DFOTA_AT_PREPARE);
    else if (why == WHY_FINAL)
        next(s);
}

void dfota_step_long(struct dfota_session *s, uint8_t why)
{
    dfota_step_try(s, why);
    if (why == WHY_ENTER)
        dfota_chat_send(&s->chat, s->script->command,
                        session_ms(s, DFOTA_TIMEOUT_START), s->now);
}

void dfota_step_rate(struct dfota_session *s, uint8_t why)
{
    int32_t rate;

    if (why == WHY_INFO &&
        dfota_text_int(dfota_text_past(s->line.text, "IPR:"), &rate))
        s->kept.adaptive = !rate;
    dfota_step_try(s, why);
}

void dfota_step_softbank(struct dfota_session *s, uint8_t why)
{
    const struct dfota_session_config *config = s->config;
    const struct dfota_family *other;

    if (why == WHY_ENTER && !config->family) {
        session_say(s, s->script->command);
    } else if (why == WHY_ENTER ||
               (why == WHY_FINAL && s->chat.result != DFOTA_CHAT_OK)) {
        next(s);
    } else if (why == WHY_FINAL) {
        other = dfota_family_named(config->families, config->families_count,
                                   "bg96-softbank");
        if (!other) {
            next(s);
            return;
        }
        s->family = other;
        session_event(s, DFOTA_EVENT_VERSION, 0);
        session_script(s);
    }
}

/* +CREG, +CGREG or +CEREG: <n>,<stat>[..]; 1 is home, 5 is roaming. */
static bool is_registered(const char *line)
{
    int32_t stat;
    const char *rest = dfota_text_int(dfota_text_past(line, "REG:"), &stat);

    if (rest && *rest == ',')
        rest = dfota_text_int(rest + 1, &stat);
    return rest && (stat == 1 || stat == 5);
}

static void answered_network(struct dfota_session *s)
{
    if (!s->step && (s->chat.result == DFOTA_CHAT_ERROR ||
                     s->chat.result == DFOTA_CHAT_NUMBER)) {
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_NETWORK);
        s->step = 1;
    }
    if (s->step)
        next(s);
    else if (dfota_clock_passed(s->now, s->until))
        session_give_up(s, DFOTA_CLASS_NETWORK, DFOTA_MEANING_UNREGISTERED);
    else
        session_timer(s, NETWORK_EVERY_MS);
}

/* step 1: it is registered, or cannot say */
void dfota_step_network(struct dfota_session *s, uint8_t why)
{
    if (why == WHY_ENTER)
        s->until = s->now + session_ms(s, DFOTA_TIMEOUT_START);
    if (why == WHY_ENTER || why == WHY_TIMER)
        begin(s, DFOTA_AT_NETWORK);
    else if (why == WHY_FINAL)
        answered_network(s);
    else if (is_registered(s->line.text))
        s->step = 1;
}

/* A step that is there for an APN only. returns whether to go on */
static bool with_apn(struct dfota_session *s, uint8_t why)
{
    if (why == WHY_ENTER && !s->config->apn)
        next(s);
    else if (why == WHY_ENTER)
        begin(s, DFOTA_AT_APN);
    return why != WHY_ENTER;
}

/* <type>,"<apn>".. of the APN that the module has. step 1: it is the right
 * one: no need to write it to the module's flash again */
void dfota_step_ip_type(struct dfota_session *s, uint8_t why)
{
    const char *rest;
    int32_t type;

    if (!with_apn(s, why)) {
        set_number(s, 0);
    } else if (why == WHY_FINAL) {
        s->script += s->step;
        next(s);
    } else {
        rest = dfota_text_int(dfota_text_past(s->line.text, "_apn\","), &type);
        if (rest && type >= 0 && type <= 2)
            set_number(s, (uint32_t)type);
        rest = dfota_text_after(dfota_text_after(rest, ",\""), s->config->apn);
        if (rest && *rest == '"')
            s->step = 1;
    }
}

void dfota_step_apn(struct dfota_session *s, uint8_t why)
{
    if (!with_apn(s, why) || why != WHY_FINAL)
        return;
    if (s->chat.result == DFOTA_CHAT_OK)
        next(s);
    else
        session_give_up(s, DFOTA_CLASS_COMMAND, DFOTA_MEANING_APN);
}

void dfota_step_apn_try(struct dfota_session *s, uint8_t why)
{
    if (!with_apn(s, why) || why != WHY_FINAL)
        return;
    if (s->chat.result != DFOTA_CHAT_OK)
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_APN);
    next(s);
}

/* An update runs, or may run: nothing was started. */
static void follow(struct dfota_session *s, bool sure)
{
    s->kept.triggered = true;
    s->may_ask = sure;
    s->refused = !sure;
    if (sure)
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_ATTACHED);
    session_go(s, STATE_WATCH);
}

/* A number instead of CONNECT, or of the trigger's OK. */
static void refused(struct dfota_session *s,
                    const struct dfota_code_table *otherwise)
{
    int32_t number = s->chat.number;
    const struct dfota_code *code =
        dfota_code_find(&s->family->command, number);

    if (code->kind == DFOTA_CLASS_UNKNOWN)
        code = dfota_code_find(otherwise, number);
    if (code->kind == DFOTA_CLASS_BUSY || code->kind == DFOTA_CLASS_MAYBE)
        follow(s, code->kind == DFOTA_CLASS_BUSY);
    else
        session_number(s, code, number);
}

/* +QFUPL: or +QFOTADL: <size>,<sum>: is it what was sent? */
static bool upload_matches(const struct dfota_session *s)
{
    const char *rest = dfota_text_past(s->line.text, "+QF");
    int32_t size;

    rest = dfota_text_int(dfota_text_past(rest, ":"), &size);
    rest = dfota_text_past(rest, ",");
    while (rest && *rest == ' ')
        rest++;
    return rest && (uint32_t)size == s->config->package_len &&
           s->sent == (uint32_t)size && dfota_text_hex(rest) == s->sum;
}

static void begin_upload(struct dfota_session *s)
{
    s->sent = 0;
    s->sum = 0;
    s->window = s->family->flags & DFOTA_FAMILY_ACK && !s->config->flow_control
                    ? DFOTA_UPLOAD_BLOCK
                    : s->config->package_len;
    set_number(s, s->config->package_len);
    begin(s, DFOTA_AT_UPLOAD);
}

static void answered_upload(struct dfota_session *s)
{
    if (s->chat.result == DFOTA_CHAT_CONNECT && s->step == 0) {
        s->step = 1;
        s->data_mode = true;
        session_expect(s);
    } else if (s->chat.result == DFOTA_CHAT_OK && s->step == 2) {
        next(s);
    } else if (s->chat.result == DFOTA_CHAT_NUMBER) {
        refused(s, s->family->upload);
    } else if (++s->upload_tries <= 1) {
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_CHECKSUM);
        session_script(s);
    } else {
        session_give_up(s, DFOTA_CLASS_LINE,
                        s->step ? DFOTA_MEANING_DAMAGED
                                : DFOTA_MEANING_NO_CONNECT);
    }
}

/* step 0: until CONNECT; 1: data, and its reply; 2: the reply was right */
void dfota_step_upload(struct dfota_session *s, uint8_t why)
{
    if (why == WHY_ENTER)
        begin_upload(s);
    else if (why == WHY_FINAL)
        answered_upload(s);
    else if (why == WHY_TIMER)
        s->window += DFOTA_UPLOAD_BLOCK; /* its acknowledgement was lost */
    else if (s->step == 1 && upload_matches(s))
        s->step = 2;
}

static void answered_trigger(struct dfota_session *s)
{
    if (s->chat.result == DFOTA_CHAT_NUMBER) {
        refused(s, NULL);
    } else if (s->chat.result == DFOTA_CHAT_ERROR) {
        follow(s, false); /* may mean busy: URCs would tell */
    } else {
        /* No answer may be a lost OK: it counts as accepted. */
        session_stage(s, s->config->url ? DFOTA_AT_START : DFOTA_AT_RESET);
        session_go(s, STATE_WATCH);
    }
}

void dfota_step_trigger(struct dfota_session *s, uint8_t why)
{
    if (why == WHY_ENTER) {
        s->kept.begun = s->kept.have_end = false;
        s->booted = s->may_ask = s->refused = s->silent = s->doubt = false;
        s->chat.number = 0;
        /* Before the first byte goes out: a host that dies in this moment
         * must not trigger again. */
        s->kept.triggered = true;
        begin(s, DFOTA_AT_TRIGGER);
    } else if (why == WHY_FINAL) {
        answered_trigger(s);
    }
}
