/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A plan: what goes wrong in one run, and the line that names it.
 *
 *   --replay g0.m1.s0.k0.d0.1/77/12t3.1,5b/f9x2.1/r30.1.77
 *            world           seed cuts     fault  rot
 *
 * cut    operation, when (b before, t torn, a after), torn . decay
 * fault  f operation x count . lie, at the first boot
 * rot    r operation . area . bit number
 * loop   L operation and model as a cut: the same cut at every boot
 */
#ifndef DFOTA_POWERCUT_PLAN_H
#define DFOTA_POWERCUT_PLAN_H

#include "port/sim/sim_flash.h"

#define PLAN_CUTS 20
#define PLAN_LOOP_BOOTS 80

struct plan_rot {
    uint64_t at; /* before that operation of the first boot; 0: none */
    unsigned area;
    uint32_t bit; /* taken modulo the area's bits */
};

struct plan {
    uint64_t seed;
    unsigned cuts;
    struct sim_cut cut[PLAN_CUTS]; /* one a boot, in order */
    bool loop;                     /* cut[0] at every boot for a long time */
    struct sim_fault fault;
    struct plan_rot rot;
};

void plan_name(const struct plan *p, char *out, size_t len);
int plan_parse(struct plan *p, const char *name);

#endif
