/* SPDX-License-Identifier: Apache-2.0 */
/* Of a plan: its stages, when it gives up, who may try again, how fast. */
#include <string.h>

#include "base/err.h"
#include "server/fleet/plan_spec_priv.h"
#include "server/fleet/units.h"

static bool take_stage(struct spec_reader *r, const json_t *json)
{
    struct plan_stage *stage = &r->spec->stages[r->spec->n_stages];
    const char *name;
    json_t *value;
    bool fine = true;

    *stage = (struct plan_stage){.success = 90, .minimum = 1};
    if (!json_is_object(json))
        return spec_refuse(r, DFOTA_E_SYNTAX, "stages", "a list of objects");
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        if (strcmp(name, "percent") == 0)
            fine = spec_take_small(r, "stages.percent", value, 1, 100,
                                   &stage->percent);
        else if (strcmp(name, "count") == 0)
            fine = spec_take_integer(r, "stages.count", value, 1, 1000000000,
                                     &stage->count);
        else if (strcmp(name, "success") == 0)
            fine = spec_take_small(r, "stages.success", value, 0, 100,
                                   &stage->success);
        else if (strcmp(name, "minimum") == 0)
            fine = spec_take_integer(r, "stages.minimum", value, 1, 1000000000,
                                     &stage->minimum);
        else if (strcmp(name, "soak") == 0)
            fine = spec_take_duration(r, "stages.soak", value, &stage->soak_s);
        else
            fine = spec_refuse(r, DFOTA_E_SYNTAX, "stages",
                               "only percent, count, success, minimum, soak");
        if (!fine)
            return false;
    }
    if ((stage->percent > 0) == (stage->count > 0))
        return spec_refuse(r, DFOTA_E_SYNTAX, "stages",
                           "each with either percent or count");
    r->spec->n_stages++;
    return true;
}

bool spec_take_stages(struct spec_reader *r, const json_t *json)
{
    const json_t *value;
    size_t i;

    if (!json_is_array(json) || json_array_size(json) > PLAN_STAGES_MAX)
        return spec_refuse(r, DFOTA_E_SYNTAX, "stages", "a list of at most 8");
    json_array_foreach(json, i, value)
    {
        if (!take_stage(r, value))
            return false;
    }
    return true;
}

static bool take_kind(struct spec_reader *r, const json_t *value,
                      struct plan_rule *rule)
{
    static const char *const names[] = {"failed", "lost", "any"};
    const char *text = json_string_value(value);

    for (unsigned i = 0; text && i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            rule->kind = (enum plan_kind)i;
            return true;
        }
    }
    return spec_refuse(r, DFOTA_E_SYNTAX, "abort.kind",
                       "\"failed\", \"lost\" or \"any\"");
}

static bool take_scope(struct spec_reader *r, const json_t *value,
                       struct plan_rule *rule)
{
    const char *text = json_string_value(value);

    rule->of_stage = text && strcmp(text, "stage") == 0;
    return rule->of_stage || (text && strcmp(text, "plan") == 0) ||
           spec_refuse(r, DFOTA_E_SYNTAX, "abort.of", "\"stage\" or \"plan\"");
}

static bool take_rule(struct spec_reader *r, const json_t *json)
{
    struct plan_rule *rule = &r->spec->rules[r->spec->n_rules];
    const char *name;
    json_t *value;
    bool fine = true;

    *rule = (struct plan_rule){.kind = PLAN_ANY, .minimum = 1};
    if (!json_is_object(json))
        return spec_refuse(r, DFOTA_E_SYNTAX, "abort", "a list of objects");
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        if (strcmp(name, "kind") == 0)
            fine = take_kind(r, value, rule);
        else if (strcmp(name, "percent") == 0)
            fine = spec_take_small(r, "abort.percent", value, 1, 100,
                                   &rule->percent);
        else if (strcmp(name, "minimum") == 0)
            fine = spec_take_integer(r, "abort.minimum", value, 1, 1000000000,
                                     &rule->minimum);
        else if (strcmp(name, "of") == 0)
            fine = take_scope(r, value, rule);
        else
            fine = spec_refuse(r, DFOTA_E_SYNTAX, "abort",
                               "only kind, percent, minimum, of");
        if (!fine)
            return false;
    }
    if (rule->percent == 0)
        return spec_refuse(r, DFOTA_E_SYNTAX, "abort.percent", "it is missing");
    r->spec->n_rules++;
    return true;
}

