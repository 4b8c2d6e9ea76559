/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/forecast.h"

#include <stdint.h>
#include <stdlib.h>

enum {
    MODULES = 4000,
    DAY_MIN = 1440,
    POLL_MIN = 20160,
    PERIOD_MIN = 20880,
    POLLS_MAX = 4000
};

/* splitmix64: seeded, so that a forecast does not change by itself */
static uint64_t next(uint64_t *state)
{
    uint64_t x = *state += 0x9E3779B97F4A7C15U;

    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
    x = (x ^ x >> 27) * 0x94D049BB133111EBU;
    return x ^ x >> 31;
}

static int length_of(int from, int to)
{
    int length = (to - from + DAY_MIN) % DAY_MIN;

    return length == 0 ? DAY_MIN : length;
}

/* Minutes until the first poll inside. Only the window's length counts, as a
 * module's phase is any. */
static int wait_of(uint64_t *state, int length)
{
    int64_t minute = (int64_t)(next(state) % PERIOD_MIN);
    int64_t phase = (int64_t)(next(state) % DAY_MIN);

    for (int polls = 0; polls < POLLS_MAX; polls++) {
        if ((minute + phase) % DAY_MIN < length)
            break;
        minute += POLL_MIN + (int64_t)(next(state) % DAY_MIN);
    }
    return (int)minute;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int days_of(const int *waits, int percent)
{
    return (waits[(int64_t)(MODULES - 1) * percent / 100] + DAY_MIN - 1) /
           DAY_MIN;
}

void forecast_polls(int from, int to, struct forecast *out)
{
    int *waits = calloc(MODULES, sizeof *waits);
    int length = length_of(from, to);
    uint64_t state = 1;

    *out = (struct forecast){0};
    if (!waits)
        return;
    for (int i = 0; i < MODULES; i++)
        waits[i] = wait_of(&state, length);
    qsort(waits, MODULES, sizeof *waits, compare);
    *out = (struct forecast){days_of(waits, 50), days_of(waits, 95),
                             days_of(waits, 99)};
    free(waits);
}
