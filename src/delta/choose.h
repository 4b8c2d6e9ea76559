/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Try what can be tried and keep the smallest body.
 *
 * Layer: delta. Candidates are coded for real and their bytes compared:
 * architectures, bases, data pages, the order of windows.
 */
#ifndef DFOTA_DELTA_CHOOSE_H
#define DFOTA_DELTA_CHOOSE_H

#include "delta/build.h"

/**
 * Code the best body found.
 *
 * in       images and package; in->p is p
 * p        arch and the DESCENDING flag are set here
 * errors   E_NOMEM, E_ARENA, E_ARCH
 */
int choose_body(struct body *best, const struct plan_input *in,
                struct dfota_package *p, const struct build_options *o);

#endif
