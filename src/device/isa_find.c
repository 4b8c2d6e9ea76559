/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All instruction sets by their number. A device knows its own: firmware that
 * defines dfota_isa_find() itself never takes this file out of the library,
 * and with it none of the other sets.
 */
#include "device/package.h"
#include "device/project.h"

const struct dfota_isa *dfota_isa_find(unsigned arch, bool *found)
{
    *found = true;
    switch (arch) {
    case DFOTA_ARCH_RAW:
        return NULL;
    case DFOTA_ARCH_THUMB2:
        return &dfota_isa_thumb2;
    case DFOTA_ARCH_A32:
        return &dfota_isa_a32;
    case DFOTA_ARCH_A64:
        return &dfota_isa_a64;
    case DFOTA_ARCH_RV32:
        return &dfota_isa_rv32;
    case DFOTA_ARCH_RV64:
        return &dfota_isa_rv64;
    case DFOTA_ARCH_XTENSA:
        return &dfota_isa_xtensa;
    case DFOTA_ARCH_AVR:
        return &dfota_isa_avr;
    case DFOTA_ARCH_8051:
        return &dfota_isa_8051;
    case DFOTA_ARCH_X86:
        return &dfota_isa_x86;
    default:
        *found = false;
        return NULL;
    }
}
