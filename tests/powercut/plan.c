/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

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
        at += (size_t)snprintf(out + at, len - at, "/f%" PRIu64 "x%u.%d",
                               p->fault.at, p->fault.count, (int)p->fault.lie);
    if (p->rot.at && at < len)
        (void)snprintf(out + at, len - at, "/r%" PRIu64 ".%u.%u", p->rot.at,
                       p->rot.area, p->rot.bit);
}

static int parse_cut(struct sim_cut *c, const char **in)
{
    char when;
    unsigned torn;
    unsigned decay;
    int used = 0;
    const char *known;

    if (sscanf(*in, "%" SCNu64 "%c%u.%u%n", &c->at, &when, &torn, &decay,
               &used) != 4 ||
        !(known = strchr(WHEN, when)) || torn >= SIM_TORN_COUNT ||
        decay >= SIM_DECAY_COUNT)
        return DFOTA_E_SYNTAX;
    c->when = (enum sim_when)(known - WHEN);
    c->torn = (enum sim_torn)torn;
    c->decay = (enum sim_decay)decay;
    *in += used;
    return 0;
}

int plan_parse(struct plan *p, const char *in)
{
    char *end;
    unsigned lie = 0;

    memset(p, 0, sizeof(*p));
    p->seed = strtoull(in, &end, 10);
    if (*end != '/')
        return DFOTA_E_SYNTAX;
    in = end + 1;
    p->loop = *in == 'L';
    in += p->loop;
    while (*in >= '0' && *in <= '9' && p->cuts < PLAN_CUTS) {
        if (parse_cut(&p->cut[p->cuts++], &in))
            return DFOTA_E_SYNTAX;
        in += *in == ',';
    }
    if (strncmp(in, "/f", 2) == 0) {
        if (sscanf(in, "/f%" SCNu64 "x%u.%u", &p->fault.at, &p->fault.count,
                   &lie) != 3)
            return DFOTA_E_SYNTAX;
        in += 1 + strcspn(in + 1, "/");
    }
    p->fault.lie = (enum sim_lie)lie;
    if (strncmp(in, "/r", 2) == 0 &&
        sscanf(in, "/r%" SCNu64 ".%u.%u", &p->rot.at, &p->rot.area,
               &p->rot.bit) != 3)
        return DFOTA_E_SYNTAX;
    return 0;
}
