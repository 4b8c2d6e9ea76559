/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/decide.h"

#include <stdio.h>
#include <string.h>

#include "server/fleet/units.h"

struct question {
    const struct plan *plan;
    const struct module_view *module;
    const struct poll *poll;
    int64_t now;
};

struct check {
    const char *name;
    int code;
    bool (*passes)(const struct question *q);
    void (*tell)(const struct question *q, struct finding *f);
};

static const char *or_any(const struct plan_words *words)
{
    return words->n == 0 ? "any" : words->n == 1 ? words->all[0] : "several";
}

static bool has_model(const struct question *q)
{
    return strcmp(q->plan->model, q->poll->model) == 0 &&
           q->plan->tenant == q->module->tenant;
}

static void tell_model(const struct question *q, struct finding *f)
{
    snprintf(f->value, sizeof f->value, "%s", q->poll->model);
    snprintf(f->limit, sizeof f->limit, "%s", q->plan->model);
}

static bool has_version(const struct question *q)
{
    return plan_words_have(&q->plan->spec.versions, q->poll->version);
}

static void tell_version(const struct question *q, struct finding *f)
{
    snprintf(f->value, sizeof f->value, "%s", q->poll->version);
    snprintf(f->limit, sizeof f->limit, "%s", or_any(&q->plan->spec.versions));
}

static bool has_group(const struct question *q)
{
    return plan_words_have(&q->plan->spec.groups, q->module->group);
}

static void tell_group(const struct question *q, struct finding *f)
{
    snprintf(f->value, sizeof f->value, "%s", q->module->group);
    snprintf(f->limit, sizeof f->limit, "%s", or_any(&q->plan->spec.groups));
}

/* Tags are kept as ",a,b,". */
static bool has_tag(const struct question *q)
{
    const struct plan_words *tags = &q->plan->spec.tags;
    char wanted[128];

    for (size_t i = 0; i < tags->n; i++) {
        snprintf(wanted, sizeof wanted, ",%s,", tags->all[i]);
        if (strstr(q->module->tags, wanted))
            return true;
    }
    return tags->n == 0;
}

static void tell_tag(const struct question *q, struct finding *f)
{
    snprintf(f->value, sizeof f->value, "%s", q->module->tags);
    snprintf(f->limit, sizeof f->limit, "%s", or_any(&q->plan->spec.tags));
}

static bool is_listed(const struct question *q)
{
    const struct plan_imeis *imeis = &q->plan->spec.imeis;

    return imeis->n == 0 || plan_imeis_have(imeis, q->module->imei);
}

static void tell_listed(const struct question *q, struct finding *f)
{
    size_t n = q->plan->spec.imeis.n;

    snprintf(f->value, sizeof f->value, "%015llu",
             (unsigned long long)q->module->imei);
    snprintf(f->limit, sizeof f->limit, n ? "a list of %zu" : "any", n);
}

static bool is_not_kept_out(const struct question *q)
{
    return !plan_imeis_have(&q->plan->kept_out, q->module->imei);
}

static void tell_kept_out(const struct question *q, struct finding *f)
{
    snprintf(f->value, sizeof f->value, "%s",
             is_not_kept_out(q) ? "not excluded" : "excluded");
    snprintf(f->limit, sizeof f->limit, "not excluded from this plan");
}

static bool is_active(const struct question *q)
{
    return q->module->state == MODULE_ACTIVE;
}

static void tell_active(const struct question *q, struct finding *f)
{
    snprintf(f->value, sizeof f->value, "%s",
             q->module->state == MODULE_HELD ? "held" : "not held");
    snprintf(f->limit, sizeof f->limit, "not held");
}

static bool is_behind(const struct question *q)
{
    return strcmp(q->plan->version, q->poll->version) != 0;
}

static void tell_behind(const struct question *q, struct finding *f)
{
    snprintf(f->value, sizeof f->value, "%s", q->poll->version);
    snprintf(f->limit, sizeof f->limit, "another than %s", q->plan->version);
}

static bool has_wear_left(const struct question *q)
{
    return q->plan->spec.wear_max == 0 ||
           strcmp(q->module->class_name, "mc65") != 0 ||
           q->module->updates < q->plan->spec.wear_max;
}

static void tell_wear(const struct question *q, struct finding *f)
{
    snprintf(f->value, sizeof f->value, "%lld updates",
             (long long)q->module->updates);
    snprintf(f->limit, sizeof f->limit, "fewer than %lld (mc65)",
             (long long)q->plan->spec.wear_max);
}

static const struct plan_stage *stage_of(const struct plan *plan)
{
    if (plan->stage < 0 || (size_t)plan->stage >= plan->spec.n_stages)
        return NULL;
    return &plan->spec.stages[plan->stage];
}

