/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states in which the host talks: from the first AT to the trigger, and
 * again after the reboot, when the version is asked.
 */
#include "at/session_priv.h"
#include "at/text.h"
#include "base/err.h"

#define PROBE_EVERY_MS 1000
#define NETWORK_EVERY_MS 2000
#define MAX_RESTARTS 10

static void fail(struct dfota_session *s, enum dfota_class class,
                 enum dfota_meaning meaning)
{
    session_verdict(s, DFOTA_OUTCOME_FAILED, class, meaning);
}

/* A command was answered wrongly or not at all: from the start, not for
 * ever. */
static void start_over(struct dfota_session *s, enum dfota_class class,
                       enum dfota_meaning meaning)
{
    if (++s->restarts <= MAX_RESTARTS)
        session_go(s, STATE_PROBE);
    else
        session_give_up(s, class, meaning);
}

/* An update may be running that this host knows nothing of: hear first. */
void st_listen(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER) {
        session_stage(s, DFOTA_STAGE_PROBE);
        s->step = s->listened;
        session_timer(s, session_ms(s, s->listened ? DFOTA_TIMEOUT_UPDATE
                                                   : DFOTA_TIMEOUT_LISTEN));
    } else if (why == WHY_TIMER) {
        session_go(s, STATE_PROBE);
    }
}

static void probe(struct dfota_session *s)
{
    session_say(s, "Q0V1E0");
    s->chat.deadline = s->chat.ready_at + PROBE_EVERY_MS;
}

static void unanswered(struct dfota_session *s)
{
    if (s->triggered) {
        session_verdict(s, DFOTA_OUTCOME_UNKNOWN, DFOTA_CLASS_WAIT,
                        DFOTA_MEANING_NO_RETURN);
    } else if (s->listened) {
        fail(s, DFOTA_CLASS_LINE, DFOTA_MEANING_NO_ANSWER);
    } else {
        /* Deaf modules are also those in DFOTA mode: hear one out. */
        s->listened = true;
        session_go(s, STATE_LISTEN);
    }
}

void st_probe(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER) {
        if (!s->triggered)
            session_stage(s, DFOTA_STAGE_PROBE);
        else if (s->have_end)
            session_stage(s, DFOTA_STAGE_CONFIRM);
        s->until = s->now + session_ms(s, DFOTA_TIMEOUT_COMMAND);
        probe(s);
    } else if (why == WHY_FINAL) {
        if (s->chat.result != DFOTA_CHAT_TIMEOUT)
            session_go(s, STATE_IDENTIFY);
        else if (dfota_clock_passed(s->now, s->until))
            unanswered(s);
        else
            probe(s);
    }
}

/* "Revision: <version>" of ATI, or the bare line of AT+CGMR. The version
 * decides over success, so noise must not have written it: it is asked twice.
 * step 0: ATI; 1: AT+CGMR for want of a Revision; 2, 3: the same again; 4: it
 * was the same; 5: numbers, not words, in +CME ERROR */
static void read_version(struct dfota_session *s, const char *line)
{
    const char *rest = dfota_text_find(line, "Revision:");

    if (rest)
        rest += sizeof("Revision:") - 1;
    else if (s->step & 1)
        rest = line;
    else
        return;
    while (*rest == ' ')
        rest++;
    if (dfota_text_len(rest) >= DFOTA_VERSION_ROOM)
        return;
    if (s->step < 2)
        dfota_text_copy(s->version, DFOTA_VERSION_ROOM, rest);
    else if (dfota_text_equal(rest, s->version))
        s->step = 4;
}

/* The family is known: can it do what was asked? */
static enum dfota_meaning objection(const struct dfota_session *s)
{
    const struct dfota_session_config *config = s->config;

    if (!s->family)
        return DFOTA_MEANING_STRANGER;
    if (!config->url) {
        if (!s->family->upload_max)
            return DFOTA_MEANING_URL_ONLY;
        return config->package_len > s->family->upload_max
                   ? DFOTA_MEANING_PACKAGE_SIZE
                   : DFOTA_MEANING_NONE;
    }
    switch (dfota_family_check_url(s->family, config->url)) {
    case DFOTA_OK:
        return DFOTA_MEANING_NONE;
    case DFOTA_E_UNSUPPORTED:
        return DFOTA_MEANING_SCHEME;
    case DFOTA_E_FULL:
        return DFOTA_MEANING_URL_LENGTH;
    default:
        return DFOTA_MEANING_NO_HOST;
    }
}

