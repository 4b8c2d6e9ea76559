/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states in which the host talks: from the first AT to the trigger, and
 * again after the reboot, when the version is asked.
 */
#include "at/session_priv.h"
#include "at/text.h"
#include "base/err.h"
#include "base/mem.h"

#define PROBE_EVERY_MS 1000
#define MAX_RESTARTS 10

/* A command was answered wrongly or not at all: from the start, not for
 * ever. */
static void start_over(struct dfota_session *s, enum dfota_class kind,
                       enum dfota_meaning meaning)
{
    if (++s->restarts <= MAX_RESTARTS)
        session_go(s, STATE_PROBE);
    else
        session_give_up(s, kind, meaning);
}

/* An update may be running that this host knows nothing of: hear first. */
void st_listen(struct dfota_session *s, enum why why)
{
    /* The host died in an upload: its module takes commands for data until
     * it has heard nothing for 10 s. */
    bool uploading = s->kept.stage == DFOTA_AT_UPLOAD;

    if (why == WHY_ENTER) {
        session_stage(s, DFOTA_AT_PROBE);
        s->step = s->listened;
        session_timer(s, session_ms(s, s->listened ? DFOTA_TIMEOUT_UPDATE
                                       : uploading ? DFOTA_TIMEOUT_COMMAND
                                                   : DFOTA_TIMEOUT_LISTEN));
    } else if (why == WHY_TIMER) {
        session_go(s, STATE_PROBE);
    }
}

/* Echo off, answers in words, numbers in +CME ERROR. */
/* Echo off, answers in words, numbers in +CME ERROR. */
static void probe(struct dfota_session *s)
{
    dfota_chat_send(&s->chat, "Q0V1E0+CMEE=1", PROBE_EVERY_MS, s->now);
}

static void unanswered(struct dfota_session *s)
{
    if (s->kept.triggered) {
        session_give_up(s, DFOTA_CLASS_WAIT, DFOTA_MEANING_NO_RETURN);
    } else if (s->listened) {
        session_give_up(s, DFOTA_CLASS_LINE, DFOTA_MEANING_NO_ANSWER);
    } else {
        /* Deaf modules are also those in DFOTA mode: hear one out. */
        s->listened = true;
        session_go(s, STATE_LISTEN);
    }
}

void st_probe(struct dfota_session *s, enum why why)
{
    if (why == WHY_ENTER) {
        if (!s->kept.triggered)
            session_stage(s, DFOTA_AT_PROBE);
        else if (s->kept.have_end)
            session_stage(s, DFOTA_AT_CONFIRM);
        /* A module without a banner is asked while it still boots. */
        s->until =
            s->now + session_ms(s, s->kept.adaptive ? DFOTA_TIMEOUT_REBOOT
                                                    : DFOTA_TIMEOUT_COMMAND);
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
 * was the same */
static void read_version(struct dfota_session *s, const char *line)
{
    const char *rest = dfota_text_past(line, "Revision:");
    size_t len;

    if (!rest && s->step & 1)
        rest = line;
    if (!rest)
        return;
    while (*rest == ' ')
        rest++;
    len = dfota_text_len(rest);
    if (len >= DFOTA_VERSION_ROOM)
        return;
    if (s->step < 2)
        memcpy(s->version, rest, len + 1);
    else if (dfota_text_equal(rest, s->version))
        s->step = 4;
}

/* The family is known: can it do what was asked? */
static enum dfota_meaning objection(const struct dfota_session *s)
{
    const struct dfota_session_config *config = s->config;
    const struct dfota_family *family = s->family;

    if (!family)
        return DFOTA_MEANING_STRANGER;
    if (!config->url) {
        if (!family->file_steps)
            return DFOTA_MEANING_URL_ONLY;
        return config->package_len > family->upload_max
                   ? DFOTA_MEANING_PACKAGE_SIZE
                   : DFOTA_MEANING_NONE;
    }
    return dfota_family_check_url(family, config->url);
}

static void identified(struct dfota_session *s)
{
    enum dfota_meaning why_not;

    session_event(s, DFOTA_EVENT_VERSION, 0);
    if (s->kept.triggered) {
        session_judge(s);
        return;
    }
    memcpy(s->old_version, s->version, DFOTA_VERSION_ROOM);
    why_not = objection(s);
    if (why_not == DFOTA_MEANING_STRANGER)
        start_over(s, DFOTA_CLASS_COMMAND, why_not); /* or noise in its name */
    else if (why_not)
        session_give_up(s, DFOTA_CLASS_COMMAND, why_not);
    else if (s->config->to_version &&
             dfota_text_equal(s->version, s->config->to_version))
        session_verdict(s, DFOTA_OUTCOME_DONE, DFOTA_CLASS_UNKNOWN,
                        DFOTA_MEANING_NONE);
    else
        session_script(s);
}

static void answered_identity(struct dfota_session *s)
{
    bool said = s->version[0] != '\0';

    if (s->chat.result != DFOTA_CHAT_OK || (s->step && !said) || s->step == 2 ||
        s->step == 3) {
        start_over(s, DFOTA_CLASS_LINE, DFOTA_MEANING_NO_VERSION);
    } else if (s->step == 4) {
        identified(s);
    } else {
        s->step = said ? (uint8_t)(s->step + 2) : 1;
        session_say(s, s->step & 1 ? "+CGMR" : "I");
    }
}

void st_identify(struct dfota_session *s, enum why why)
{
    const struct dfota_session_config *config = s->config;

    if (why == WHY_ENTER) {
        if (!s->kept.triggered)
            session_stage(s, DFOTA_AT_IDENTIFY);
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