/* Stages grow: who is within one is within the next. A stage by count takes
 * whoever comes first, so there it is a question of slots. */
static bool in_stage(const struct question *q)
{
    const struct plan_stage *stage = stage_of(q->plan);

    return !stage || stage->percent == 0 ||
           decide_place(q->plan->id, q->module->imei) <
               (unsigned)stage->percent * 100;
}

static void tell_stage(const struct question *q, struct finding *f)
{
    const struct plan_stage *stage = stage_of(q->plan);

    if (!stage) {
        snprintf(f->limit, sizeof f->limit, "all");
    } else if (stage->percent > 0) {
        snprintf(f->value, sizeof f->value, "place %u of 10000",
                 decide_place(q->plan->id, q->module->imei));
        snprintf(f->limit, sizeof f->limit, "stage %lld: below %d",
                 (long long)q->plan->stage + 1, stage->percent * 100);
    } else {
        snprintf(f->limit, sizeof f->limit, "stage %lld: the first %lld",
                 (long long)q->plan->stage + 1, (long long)stage->count);
    }
}

static bool has_access(const struct question *q)
{
    unsigned access = q->poll->access ? q->poll->access : PLAN_POLLED;

    return (access & q->plan->spec.transport) != 0;
}

static void tell_access(const struct question *q, struct finding *f)
{
    plan_transport_text(q->poll->access ? q->poll->access : PLAN_POLLED,
                        f->value, sizeof f->value);
    plan_transport_text(q->plan->spec.transport, f->limit, sizeof f->limit);
}

static bool is_open(const struct question *q)
{
    return plan_spec_is_open(&q->plan->spec, q->now);
}

static void tell_open(const struct question *q, struct finding *f)
{
    const struct plan_spec *spec = &q->plan->spec;
    char moment[32];

    units_moment_text(q->now, f->value);
    if (spec->from == spec->to) {
        snprintf(f->limit, sizeof f->limit, "any time of the day");
        return;
    }
    units_moment_text(plan_spec_opens(spec, q->now), moment);
    snprintf(f->limit, sizeof f->limit,
             "%02d:%02d to %02d:%02d %.40s; next %.24s", spec->from / 60,
             spec->from % 60, spec->to / 60, spec->to % 60,
             spec->zone ? spec->zone_name : "UTC", moment);
}

static bool has_battery(const struct question *q)
{
    return q->plan->spec.battery == 0 ||
           (q->poll->battery != POLL_UNSAID &&
            q->poll->battery >= q->plan->spec.battery);
}

static void tell_number(char *out, size_t room, int number, const char *unit)
{
    if (number == POLL_UNSAID)
        snprintf(out, room, "not told");
    else
        snprintf(out, room, "%d %s", number, unit);
}

static void tell_battery(const struct question *q, struct finding *f)
{
    tell_number(f->value, sizeof f->value, q->poll->battery, "%");
    if (q->plan->spec.battery == 0)
        snprintf(f->limit, sizeof f->limit, "any");
    else
        snprintf(f->limit, sizeof f->limit, "at least %d %%",
                 q->plan->spec.battery);
}

static bool has_signal(const struct question *q)
{
    return q->plan->spec.signal == 0 || (q->poll->rssi != POLL_UNSAID &&
                                         q->poll->rssi >= q->plan->spec.signal);
}

static void tell_signal(const struct question *q, struct finding *f)
{
    tell_number(f->value, sizeof f->value, q->poll->rssi, "dBm");
    if (q->plan->spec.signal == 0)
        snprintf(f->limit, sizeof f->limit, "any");
    else
        snprintf(f->limit, sizeof f->limit, "at least %d dBm",
                 q->plan->spec.signal);
}

/* Who has tried may be one of those that the stage took. */
static bool has_slot(const struct question *q)
{
    const struct plan_stage *stage = stage_of(q->plan);

    if (q->module->tried)
        return true;
    return q->now > q->plan->full_until &&
           (!stage || stage->count == 0 || q->plan->taken < stage->count);
}

static void tell_slot(const struct question *q, struct finding *f)
{
    const struct plan_stage *stage = stage_of(q->plan);

    snprintf(f->value, sizeof f->value, "%s",
             has_slot(q) ? "a slot is free" : "all slots are taken");
    if (stage && stage->count > 0)
        snprintf(f->limit, sizeof f->limit,
                 "%lld at a time, %lld in stage %lld",
                 (long long)q->plan->spec.concurrency, (long long)stage->count,
                 (long long)q->plan->stage + 1);
    else
        snprintf(f->limit, sizeof f->limit, "%lld at a time",
                 (long long)q->plan->spec.concurrency);
}

