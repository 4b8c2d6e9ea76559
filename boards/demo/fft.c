/* SPDX-License-Identifier: Apache-2.0 */
#include "fft.h"

#include <math.h>

#define PI_F 3.14159265f

static void reorder(float *re, float *im, size_t n)
{
    size_t j = 0;

    for (size_t i = 1; i < n; i++) {
        size_t bit = n >> 1;

        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        if (i < j) {
            float t = re[i];

            re[i] = re[j];
            re[j] = t;
            t = im[i];
            im[i] = im[j];
            im[j] = t;
        }
    }
}

static void butterflies(float *re, float *im, size_t n, size_t half)
{
    for (size_t k = 0; k < half; k++) {
        float w = -PI_F * (float)k / (float)half;
        float c = cosf(w), s = sinf(w);

        for (size_t a = k; a < n; a += 2 * half) {
            size_t b = a + half;
            float tr = re[b] * c - im[b] * s, ti = re[b] * s + im[b] * c;

            re[b] = re[a] - tr;
            im[b] = im[a] - ti;
            re[a] += tr;
            im[a] += ti;
        }
    }
}

int fft(float *re, float *im, size_t n)
{
    if (n < 2 || n > FFT_MAX || n & (n - 1))
        return -1;
    reorder(re, im, n);
    for (size_t half = 1; half < n; half *= 2)
        butterflies(re, im, n, half);
    return 0;
}

void fft_window(float *re, size_t n)
{
    for (size_t i = 0; i < n; i++)
        re[i] *= 0.5f - 0.5f * cosf(2 * PI_F * (float)i / (float)n);
}

static void remove_mean(float *re, size_t n)
{
    float sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += re[i];
    for (size_t i = 0; i < n; i++)
        re[i] -= sum / (float)n;
}

int fft_peak(float *re, float *im, size_t n, float rate_hz, float *hz,
             float *amplitude)
{
    size_t best = 1;
    float a, b, c, shift = 0;

    for (size_t i = 0; i < n; i++)
        im[i] = 0;
    remove_mean(re, n);
    fft_window(re, n);
    if (fft(re, im, n))
        return -1;
    for (size_t i = 0; i < n / 2; i++)
        re[i] = hypotf(re[i], im[i]);
    for (size_t i = 2; i + 1 < n / 2; i++)
        if (re[i] > re[best])
            best = i;
    a = re[best - 1];
    b = re[best];
    c = re[best + 1];
    if (a - 2 * b + c < 0) /* the top of the parabola through three bins */
        shift = 0.5f * (a - c) / (a - 2 * b + c);
    *hz = ((float)best + shift) * rate_hz / (float)n;
    *amplitude = 4 * b / (float)n;
    return 0;
}
