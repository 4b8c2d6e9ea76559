/* SPDX-License-Identifier: Apache-2.0 */
/** What the tasks, the shell and the AT interpreter share. */
#ifndef DEMO_NODE_H
#define DEMO_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "filters.h"
#include "nmea.h"
#include "sched.h"
#include "sensors.h"
#include "settings.h"

struct node {
    struct settings settings;
    struct sensors_room room;
    struct median median;
    struct kalman kalman;
#if DEMO_MINOR >= 1
    struct hampel hampel;
#endif
    struct pid heater;
    struct stats stats;
    struct nmea_fix fix;
    struct sched sched;
    double celsius; /* filtered */
    double target;
    uint32_t clock_offset; /* seconds since 1970 at the start of the board */
    uint32_t frames;       /* telemetry frames made */
    bool quiet;            /* no telemetry on the console */
};

extern struct node node;

/** Settings in memory that looks like NOR flash, then all modules. */
void node_init(void);

/** One sample: model, converter, filters, controller. */
void node_sample(uint32_t now_ms);

/** Seconds since 1970. */
uint32_t node_time(uint32_t now_ms);

/** What flash the settings live on. */
const struct dfota_flash *node_flash(void);

#endif
