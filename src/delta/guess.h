/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which architectures are worth a trial.
 *
 * Layer: delta. Projection runs without any coding over a sample of what is
 * copied: an instruction set is right when changed operands come out as the
 * new image has them.
 */
#ifndef DFOTA_DELTA_GUESS_H
#define DFOTA_DELTA_GUESS_H

#include "delta/plan.h"

enum { GUESS_ARCHITECTURES = 3 };

/**
 * map      cut at windows
 * project  T and regions
 * list     out: enum dfota_arch; the two best, the likelier one first, and
 *          one more
 * errors   E_NOMEM
 * cost     at most 512 KiB projected ten times
 */
int guess_architectures(const struct plan_input *in, const struct segments *map,
                        const struct dfota_project *project,
                        uint8_t list[GUESS_ARCHITECTURES]);

#endif
