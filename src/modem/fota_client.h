/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The calls of a polling module to its FOTA server: token, plan, result.
 *
 * Layer: modem. One call at a time; done() comes from the loop, never from
 * inside. Tokens are renewed on the way; a server that does not answer is
 * tried as often as the dialect's timing says.
 *
 * source   docs/modules/polling.md
 */
#ifndef DFOTA_MODEM_FOTA_CLIENT_H
#define DFOTA_MODEM_FOTA_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "link/link.h"
#include "modem/dialect.h"
#include "os/buffer.h"

enum { FOTA_TOKEN_MAX = 2048, FOTA_ANSWER_MAX = 65536, FOTA_CALL_MAX = 4096 };

enum fota_call {
    FOTA_CALL_NONE,
    FOTA_CALL_REFRESH, /* token, by the refresh token */
    FOTA_CALL_LOGIN,   /* token, by name and password */
    FOTA_CALL_PLAN,
    FOTA_CALL_RESULT,
};

/* What the server wants installed. */
struct fota_plan {
    char plan[128], attempt[128], url[704];
    bool has_digest;
    uint8_t sha256[LINK_DIGEST_LEN];
};

struct fota_client {
    struct module *m;
    struct link *link;
    uv_timer_t timer; /* pauses; done() out of the link's callbacks */
    enum fota_call call, goal;
    uint8_t tries;
    bool renewed; /* a 812 was answered by a new token already */
    bool over;
    int status;
    uint16_t number; /* the verdict */
    char access_token[FOTA_TOKEN_MAX];
    char report[512]; /* JSON of the result */
    struct buffer answer;
    struct fota_plan plan;
    char *ca;
    /* number: 0, or what HTTPEND says. plan: with 0, of ask() only */
    void (*done)(struct module *m, uint16_t number,
                 const struct fota_plan *plan);
};

void fota_client_init(struct fota_client *c, struct module *m);
void fota_client_close(struct fota_client *c);

/** Ask for a plan. */
void fota_client_ask(struct fota_client *c);

/** Tell a result. is_update: code is END's number, else HTTPEND's */
void fota_client_report(struct fota_client *c, bool is_update, uint32_t code);

/** Give up without a word. */
void fota_client_stop(struct fota_client *c);

#endif
