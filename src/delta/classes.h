/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Names that people use: architectures, and classes with a geometry.
 *
 * Layer: delta.
 */
#ifndef DFOTA_DELTA_CLASSES_H
#define DFOTA_DELTA_CLASSES_H

#include <stdbool.h>
#include <stdint.h>

struct classes_geometry {
    const char *name;
    uint32_t slot, sector, backup; /* bytes; backup 0: as large as the slot */
};

/** The geometry that a module of this dialect has by default; NULL: the name
 * is no dialect's. */
const struct classes_geometry *classes_geometry_of(const char *name);

/** "auto" gives BUILD_ARCH_AUTO. false: unknown, or not in this build. */
bool classes_parse_arch(const char *name, int *arch);

/** "thumb2"; "unknown" for a number outside the enum. */
const char *classes_arch_name(unsigned arch);

#endif
