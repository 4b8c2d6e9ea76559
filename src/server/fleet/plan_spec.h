/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a plan says: whom it takes, when, how many at a time, and when it
 * gives up. Read strictly from JSON, once, when it is written.
 *
 * Layer: server. docs/plans.md describes the fields.
 */
#ifndef DFOTA_SERVER_FLEET_PLAN_SPEC_H
#define DFOTA_SERVER_FLEET_PLAN_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/fleet/zone.h"

enum {
    PLAN_STAGES_MAX = 8,
    PLAN_RULES_MAX = 8,
    PLAN_BARRED_MAX = 32,
    PLAN_RETRIES_MAX = 32,
    PLAN_WHY_ROOM = 160
};

enum plan_access {
    PLAN_HTTP = 1,
    PLAN_HTTPS = 2,
    PLAN_COAP = 4,
    PLAN_COAPS = 8,
    PLAN_POLLED = 15, /* the module asks and loads */
    PLAN_PUSH = 16,   /* the server writes the package, over LwM2M */
    PLAN_PULL = 32,   /* the server writes its URI */
    PLAN_HOST = 64    /* the module's host asks and loads */
};

/* Some words; none: any will do. */
struct plan_words {
    char **all;
    size_t n;
};

/* Some modules, in rising order. */
struct plan_imeis {
    uint64_t *all;
    size_t n;
};

struct plan_stage {
    int percent;     /* of the modules, by their numbers; 0: count counts */
    int64_t count;   /* so many modules */
    int success;     /* percent of the closed attempts, to go on */
    int64_t minimum; /* closed attempts, to go on */
    int64_t soak_s;  /* time in the stage, to go on */
};

enum plan_kind { PLAN_FAILED, PLAN_LOST, PLAN_ANY };

struct plan_rule {
    enum plan_kind kind;
    int percent;
    int64_t minimum; /* closed attempts before it is looked at */
    bool of_stage;   /* else of the whole plan */
};

enum { PLAN_SILENCE = 0, PLAN_NEVER = -1 };

/* When a module may try again that failed with a number. */
struct plan_retry {
    int number;      /* PLAN_SILENCE: it was lost */
    int64_t after_s; /* PLAN_NEVER; 0: at its next poll */
};

struct plan_spec {
    struct plan_words versions, groups, tags;
    struct plan_imeis imeis; /* none: any */
    struct plan_stage stages[PLAN_STAGES_MAX];
    size_t n_stages; /* 0: everybody at once */
    struct plan_rule rules[PLAN_RULES_MAX];
    size_t n_rules;
    int barred[PLAN_BARRED_MAX]; /* after these numbers: no other attempt */
    size_t n_barred;
    struct plan_retry retries[PLAN_RETRIES_MAX]; /* these before barred */
    size_t n_retries;
    int64_t pace_grants, pace_bytes; /* of one period at most; 0: any */
    int64_t pace_s;                  /* a period, counted from 1970 */
    int64_t rollback;   /* firmware to offer when a rule trips; 0: none */
    int64_t start, end; /* seconds since 1970; 0: at once, never */
    int from, to;       /* minutes of the local day; equal: all day */
    char zone_name[64];
    struct zone *zone; /* NULL: UTC */
    int battery;       /* percent at least; 0: any */
    int signal;        /* dBm at least; 0: any */
    int64_t concurrency;
    int64_t attempts;
    int64_t priority;
    unsigned transport; /* enum plan_access */
    int64_t download_s, update_s;
    int64_t wear_max; /* updates of a module; 0: no limit */
};

/**
 * Read a plan.
 *
 * why      out, on E_SYNTAX: one sentence with the field's name
 * errors   E_SYNTAX, E_NOMEM; out is released then
 */
int plan_spec_parse(const json_t *json, struct plan_spec *out,
                    char why[PLAN_WHY_ROOM]);

/** Into their order, as the reader has to leave them. */
void plan_imeis_sort(struct plan_imeis *imeis);
bool plan_imeis_have(const struct plan_imeis *imeis, uint64_t imei);

/** Harmless on a zeroed struct. */
void plan_spec_release(struct plan_spec *spec);

bool plan_words_have(const struct plan_words *words, const char *word);

/** When a module may try again that failed with that number (PLAN_SILENCE:
 * was lost): seconds from then, or PLAN_NEVER. */
int64_t plan_spec_again(const struct plan_spec *spec, int number);

/** Inside the daily window at that moment? */
bool plan_spec_is_open(const struct plan_spec *spec, int64_t now);

/** When the window opens next, within 8 days; 0: it does not. */
int64_t plan_spec_opens(const struct plan_spec *spec, int64_t now);

/** "http,https", of what a module loads by: the mask; false: another word. */
bool plan_access_parse(const char *text, unsigned *mask);

/** One transport of a plan: those, "lwm2m-push", "lwm2m-pull", "lwm2m" (both)
 * and "host". */
bool plan_transport_parse(const char *text, unsigned *mask);

/** " http https": the words of a mask. */
void plan_transport_text(unsigned mask, char *out, size_t room);

/** 15 digits, or false. The check digit is not looked at: test modules and
 * some makers do not keep it. */
bool plan_imei_parse(const char *text, uint64_t *imei);

#endif
