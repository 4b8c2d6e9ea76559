/* SPDX-License-Identifier: Apache-2.0 */
/** Fast Fourier transform of short records, in single precision. */
#ifndef DEMO_FFT_H
#define DEMO_FFT_H

#include <stddef.h>

#define FFT_MAX 256 /* points */

/** In place; n is a power of two up to FFT_MAX. -1 otherwise. */
int fft(float *re, float *im, size_t n);

/** Apply a Hann window. */
void fft_window(float *re, size_t n);

/**
 * The strongest line of a real record above the mean value.
 *
 * re, im     destroyed
 * hz         out: its frequency, interpolated between bins
 * amplitude  out: of the sine, window corrected
 */
int fft_peak(float *re, float *im, size_t n, float rate_hz, float *hz,
             float *amplitude);

#endif
