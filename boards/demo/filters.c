/* SPDX-License-Identifier: Apache-2.0 */
#include "filters.h"

#include <math.h>
#include <string.h>

#define PI_F 3.14159265f

/* Coefficients after R. Bristow-Johnson's Audio EQ Cookbook. */
static void section(struct biquad *f, float b0, float b1, float b2, float cosw,
                    float alpha)
{
    float a0 = 1 + alpha;

    f->b0 = b0 / a0;
    f->b1 = b1 / a0;
    f->b2 = b2 / a0;
    f->a1 = -2 * cosw / a0;
    f->a2 = (1 - alpha) / a0;
    f->z1 = f->z2 = 0;
}

void biquad_low_pass(struct biquad *f, float cutoff_hz, float rate_hz, float q)
{
    float w = 2 * PI_F * cutoff_hz / rate_hz, c = cosf(w);

    section(f, (1 - c) / 2, 1 - c, (1 - c) / 2, c, sinf(w) / (2 * q));
}

void biquad_high_pass(struct biquad *f, float cutoff_hz, float rate_hz, float q)
{
    float w = 2 * PI_F * cutoff_hz / rate_hz, c = cosf(w);

    section(f, (1 + c) / 2, -1 - c, (1 + c) / 2, c, sinf(w) / (2 * q));
}

void biquad_notch(struct biquad *f, float hz, float rate_hz, float q)
{
    float w = 2 * PI_F * hz / rate_hz, c = cosf(w);

    section(f, 1, -2 * c, 1, c, sinf(w) / (2 * q));
}

float biquad_step(struct biquad *f, float x)
{
    float y = f->b0 * x + f->z1;

    f->z1 = f->b1 * x - f->a1 * y + f->z2;
    f->z2 = f->b2 * x - f->a2 * y;
    return y;
}

void median_init(struct median *f, size_t n)
{
    memset(f, 0, sizeof(*f));
    f->n = n < MEDIAN_MAX ? n : MEDIAN_MAX;
}

static float middle(const float *values, size_t n)
{
    float s[MEDIAN_MAX] = {0};

    for (size_t i = 0; i < n; i++) {
        size_t j = i;

        for (; j > 0 && s[j - 1] > values[i]; j--)
            s[j] = s[j - 1];
        s[j] = values[i];
    }
#if DEMO_MINOR >= 1
    if (n % 2 == 0)
        return (s[n / 2 - 1] + s[n / 2]) / 2;
#endif
    return s[n / 2];
}

float median_step(struct median *f, float x)
{
    f->last[f->at] = x;
    f->at = (f->at + 1) % f->n;
    if (f->count < f->n)
        f->count++;
    return middle(f->last, f->count);
}

void kalman_init(struct kalman *f, float process, float measurement)
{
    f->estimate = 0;
    f->variance = 1e6f;
    f->process = process;
    f->measurement = measurement;
}

float kalman_step(struct kalman *f, float x)
{
    float predicted = f->variance + f->process;
    float gain = predicted / (predicted + f->measurement);

    f->estimate += gain * (x - f->estimate);
    f->variance = (1 - gain) * predicted;
    return f->estimate;
}

#if DEMO_MINOR >= 1
void hampel_init(struct hampel *f, size_t n, float limit)
{
    median_init(&f->median, n);
    f->limit = limit;
    f->replaced = 0;
}

float hampel_step(struct hampel *f, float x)
{
    float centre = median_step(&f->median, x), deviations[MEDIAN_MAX] = {0},
          scale;

    for (size_t i = 0; i < f->median.count; i++)
        deviations[i] = fabsf(f->median.last[i] - centre);
    /* 1.4826 makes the median deviation a standard one for normal noise. */
    scale = 1.4826f * middle(deviations, f->median.count);
    if (f->median.count < 3 || fabsf(x - centre) <= f->limit * scale)
        return x;
    f->replaced++;
    return centre;
}
#endif

float pid_step(struct pid *c, float target, float actual, float dt_s)
{
    float error = target - actual;
    float integral = c->integral + error * dt_s;
    float out =
        c->kp * error + c->ki * integral + c->kd * (c->before - actual) / dt_s;

    c->before = actual;
    if (out > c->high)
        return c->high;
    if (out < c->low)
        return c->low;
    c->integral = integral;
    return out;
}

void stats_add(struct stats *s, float x)
{
    double d = (double)x - s->mean;

    if (s->n == 0 || x < s->least)
        s->least = x;
    if (s->n == 0 || x > s->greatest)
        s->greatest = x;
    s->n++;
    s->mean += d / (double)s->n;
    s->m2 += d * ((double)x - s->mean);
}

double stats_deviation(const struct stats *s)
{
    return s->n > 1 ? sqrt(s->m2 / (double)(s->n - 1)) : 0;
}
