/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "powercut/world.h"

static const char WHEN[] = "bta";

void plan_name(const struct plan *p, char *out, size_t len)
{
    size_t at = (size_t)snprintf(out, len, "%" PRIu64 "/%s", p->seed,
                                 p->loop ? "L" : "");

    for (unsigned k = 0; k < p->cuts && at < len; k++)
        at += (size_t)snprintf(out + at, len - at, "%s%" PRIu64 "%c%d.%d",
                               k ? "," : "", p->cut[k].at, WHEN[p->cut[k].when],
                               (int)p->cut[k].torn, (int)p->cut[k].decay);
    if (p->fault.at && at < len)
        at += (size_t)snprintf(out + at, len - at, "/f%" PRIu64 "x%u.%d.%u",
                               p->fault.at, p->fault.count, (int)p->fault.lie,
                               p->fault_boot);
    if (p->harm.at && at < len)
        (void)snprintf(out + at, len - at, "/r%" PRIu64 ".%d.%u", p->harm.at,
                       (int)p->harm.what, p->harm.bit);
}

static int parse_cut(struct sim_cut *c, const char **in)
{
    const char *known;
    uint64_t torn = 0;
    uint64_t decay = 0;

    if (!world_number(in, "", &c->at) || !**in || !(known = strchr(WHEN, **in)))
        return DFOTA_E_SYNTAX;
    ++*in;
    if (!world_number(in, "", &torn) || !world_number(in, ".", &decay) ||
        torn >= SIM_TORN_COUNT || decay >= SIM_DECAY_COUNT)
        return DFOTA_E_SYNTAX;
    c->when = (enum sim_when)(known - WHEN);
    c->torn = (enum sim_torn)torn;
    c->decay = (enum sim_decay)decay;
    return 0;
}

/* Numbers, each behind its mark; none of them is there, or all are. */
static int parse_group(const char **in, const char *const *before,
                       unsigned count, uint64_t *out)
{
    if (strncmp(*in, before[0], 2) != 0)
        return 0;
    for (unsigned k = 0; k < count; k++) {
        if (!world_number(in, before[k], &out[k]))
            return DFOTA_E_SYNTAX;
    }
    return 0;
}

int plan_parse(struct plan *p, const char *in)
{
    static const char *const fault[] = {"/f", "x", ".", "."};
    static const char *const harm[] = {"/r", ".", "."};
    uint64_t f[4] = {0, 0, 0, 0};
    uint64_t r[3] = {0, 0, 0};

    memset(p, 0, sizeof(*p));
    if (!world_number(&in, "", &p->seed) || *in++ != '/')
        return DFOTA_E_SYNTAX;
    p->loop = *in == 'L';
    in += p->loop;
    while (*in >= '0' && *in <= '9' && p->cuts < PLAN_CUTS) {
        if (parse_cut(&p->cut[p->cuts++], &in))
            return DFOTA_E_SYNTAX;
        in += *in == ',';
    }
    if (parse_group(&in, fault, 4, f) || parse_group(&in, harm, 3, r) || *in ||
        f[2] >= SIM_LIE_COUNT || r[1] >= HARM_COUNT)
        return DFOTA_E_SYNTAX;
    p->fault = (struct sim_fault){f[0], (uint32_t)f[1], (enum sim_lie)f[2]};
    p->fault_boot = (unsigned)f[3];
    p->harm = (struct plan_harm){r[0], (enum plan_what)r[1], (uint32_t)r[2]};
    return 0;
}
