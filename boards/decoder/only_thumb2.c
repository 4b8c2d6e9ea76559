/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What firmware brings to link no more of device/ than it needs: Thumb-2 and
 * raw deltas, without SELF. With these two functions in the program the
 * linker leaves isa_find.c and self.c in the library, and what only they
 * reach. tools/firmware counts a device with this file.
 */
#include "device/package.h"
#include "device/project.h"
#include "device/self.h"

const struct dfota_isa *dfota_isa_find(unsigned arch, bool *found)
{
    *found = arch <= DFOTA_ARCH_THUMB2;
    return arch == DFOTA_ARCH_THUMB2 ? &dfota_isa_thumb2 : NULL;
}

const struct dfota_self_code *dfota_self_find(void)
{
    return NULL;
}
