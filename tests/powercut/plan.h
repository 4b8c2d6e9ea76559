/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A plan: what goes wrong in one run, and the line that names it.
 *
 *   --replay g0.m1.s0.k0.d0.p0.1/77/12t3.1,5b/f9x2.1.0/r30.1.77
 *            world              seed cuts     fault    harm
 *
 * cut    operation, when (b before, t torn, a after), torn . decay
 * fault  f operation x count . lie . boot
 * harm   r operation . what . bit number
 * loop   L operation and model as a cut: the same cut at every boot
 */
#ifndef DFOTA_POWERCUT_PLAN_H
#define DFOTA_POWERCUT_PLAN_H

#include "port/sim/sim_flash.h"

#define PLAN_CUTS 20
#define PLAN_LOOP_BOOTS 80

/* What time or somebody else does to a device. */
enum plan_what {
    HARM_SLOT, /* one bit of that area flips */
    HARM_BACKUP,
    HARM_PACKAGE,
    HARM_NO_PACKAGE, /* the package area is erased */
    HARM_SWAPPED,    /* another package is there, as validly signed */
    HARM_FORGED,     /* the body is noise */
    HARM_COUNT
};

struct plan_harm {
    uint64_t at; /* before that operation of all; 0: none */
    enum plan_what what;
    uint32_t bit; /* taken modulo the area's bits */
};

struct plan {
    uint64_t seed;
    unsigned cuts;
    struct sim_cut cut[PLAN_CUTS]; /* one a boot, in order */
    bool loop;                     /* cut[0] at every boot for a long time */
    struct sim_fault fault;
    unsigned fault_boot; /* 0: the one that starts the update */
    struct plan_harm harm;
};

void plan_name(const struct plan *p, char *out, size_t len);
int plan_parse(struct plan *p, const char *name);

#endif
