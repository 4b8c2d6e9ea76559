/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/classes.h"

#include <stddef.h>
#include <string.h>

#include "delta/build.h"

static const char *const arch_names[] = {
    [DFOTA_ARCH_RAW] = "raw",       [DFOTA_ARCH_THUMB2] = "thumb2",
    [DFOTA_ARCH_A32] = "a32",       [DFOTA_ARCH_A64] = "a64",
    [DFOTA_ARCH_RV32] = "rv32",     [DFOTA_ARCH_RV64] = "rv64",
    [DFOTA_ARCH_XTENSA] = "xtensa", [DFOTA_ARCH_AVR] = "avr",
    [DFOTA_ARCH_8051] = "8051",     [DFOTA_ARCH_X86] = "x86",
};

static const struct classes_geometry geometries[] = {
    {"bc26", 4 << 20, 4096, 64 << 10},   {"mc65", 4 << 20, 4096, 64 << 10},
    {"bg95", 4 << 20, 4096, 64 << 10},   {"bg96", 4 << 20, 4096, 0},
    {"bg96-softbank", 4 << 20, 4096, 0}, {"eg25", 4 << 20, 4096, 0},
};

const struct classes_geometry *classes_geometry_of(const char *name)
{
    for (size_t i = 0; name && i < sizeof geometries / sizeof geometries[0];
         i++) {
        if (strcmp(name, geometries[i].name) == 0)
            return &geometries[i];
    }
    return NULL;
}

bool classes_parse_arch(const char *name, int *arch)
{
    bool found;

    if (strcmp(name, "auto") == 0) {
        *arch = BUILD_ARCH_AUTO;
        return true;
    }
    for (unsigned i = 0; i < sizeof arch_names / sizeof arch_names[0]; i++) {
        if (strcmp(name, arch_names[i]) == 0) {
            *arch = (int)i;
            dfota_isa_find(i, &found);
            return found;
        }
    }
    return false;
}

const char *classes_arch_name(unsigned arch)
{
    return arch < sizeof arch_names / sizeof arch_names[0] ? arch_names[arch]
                                                           : "unknown";
}
