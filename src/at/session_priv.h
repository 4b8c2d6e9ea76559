/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the files of the session share; nobody else includes this.
 *
 * Layer: at (freestanding). session.c is the engine, session_steps.c and
 * session_script.c the states in which the host talks, session_watch.c those
 * in which it listens.
 */
#ifndef DFOTA_AT_SESSION_PRIV_H
#define DFOTA_AT_SESSION_PRIV_H

#include "at/clock.h"
#include "at/session.h"

/* An upload's acknowledgements come after so many bytes each. */
#define DFOTA_UPLOAD_BLOCK 1024

enum state {
    STATE_LISTEN,
    STATE_PROBE,
    STATE_IDENTIFY,
    STATE_SCRIPT,
    STATE_WATCH,
    STATE_BACKOFF,
    STATE_RESTART,
    STATE_AWAY,
    STATE_END
};

/* What a state function is called for. */
enum why {
    WHY_ENTER, /* once, first */
    WHY_INFO,  /* session->line.text is information of the command */
    WHY_FINAL, /* session->chat.result */
    WHY_TIMER
};

void st_listen(struct dfota_session *s, enum why why);
void st_probe(struct dfota_session *s, enum why why);
void st_identify(struct dfota_session *s, enum why why);
void st_script(struct dfota_session *s, enum why why);
void st_watch(struct dfota_session *s, enum why why);
void st_backoff(struct dfota_session *s, enum why why);
void st_restart(struct dfota_session *s, enum why why);
void st_away(struct dfota_session *s, enum why why);

/* The next state; its function is called with WHY_ENTER by the engine. */
void session_go(struct dfota_session *s, enum state state);
void session_stage(struct dfota_session *s, enum dfota_at_stage stage);
void session_timer(struct dfota_session *s, uint32_t ms);
void session_event(struct dfota_session *s, enum dfota_event event,
                   int32_t value);

static inline uint32_t session_ms(const struct dfota_session *s,
                                  enum dfota_timeout timeout)
{
    return s->config->timeout_ms[timeout];
}

/* Begin the family's script, or begin it again. */
void session_script(struct dfota_session *s);

/* Send a command that may take --timeout-command. */
void session_say(struct dfota_session *s, const char *command);

/* Wait for a final code, as long as for a command's. */
void session_expect(struct dfota_session *s);

/* The end. */
void session_verdict(struct dfota_session *s, enum dfota_outcome outcome,
                     enum dfota_class kind, enum dfota_meaning meaning);
/* UNKNOWN after a trigger, FAILED before. */
void session_give_up(struct dfota_session *s, enum dfota_class kind,
                     enum dfota_meaning meaning);
void session_fail_code(struct dfota_session *s, const struct dfota_code *code,
                       int32_t number);

/* The module said a number: retry by its class, or end. */
void session_number(struct dfota_session *s, const struct dfota_code *code,
                    int32_t number);

/* Try again after a pause, or fail if that was done often enough. */
void session_retry(struct dfota_session *s, enum dfota_class kind,
                   enum dfota_meaning meaning);

/* The version is known after a trigger: what became of the update? */
void session_judge(struct dfota_session *s);

/* A URC came, in whatever state. */
void session_hear(struct dfota_session *s, const struct dfota_urc *urc);

#endif
