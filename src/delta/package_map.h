/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A package's copy map, read out whole.
 *
 * Layer: delta.
 */
#ifndef DFOTA_DELTA_PACKAGE_MAP_H
#define DFOTA_DELTA_PACKAGE_MAP_H

#include "delta/segments.h"
#include "device/package.h"

struct package_map {
    struct dfota_package package;
    struct segments segments; /* in production order */
    uint32_t copied;          /* bytes the segments cover */
    uint32_t map_len;         /* bytes the map takes in the body */
};

/** errors: those of dfota_package_open() and the map; E_NOMEM */
int package_map_read(struct package_map *m, const uint8_t *package, size_t len);

void package_map_release(struct package_map *m);

#endif
