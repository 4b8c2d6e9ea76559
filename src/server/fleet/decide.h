/* SPDX-License-Identifier: Apache-2.0 */
/**
 * May this module have that plan now? The checks in their fixed order, and
 * the same checks told one by one to a person who asks why.
 *
 * Layer: server. Pure. The numbers are those that a module prints, BG96
 * SoftBank DFOTA Application Note, table 1.
 */
#ifndef DFOTA_SERVER_FLEET_DECIDE_H
#define DFOTA_SERVER_FLEET_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/fleet/plan_spec.h"

enum s4_code {
    S4_STATE = 800,   /* update status not matched */
    S4_ACCESS = 801,  /* protocol access type not matched */
    S4_NO_PLAN = 802, /* no update plan for the module */
    S4_PLAN_UNKNOWN = 803,
    S4_BATTERY = 804,
    S4_SIGNAL = 805,
    S4_WINDOW = 806,
    S4_SLOTS = 807, /* concurrency out of limit */
    S4_PLAN_ENDED = 808,
    S4_NO_MODULE = 809,
    S4_TOKEN_MISSING = 810,
    S4_TOKEN_INVALID = 811,
    S4_TOKEN_EXPIRED = 812,
    S4_TOKEN_SCOPE = 813,
    S4_NO_IMEI = 814,
    S4_OTHER_MODULE = 815,
    S4_AUTH = 850,
    S4_TOKEN_FAILED = 851,
    S4_PASSWORD = 852,
    S4_REFRESH = 853,
    S4_NO_INFO = 854, /* module info not exist */
    S4_EMPTY = 855,   /* name or password empty */
    S4_SERVICE = 880
};

enum { POLL_UNSAID = 1000 }; /* battery or signal was not told */

struct poll {
    uint64_t imei;
    const char *model, *version;
    int battery, rssi; /* percent, dBm; POLL_UNSAID */
    unsigned access;   /* enum plan_access; 0: not told, PLAN_POLLED */
};

enum module_state {
    MODULE_ACTIVE,
    MODULE_HELD,    /* gets no update */
    MODULE_BLOCKED, /* gets no answer */
    MODULE_RETIRED  /* is not there any more */
};

/* What is known of a module; texts live as long as the fleet. */
struct module_view {
    int64_t id, tenant;
    uint64_t imei;
    const char *model, *version, *class_name, *group, *tags;
    enum module_state state;
    bool tried; /* has an attempt that counts: the transaction knows more */
    int64_t updates; /* so many so far */
    int64_t last_seen;
    int battery, rssi;
};

/* A plan in memory. */
struct plan {
    int64_t id, tenant, generation, firmware;
    char *name, *model, *version;
    int64_t stage;      /* place in spec.stages */
    int64_t taken;      /* modules of a stage by count, as far as it is known */
    int64_t full_until; /* no slot was free; ask again after that moment */
    struct plan_imeis kept_out; /* modules that get nothing of it */
    struct plan_spec spec;
};

/* One check, told to a person. */
struct finding {
    const char *check;
    int code; /* what a module would print */
    bool passed;
    char value[64], limit[128];
};

enum { DECIDE_CHECKS_MAX = 16 };

/**
 * All checks that need no database.
 *
 * findings  out: DECIDE_CHECKS_MAX of them, or NULL; n_findings too
 * returns   0: it may; else the number of the first check that failed
 */
int decide(const struct plan *plan, const struct module_view *module,
           const struct poll *poll, int64_t now, struct finding *findings,
           unsigned *n_findings);

/** The same, and which check it was; NULL: it may. */
int decide_first(const struct plan *plan, const struct module_view *module,
                 const struct poll *poll, int64_t now, const char **check);

/** A module's place in a plan, 0 .. 9999: the same at every node. Stages of
 * p percent take the places below 100 p. */
unsigned decide_place(int64_t plan, uint64_t imei);

/** The HTTP status that goes with a number. */
unsigned decide_status(int code);

/** The sentence that goes with a number. */
const char *decide_words(int code);

#endif
