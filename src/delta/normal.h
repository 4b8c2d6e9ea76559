/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Images in a form in which moved code looks the same.
 *
 * Layer: delta. Absolute pointers and the targets of calls are written as
 * the address they will have in the new image, the old ones through T. What
 * projection gets right is then equal byte for byte, and matching finds the
 * long stretches that changed operands had cut up.
 */
#ifndef DFOTA_DELTA_NORMAL_H
#define DFOTA_DELTA_NORMAL_H

#include "device/project.h"

/**
 * project  regions and T; nothing learnt is used
 * old      the old image: through T. Otherwise the new one, as it is
 * out      len bytes
 */
void normal_image(const struct dfota_project *project, const uint8_t *in,
                  uint32_t len, bool old, uint8_t *out);

#endif
