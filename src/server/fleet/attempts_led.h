/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Attempts that the server leads over LwM2M: it asks in the module's name,
 * and its node tells the result. The row names the node; whatever another one
 * still says of the attempt changes nothing.
 *
 *   taken ---> begun ---> loaded ---> done | failed | lost
 *     |          |          the node may send Execute
 *     +----------+---> stopped (its plan does not run any more)
 *
 * Layer: server. Everything here runs in a transaction and may run again.
 */
#ifndef DFOTA_SERVER_FLEET_ATTEMPTS_LED_H
#define DFOTA_SERVER_FLEET_ATTEMPTS_LED_H

#include "server/fleet/attempts.h"

enum led_step { LED_TAKEN, LED_BEGUN, LED_LOADED };

struct led_attempt {
    struct grant grant;
    enum led_step step;
    bool push;
    int64_t deadline; /* seconds since 1970 */
};

/**
 * Take the module's open attempt over, or one that it may have now. Only for
 * a module that is registered here, by the table: of two nodes it is the one
 * that heard it last.
 *
 * poll     access says push and pull as far as they are possible
 * attempt  the id a new attempt will have
 * code     out: 0, out is what to do; else the number to refuse with: S4_STATE
 *          its attempt goes another way, S4_NO_PLAN also when it is not here
 * errors   as attempts_ask()
 */
int attempts_take(const struct node *node, struct sql *sql,
                  const struct module_view *module, const struct poll *poll,
                  const char *endpoint, const char *attempt,
                  struct led_attempt *out, int *code);

/** The module took something of it: what its Firmware Update object says is
 * of this attempt from now on. */
int attempts_begin(const struct node *node, struct sql *sql, const char *id);

enum led_verdict {
    LED_MAY,     /* Execute may be sent: that is on the disk */
    LED_STOPPED, /* its plan does not run: closed here */
    LED_GONE     /* it is not this node's any more */
};

/** The package is there. */
int attempts_allow(const struct node *node, struct sql *sql, const char *id,
                   enum led_verdict *verdict);

/* How it ended. */
struct led_end {
    const char *state;   /* "done", "failed", "lost", "stopped" */
    const char *cause;   /* in words */
    const char *version; /* that the module has now; NULL: not known */
    int result;          /* Update Result; -1: none */
};

/** As attempts_report(): the first end counts, and one after "lost". */
int attempts_end(const struct node *node, struct sql *sql, const char *id,
                 const struct led_end *end);

/* An open attempt that is led. */
struct led_row {
    int64_t plan;
    uint64_t imei;
    enum led_step step;
    bool here; /* this node leads it */
    bool plan_runs;
    char id[SECRETS_ID_ROOM];
    char endpoint[129]; /* where it is registered here; "": it is not */
};

/** All of the database, to read: at most max. errors: those of sql_query() */
int attempts_list_led(const struct node *node, struct sql *sql,
                      struct led_row *rows, size_t max, size_t *n);

#endif
