/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What firmware brings to link no more of device/ than it needs: Thumb-2 and
 * raw deltas, without SELF. With these functions in the program the
 * linker leaves isa_find.c, self.c and self_parts.c in the library, and what
 * only they reach. tools/firmware counts a device with this file.
 */
#include "base/err.h"
#include "device/package.h"
#include "device/project.h"
#include "device/self.h"
#include "device/updater_parts.h"

const struct dfota_isa *dfota_isa_find(unsigned arch, bool *found)
{
    *found = arch <= DFOTA_ARCH_THUMB2;
    return arch == DFOTA_ARCH_THUMB2 ? &dfota_isa_thumb2 : NULL;
}

const struct dfota_self_code *dfota_self_find(void)
{
    return NULL;
}

void dfota_self_bind(struct dfota_updater *u)
{
    (void)u;
}

bool dfota_updater_is_self(const struct dfota_updater *u)
{
    (void)u;
    return false;
}

int dfota_self_table(struct dfota_updater *u)
{
    (void)u;
    return DFOTA_E_ARCH;
}
