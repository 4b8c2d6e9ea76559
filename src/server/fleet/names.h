/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Texts that many modules share (models, versions, groups), kept once and
 * named by a number.
 *
 * Layer: server. Not safe by itself. A text lives until destroy.
 */
#ifndef DFOTA_SERVER_FLEET_NAMES_H
#define DFOTA_SERVER_FLEET_NAMES_H

#include <stdint.h>

struct names;

/** most: texts; past them every new one is number 0, "". NULL: no memory */
struct names *names_create(uint32_t most);
void names_destroy(struct names *names);

/** The number of a text, kept from now on. NULL is "". */
uint32_t names_number(struct names *names, const char *text);
const char *names_text(const struct names *names, uint32_t number);

#endif
