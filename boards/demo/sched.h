/* SPDX-License-Identifier: Apache-2.0 */
/** Cooperative scheduler: tasks that are due run in order of their table. */
#ifndef DEMO_SCHED_H
#define DEMO_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sched_task {
    const char *name;
    void (*run)(uint32_t now_ms);
    uint32_t period_ms; /* 0: at every turn */
    uint32_t due_ms;
    uint32_t runs, late; /* late: began a whole period after it was due */
    uint32_t longest_ms;
};

struct sched {
    struct sched_task *tasks;
    size_t count;
    uint32_t (*clock)(void);
};

/** Run what is due; true when anything with a period ran. */
bool sched_turn(struct sched *s);

/** Milliseconds until the next task is due; 0 when one is. */
uint32_t sched_idle_ms(const struct sched *s);

#endif
