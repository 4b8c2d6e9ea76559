/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server reads from people and modules before it trusts them: plans in
 * JSON, quantities, time zones. The first byte says which.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/fleet/plan_spec.h"
#include "server/fleet/units.h"
#include "server/fleet/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_plan(const char *text, size_t len)
{
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    char why[PLAN_WHY_ROOM];
    struct plan_spec spec;

    if (json && plan_spec_parse(json, &spec, why) == 0) {
        plan_spec_opens(&spec, 1800000000);
        plan_imeis_have(&spec.imeis, 350000000000000U);
        plan_spec_release(&spec);
    }
    json_decref(json);
}

static void try_units(const char *text)
{
    unsigned mask;
    uint64_t imei;
    int64_t number;
    int minutes;
    bool yes;

    units_number(text, INT64_MIN, INT64_MAX, &number);
    units_duration(text, 0, INT64_MAX, &number);
    units_size(text, 0, INT64_MAX, &number);
    units_moment(text, &number);
    units_time_of_day(text, &minutes);
    units_bool(text, &yes);
    plan_access_parse(text, &mask);
    plan_imei_parse(text, &imei);
}

static void try_zone(const uint8_t *data, size_t len)
{
    struct zone *zone;

    if (zone_parse(data, len, &zone) != 0)
        return;
    for (int64_t t = -5000000000; t < 8000000000; t += 1000000007)
        zone_offset(zone, t);
    zone_free(zone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text;

    if (len == 0)
        return 0;
    text = malloc(len);
    if (!text)
        return 0;
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    if (data[0] % 3 == 0)
        try_plan(text, len - 1);
    else if (data[0] % 3 == 1)
        try_units(text);
    else
        try_zone(data + 1, len - 1);
    free(text);
    return 0;
}
