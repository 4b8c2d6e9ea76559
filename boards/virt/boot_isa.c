/* SPDX-License-Identifier: Apache-2.0 */
/* In place of src/device/isa_find.c: a Cortex-A15's applications are Thumb-2,
 * and the other instruction sets stay out of the boot loader. */
#include "device/package.h"
#include "device/project.h"

const struct dfota_isa *dfota_isa_find(unsigned arch, bool *found)
{
    *found = arch == DFOTA_ARCH_RAW || arch == DFOTA_ARCH_THUMB2;
    return arch == DFOTA_ARCH_THUMB2 ? &dfota_isa_thumb2 : NULL;
}