static void identified(struct dfota_session *s)
{
    enum dfota_meaning why_not;

    session_event(s, DFOTA_EVENT_VERSION, 0);
    if (s->triggered) {
        session_judge(s);
        return;
    }
    dfota_text_copy(s->old_version, DFOTA_VERSION_ROOM, s->version);
    why_not = objection(s);
    if (why_not == DFOTA_MEANING_STRANGER)
        start_over(s, DFOTA_CLASS_COMMAND, why_not); /* or noise in its name */
    else if (why_not)
        fail(s, DFOTA_CLASS_COMMAND, why_not);
    else if (s->config->to_version &&
             dfota_text_equal(s->version, s->config->to_version))
        session_verdict(s, DFOTA_OUTCOME_DONE, DFOTA_CLASS_UNKNOWN,
                        DFOTA_MEANING_NONE);
    else
        session_go(s, s->config->url ? STATE_NETWORK : STATE_PREPARE);
}

static void answered_identity(struct dfota_session *s)
{
    bool said = s->version[0] != '\0';

    if (s->step == 5) {
        identified(s);
    } else if (s->chat.result != DFOTA_CHAT_OK || (s->step && !said) ||
               s->step == 2 || s->step == 3) {
        start_over(s, DFOTA_CLASS_LINE, DFOTA_MEANING_NO_VERSION);
    } else if (s->step == 4) {
        s->step = 5;
        session_say(s, "+CMEE=1");
    } else {
        s->step = said ? (uint8_t)(s->step + 2) : 1;
        session_say(s, s->step & 1 ? "+CGMR" : "I");
    }
}

void st_identify(struct dfota_session *s, enum why why)
{
    const struct dfota_session_config *config = s->config;

    if (why == WHY_ENTER) {
        if (!s->triggered)
            session_stage(s, DFOTA_STAGE_IDENTIFY);
        s->version[0] = '\0';
        session_say(s, "I");
    } else if (why == WHY_INFO && s->step < 4) {
        if (!s->family)
            s->family = dfota_family_of_model(
                config->families, config->families_count, s->line.text);
        read_version(s, s->line.text);
    } else if (why == WHY_FINAL) {
        answered_identity(s);
    }
}

/* +CREG, +CGREG or +CEREG: <n>,<stat>[..]; 1 is home, 5 is roaming. */
static bool is_registered(const char *line)
{
    const char *rest = dfota_text_find(line, "REG:");
    int32_t stat;

    if (!rest)
        return false;
    rest = dfota_text_int(rest + 4, &stat);
    if (rest && *rest == ',')
        rest = dfota_text_int(rest + 1, &stat);
    return rest && (stat == 1 || stat == 5);
}

static void answered_network(struct dfota_session *s)
{
    if (s->step) {
        session_go(s, STATE_APN);
    } else if (s->chat.result == DFOTA_CHAT_ERROR ||
               s->chat.result == DFOTA_CHAT_NUMBER) {
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_NETWORK);
        session_go(s, STATE_APN);
    } else if (dfota_clock_passed(s->now, s->until)) {
        fail(s, DFOTA_CLASS_NETWORK, DFOTA_MEANING_UNREGISTERED);
    } else {
        session_timer(s, NETWORK_EVERY_MS);
    }
}

void st_network(struct dfota_session *s, enum why why)
{
    switch (why) {
    case WHY_ENTER:
        session_stage(s, DFOTA_STAGE_NETWORK);
        s->until = s->now + session_ms(s, DFOTA_TIMEOUT_START);
        session_say(s, s->family->network);
        break;
    case WHY_INFO:
        if (is_registered(s->line.text))
            s->step = 1;
        break;
    case WHY_FINAL:
        answered_network(s);
        break;
    case WHY_TIMER:
        session_say(s, s->family->network);
        break;
    }
}

/* step 0: asked, and not (yet) the APN that is wanted; 1: it is; 2: set */
static void read_apn(struct dfota_session *s)
{
    const char *apn = s->config->apn;
    const char *rest = dfota_text_find(s->line.text, "_apn\",");
    const char *name;
    int32_t type;

    if (!rest)
        return;
    rest = dfota_text_int(rest + 6, &type);
    if (rest && type >= 0 && type <= 2)
        s->scratch[0] = (char)('0' + type);
    name = rest ? dfota_text_after(rest, ",\"") : DFOTA_MEANING_NONE;
    name = name ? dfota_text_after(name, apn) : DFOTA_MEANING_NONE;
    if (name && *name == '"')
        s->step = 1;
}

static void answered_apn(struct dfota_session *s)
{
    if (s->step == 0) {
        s->step = 2;
        session_send(s, s->family->apn_set, s->scratch, s->config->apn, "\"");
    } else if (s->chat.result == DFOTA_CHAT_TIMEOUT) {
        start_over(s, DFOTA_CLASS_LINE, DFOTA_MEANING_STOPPED);
    } else if (s->step == 2 && s->chat.result != DFOTA_CHAT_OK) {
        fail(s, DFOTA_CLASS_COMMAND, DFOTA_MEANING_APN);
    } else {
        session_go(s, STATE_PREPARE);
    }
}

