/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The picture of a copy map: the old image above, the new one below, a band
 * for each stretch that was copied, and in red what is new.
 *
 * Layer: delta.
 */
#ifndef DFOTA_DELTA_MAP_SVG_H
#define DFOTA_DELTA_MAP_SVG_H

#include <stdio.h>

#include "delta/package_map.h"

/** Draw it; whether all of it was written, the file knows. */
void map_svg_draw(FILE *f, const struct package_map *m);

#endif
