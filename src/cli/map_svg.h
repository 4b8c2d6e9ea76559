/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The picture of a copy map: the old image above, the new one below, a band
 * for each stretch that was copied, and in red what is new.
 *
 * Layer: cli.
 */
#ifndef DFOTA_CLI_MAP_SVG_H
#define DFOTA_CLI_MAP_SVG_H

#include "cli/package_map.h"

/** returns an exit status; says in one line what failed */
int map_svg_write(const struct package_map *m, const char *path);

#endif
