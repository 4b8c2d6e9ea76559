/* SPDX-License-Identifier: Apache-2.0 */
#include "sched.h"

static bool due(const struct sched_task *t, uint32_t now)
{
    return t->period_ms == 0 || (int32_t)(now - t->due_ms) >= 0;
}

static void run(struct sched *s, struct sched_task *t, uint32_t now)
{
    uint32_t took;

    t->run(now);
    took = s->clock() - now;
    t->runs++;
    if (took > t->longest_ms)
        t->longest_ms = took;
    if (t->period_ms == 0)
        return;
    t->due_ms += t->period_ms;
    if ((int32_t)(now - t->due_ms) >= 0) { /* do not run after the clock */
        t->late++;
        t->due_ms = now + t->period_ms;
    }
}

bool sched_turn(struct sched *s)
{
    bool ran = false;

    for (size_t i = 0; i < s->count; i++) {
        uint32_t now = s->clock();

        if (due(&s->tasks[i], now)) {
            run(s, &s->tasks[i], now);
            ran = ran || s->tasks[i].period_ms;
        }
    }
    return ran;
}

uint32_t sched_idle_ms(const struct sched *s)
{
    uint32_t now = s->clock(), least = 0xFFFFFFFFu;

    for (size_t i = 0; i < s->count; i++) {
        const struct sched_task *t = &s->tasks[i];

        if (t->period_ms == 0)
            continue;
        if (due(t, now))
            return 0;
        if (t->due_ms - now < least)
            least = t->due_ms - now;
    }
    return least;
}