static const struct check checks[] = {
    {"model", S4_NO_PLAN, has_model, tell_model},
    {"version", S4_NO_PLAN, has_version, tell_version},
    {"group", S4_NO_PLAN, has_group, tell_group},
    {"tag", S4_NO_PLAN, has_tag, tell_tag},
    {"list", S4_NO_PLAN, is_listed, tell_listed},
    {"excluded", S4_NO_PLAN, is_not_kept_out, tell_kept_out},
    {"held", S4_NO_PLAN, is_active, tell_active},
    {"target", S4_NO_PLAN, is_behind, tell_behind},
    {"wear", S4_NO_PLAN, has_wear_left, tell_wear},
    {"stage", S4_NO_PLAN, in_stage, tell_stage},
    {"access", S4_ACCESS, has_access, tell_access},
    {"window", S4_WINDOW, is_open, tell_open},
    {"battery", S4_BATTERY, has_battery, tell_battery},
    {"signal", S4_SIGNAL, has_signal, tell_signal},
    {"slot", S4_SLOTS, has_slot, tell_slot},
};
enum { N_CHECKS = sizeof checks / sizeof checks[0] };
_Static_assert((int)N_CHECKS <= (int)DECIDE_CHECKS_MAX,
               "room for all findings");

int decide(const struct plan *plan, const struct module_view *module,
           const struct poll *poll, int64_t now, struct finding *findings,
           unsigned *n_findings)
{
    const struct question q = {plan, module, poll, now};
    const char *first;

    if (!findings)
        return decide_first(plan, module, poll, now, &first);
    for (unsigned i = 0; i < N_CHECKS; i++) {
        bool passed = checks[i].passes(&q);

        findings[i] =
            (struct finding){checks[i].name, checks[i].code, passed, "", ""};
        checks[i].tell(&q, &findings[i]);
    }
    if (n_findings)
        *n_findings = N_CHECKS;
    return decide_first(plan, module, poll, now, &first);
}

int decide_first(const struct plan *plan, const struct module_view *module,
                 const struct poll *poll, int64_t now, const char **check)
{
    const struct question q = {plan, module, poll, now};

    *check = NULL;
    for (unsigned i = 0; i < N_CHECKS; i++) {
        if (!checks[i].passes(&q)) {
            *check = checks[i].name;
            return checks[i].code;
        }
    }
    return 0;
}

/* splitmix64, so that neighbouring IMEIs do not share a stage. */
unsigned decide_place(int64_t plan, uint64_t imei)
{
    uint64_t x = imei + (uint64_t)plan * 0x9E3779B97F4A7C15U;

    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
    x = (x ^ x >> 27) * 0x94D049BB133111EBU;
    return (unsigned)((x ^ x >> 31) % 10000);
}

struct meaning {
    int code;
    unsigned status;
    const char *words;
};

static const struct meaning meanings[] = {
    {S4_STATE, 409, "the update is under way already"},
    {S4_ACCESS, 409, "the plan's package cannot be had that way"},
    {S4_NO_PLAN, 404, "there is no update for this module"},
    {S4_PLAN_UNKNOWN, 404, "there is no such plan or attempt"},
    {S4_BATTERY, 409, "the battery is too low for the plan"},
    {S4_SIGNAL, 409, "the signal is too weak for the plan"},
    {S4_WINDOW, 409, "it is not the time of the plan"},
    {S4_SLOTS, 409, "as many modules as the plan allows are at it"},
    {S4_PLAN_ENDED, 409, "the plan has ended or was stopped"},
    {S4_NO_MODULE, 404, "this module is not known"},
    {S4_TOKEN_MISSING, 401, "an access token is needed"},
    {S4_TOKEN_INVALID, 401, "the access token is not one of ours"},
    {S4_TOKEN_EXPIRED, 401, "the access token is over its time"},
    {S4_TOKEN_SCOPE, 403, "the access token does not allow this"},
    {S4_NO_IMEI, 400, "imei is missing or not 15 digits"},
    {S4_OTHER_MODULE, 403, "that belongs to another module"},
    {S4_AUTH, 503, "authentication is not possible now"},
    {S4_TOKEN_FAILED, 429, "too many tries; wait"},
    {S4_PASSWORD, 401, "the password is wrong"},
    {S4_REFRESH, 401, "the refresh token is not valid"},
    {S4_NO_INFO, 404, "there is no module of that name"},
    {S4_EMPTY, 400, "name or password is empty"},
};

unsigned decide_status(int code)
{
    for (unsigned i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].code == code)
            return meanings[i].status;
    }
    return 503;
}

const char *decide_words(int code)
{
    for (unsigned i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].code == code)
            return meanings[i].words;
    }
    return "the service cannot answer now";
}