void st_apn(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER) {
        if (!s->config->apn || !s->family->apn_query) {
            session_go(s, STATE_PREPARE);
            return;
        }
        session_stage(s, DFOTA_STAGE_APN);
        dfota_text_copy(s->scratch, sizeof(s->scratch), "0,\"");
        session_say(s, s->family->apn_query);
    } else if (why == WHY_INFO && s->step == 0) {
        read_apn(s);
    } else if (why == WHY_FINAL) {
        answered_apn(s);
    }
}

/* What it answers does not matter: an old firmware may not know it, and
 * what it prepares shows later. */
void st_prepare(struct dfota_session *s, enum why why)
{
    bool url = s->config->url != NULL;
    const char *command =
        url ? s->family->before_url : s->family->before_upload;

    if (why == WHY_ENTER && command)
        session_say(s, command);
    else if (why == WHY_ENTER || why == WHY_FINAL)
        session_go(s, url ? STATE_TRIGGER : STATE_UPLOAD);
}

static int32_t hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* <size>,<sum>: is it what was sent? */
static bool upload_matches(const struct dfota_session *s)
{
    const char *rest = dfota_text_find(s->line.text, s->family->upload_reply);
    int32_t size;
    uint32_t sum = 0;

    if (rest)
        rest = dfota_text_int(rest + dfota_text_len(s->family->upload_reply),
                              &size);
    if (!rest || (uint32_t)size != s->config->package_len || *rest++ != ',')
        return false;
    for (; hex_digit(*rest) >= 0; rest++)
        sum = sum << 4 | (uint32_t)hex_digit(*rest);
    return sum == s->sum && s->sent == s->config->package_len;
}

/* step 0: until CONNECT; 1: data, and its reply; 2: the reply was right */
static void answered_upload(struct dfota_session *s)
{
    if (s->chat.result == DFOTA_CHAT_CONNECT && s->step == 0) {
        s->step = 1;
        s->data_mode = true;
        dfota_chat_expect(&s->chat, session_ms(s, DFOTA_TIMEOUT_COMMAND),
                          s->now);
    } else if (s->chat.result == DFOTA_CHAT_OK && s->step == 2) {
        session_go(s, STATE_TRIGGER);
    } else if (s->chat.result == DFOTA_CHAT_NUMBER) {
        session_number(s, &s->family->command, s->chat.number);
    } else if (++s->upload_tries <= 1) {
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_CHECKSUM);
        session_go(s, STATE_PREPARE);
    } else {
        fail(s, DFOTA_CLASS_LINE,
             s->step ? DFOTA_MEANING_DAMAGED : DFOTA_MEANING_NO_CONNECT);
    }
}

void st_upload(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER) {
        session_stage(s, DFOTA_STAGE_UPLOAD);
        s->sent = 0;
        s->sum = 0;
        dfota_text_number(s->scratch, s->config->package_len);
        session_send(s, s->family->upload, s->scratch, s->family->upload_end,
                     "");
    } else if (why == WHY_INFO && s->step == 1) {
        if (upload_matches(s))
            s->step = 2;
    } else if (why == WHY_FINAL) {
        answered_upload(s);
    }
}

static void triggered(struct dfota_session *s)
{
    session_stage(s, s->config->url ? DFOTA_STAGE_START : DFOTA_STAGE_RESET);
    session_go(s, STATE_WATCH);
}

static void refused(struct dfota_session *s)
{
    const struct dfota_code *code =
        dfota_code_find(&s->family->command, s->chat.number);

    if (s->chat.result == DFOTA_CHAT_NUMBER &&
        s->chat.number != s->family->busy && code->class != DFOTA_CLASS_BUSY) {
        s->triggered = false;
        session_number(s, &s->family->command, s->chat.number);
        return;
    }
    if (code->class == DFOTA_CLASS_BUSY &&
        s->chat.result == DFOTA_CHAT_NUMBER) {
        session_event(s, DFOTA_EVENT_WARNING, DFOTA_WARNING_ATTACHED);
        s->may_ask = true;
    } else {
        /* A plain ERROR may mean busy too: URCs would tell. */
        s->refused = true;
    }
    session_go(s, STATE_WATCH);
}

void st_trigger(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER) {
        s->begun = s->have_end = s->booted = s->may_ask = s->refused = false;
        s->silent = s->doubt = false;
        /* Before the first byte goes out: a host that dies in this moment
         * must not trigger again. */
        s->triggered = true;
        session_stage(s, DFOTA_STAGE_TRIGGER);
        if (s->config->url)
            session_send(s, "+QFOTADL=\"", s->config->url, "\"", "");
        else
            session_say(s, s->family->local);
    } else if (why == WHY_FINAL) {
        /* No answer may be a lost OK: it counts as accepted. */
        if (s->chat.result == DFOTA_CHAT_ERROR ||
            s->chat.result == DFOTA_CHAT_NUMBER)
            refused(s);
        else
            triggered(s);
    }
}