bool spec_take_rules(struct spec_reader *r, const json_t *json)
{
    const json_t *value;
    size_t i;

    if (!json_is_array(json) || json_array_size(json) > PLAN_RULES_MAX)
        return spec_refuse(r, DFOTA_E_SYNTAX, "abort", "a list of at most 8");
    json_array_foreach(json, i, value)
    {
        if (!take_rule(r, value))
            return false;
    }
    return true;
}

bool spec_take_barred(struct spec_reader *r, const json_t *json)
{
    const json_t *value;
    size_t i;

    if (!json_is_array(json) || json_array_size(json) > PLAN_BARRED_MAX)
        return spec_refuse(r, DFOTA_E_SYNTAX, "no_retry",
                           "a list of at most 32 numbers");
    r->spec->n_barred = 0;
    json_array_foreach(json, i, value)
    {
        if (!spec_take_small(r, "no_retry", value, 1, 9999,
                             &r->spec->barred[r->spec->n_barred++]))
            return false;
    }
    return true;
}

/* ---- after a failure ---- */

static bool take_number(const char *name, int *number)
{
    int64_t value;

    *number = PLAN_SILENCE;
    if (strcmp(name, "lost") == 0)
        return true;
    if (!units_number(name, 1, 9999, &value))
        return false;
    *number = (int)value;
    return true;
}

bool spec_take_retry(struct spec_reader *r, const json_t *json)
{
    const char *name;
    json_t *value;

    if (!json_is_object(json) || json_object_size(json) > PLAN_RETRIES_MAX)
        return spec_refuse(r, DFOTA_E_SYNTAX, "retry",
                           "an object of at most 32 numbers");
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        struct plan_retry *retry = &r->spec->retries[r->spec->n_retries];
        const char *text = json_string_value(value);

        if (!take_number(name, &retry->number))
            return spec_refuse(r, DFOTA_E_SYNTAX, "retry",
                               "names that are numbers, or \"lost\"");
        retry->after_s = PLAN_NEVER;
        if (!(text && strcmp(text, "never") == 0) &&
            !spec_take_duration(r, "retry", value, &retry->after_s))
            return false;
        r->spec->n_retries++;
    }
    return true;
}

/* ---- how fast ---- */

static bool take_grants(struct spec_reader *r, const json_t *value)
{
    return spec_take_integer(r, "pace.grants", value, 1, 100000000,
                             &r->spec->pace_grants);
}

static bool take_bytes(struct spec_reader *r, const json_t *value)
{
    const char *text = json_string_value(value);

    return (text &&
            units_size(text, 1, (int64_t)1 << 50, &r->spec->pace_bytes)) ||
           spec_refuse(r, DFOTA_E_SYNTAX, "pace.bytes",
                       "a size such as \"64KiB\", \"50MiB\"");
}

static bool take_per(struct spec_reader *r, const json_t *value)
{
    return spec_take_duration(r, "pace.per", value, &r->spec->pace_s);
}

bool spec_take_pace(struct spec_reader *r, const json_t *json)
{
    static const struct spec_field fields[] = {{"grants", take_grants},
                                               {"bytes", take_bytes},
                                               {"per", take_per},
                                               {NULL, NULL}};

    r->spec->pace_s = 3600;
    if (!spec_take_object(r, "pace", json, fields))
        return false;
    if (r->spec->pace_s < 60)
        return spec_refuse(r, DFOTA_E_SYNTAX, "pace.per", "at least 60s");
    return r->spec->pace_grants || r->spec->pace_bytes ||
           spec_refuse(r, DFOTA_E_SYNTAX, "pace",
                       "\"grants\" or \"bytes\", or both");
}
