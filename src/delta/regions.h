/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where the parts of an image run, when its own headers say so.
 *
 * Layer: delta. Firmware of the ESP32 and ESP8266 families is a list of
 * segments {address, length, bytes}: offset and address are not one linear
 * map, and the segments' addresses move from version to version. What is
 * found here is a guess for projection, checked by coding with it.
 */
#ifndef DFOTA_DELTA_REGIONS_H
#define DFOTA_DELTA_REGIONS_H

#include "device/project.h"

/* One place is left for a region of the whole image, behind the others. */
enum { REGIONS_FOUND_MAX = DFOTA_REGIONS_MAX - 1 };

/**
 * Find segments in both versions and match them. Those that are the same in
 * both are left out.
 *
 * out      the longest matched segments, by offset; none overlap
 * returns  how many, 0 when nothing is recognised
 * cost     O(old_len + image_len)
 */
uint8_t regions_find(const uint8_t *old, size_t old_len, const uint8_t *image,
                     size_t image_len,
                     struct dfota_region out[REGIONS_FOUND_MAX]);

#endif
