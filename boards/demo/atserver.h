/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The node's own AT commands, for hosts that speak nothing else.
 *
 * source   ITU-T V.250 5; 3GPP TS 27.007
 */
#ifndef DEMO_ATSERVER_H
#define DEMO_ATSERVER_H

#include <stdbool.h>
#include <stdint.h>

/** True when a line is for the interpreter: it begins with AT. */
bool atserver_takes(const char *line);

/** Run a line and print what it says, the final result code last. */
void atserver_line(const char *line, uint32_t now_ms);

#endif
