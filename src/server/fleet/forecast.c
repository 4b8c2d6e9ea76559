/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/forecast.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    SAMPLE = 4000,
    DAY_MIN = 1440,
    POLL_MIN = 20160,
    PERIOD_MIN = 20880,
    END_MIN = FORECAST_DAYS_MAX * DAY_MIN,
    ATTEMPT_MIN = 60
};

/* A module's next poll, and how far its clock is from that of the window. */
struct waiting {
    int32_t minute, phase;
};

/* So many grants in so many minutes, of which a sample gets its share. */
struct limit {
    int64_t grants, minutes;
    int64_t period, given;
};

struct simulation {
    struct waiting all[SAMPLE]; /* a heap, the next in front */
    int64_t n, modules;
    uint64_t seed;
    int length; /* of the window */
    struct limit limits[2];
    int32_t got[SAMPLE]; /* minutes, in rising order */
    int64_t n_got;
};

/* splitmix64: seeded, so that a forecast does not change by itself */
static uint64_t draw(struct simulation *s)
{
    uint64_t x = s->seed += 0x9E3779B97F4A7C15U;

    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
    x = (x ^ x >> 27) * 0x94D049BB133111EBU;
    return x ^ x >> 31;
}

static int length_of(int from, int to)
{
    int length = (to - from + DAY_MIN) % DAY_MIN;

    return length == 0 ? DAY_MIN : length;
}

static void sink(struct simulation *s, int64_t i)
{
    struct waiting moved = s->all[i];
    int64_t child;

    while ((child = 2 * i + 1) < s->n) {
        if (child + 1 < s->n && s->all[child + 1].minute < s->all[child].minute)
            child++;
        if (s->all[child].minute >= moved.minute)
            break;
        s->all[i] = s->all[child];
        i = child;
    }
    s->all[i] = moved;
}

/* What the sample may get of the period in which that minute is: of fractions
 * sometimes one more. */
static int64_t share_of(const struct simulation *s, const struct limit *limit,
                        int64_t period)
{
    int64_t step = limit->grants * SAMPLE;

    return (period + 1) * step / s->modules - period * step / s->modules;
}

static bool is_free(const struct simulation *s, struct limit *limit,
                    int32_t minute)
{
    if (limit->grants == 0 || limit->minutes == 0)
        return true;
    if (limit->period != minute / limit->minutes) {
        limit->period = minute / limit->minutes;
        limit->given = 0;
    }
    return limit->given < share_of(s, limit, limit->period);
}

static bool gets_it(struct simulation *s, const struct waiting *w)
{
    if ((w->minute + w->phase) % DAY_MIN >= s->length ||
        !is_free(s, &s->limits[0], w->minute) ||
        !is_free(s, &s->limits[1], w->minute))
        return false;
    s->limits[0].given++;
    s->limits[1].given++;
    return true;
}

static void run(struct simulation *s)
{
    while (s->n > 0 && s->all[0].minute < END_MIN) {
        if (gets_it(s, &s->all[0])) {
            s->got[s->n_got++] = s->all[0].minute;
            s->all[0] = s->all[--s->n];
        } else {
            s->all[0].minute += POLL_MIN + (int32_t)(draw(s) % DAY_MIN);
        }
        if (s->n > 0)
            sink(s, 0);
    }
}

static int days_of(const struct simulation *s, int percent)
{
    int64_t place = ((int64_t)SAMPLE - 1) * percent / 100;

    return place >= s->n_got ? FORECAST_DAYS_MAX
                             : (s->got[place] + DAY_MIN - 1) / DAY_MIN;
}

static int permille_of(const struct simulation *s, int days)
{
    int64_t n = 0;

    while (n < s->n_got && s->got[n] < days * DAY_MIN)
        n++;
    return (int)(n * 1000 / SAMPLE);
}

void forecast(const struct forecast_question *q, struct forecast *out)
{
    struct simulation *s = calloc(1, sizeof *s);

    *out = (struct forecast){0};
    if (!s)
        return;
    s->seed = 1;
    s->modules = q->modules > 0 ? q->modules : 1;
    s->n = SAMPLE;
    s->length = length_of(q->from, q->to);
    s->limits[0] = (struct limit){q->concurrency, ATTEMPT_MIN, 0, 0};
    s->limits[1] = (struct limit){q->pace, q->pace_min, 0, 0};
    for (int64_t i = 0; i < s->n; i++)
        s->all[i] = (struct waiting){(int32_t)(draw(s) % PERIOD_MIN),
                                     (int32_t)(draw(s) % DAY_MIN)};
    for (int64_t i = s->n; i-- > 0;)
        sink(s, i);
    run(s);
    *out = (struct forecast){days_of(s, 50), days_of(s, 95), days_of(s, 99),
                             permille_of(s, 30)};
    free(s);
}
