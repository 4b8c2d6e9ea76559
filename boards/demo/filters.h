/* SPDX-License-Identifier: Apache-2.0 */
/** Filters for sensor samples, one sample in, one out. */
#ifndef DEMO_FILTERS_H
#define DEMO_FILTERS_H

#include <stddef.h>

#include "version.h"

#define MEDIAN_MAX 15

/* Second-order section, transposed direct form II. */
struct biquad {
    float b0, b1, b2, a1, a2, z1, z2;
};

void biquad_low_pass(struct biquad *f, float cutoff_hz, float rate_hz, float q);
void biquad_high_pass(struct biquad *f, float cutoff_hz, float rate_hz,
                      float q);
void biquad_notch(struct biquad *f, float hz, float rate_hz, float q);
float biquad_step(struct biquad *f, float x);

/* Median of the last n samples. */
struct median {
    float last[MEDIAN_MAX];
    size_t n, count, at;
};

void median_init(struct median *f, size_t n);
float median_step(struct median *f, float x);

/* One value with a random walk behind it. */
struct kalman {
    float estimate, variance, process, measurement;
};

void kalman_init(struct kalman *f, float process, float measurement);
float kalman_step(struct kalman *f, float x);

#if DEMO_MINOR >= 1
/* Hampel: a sample far from the median of its neighbours is replaced. */
struct hampel {
    struct median median;
    float limit; /* in units of the scaled median deviation */
    unsigned replaced;
};

void hampel_init(struct hampel *f, size_t n, float limit);
float hampel_step(struct hampel *f, float x);
#endif

/* PID controller with clamped output and no integral wind-up. */
struct pid {
    float kp, ki, kd, low, high, integral, before;
};

float pid_step(struct pid *c, float target, float actual, float dt_s);

/* Running mean and variance (Welford), least and greatest. */
struct stats {
    unsigned long n;
    double mean, m2;
    float least, greatest;
};

void stats_add(struct stats *s, float x);
double stats_deviation(const struct stats *s);

#endif
