/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A firmware update of the cellular module: the project's own AT client on
 * the second serial port, in place of the module's everyday driver.
 */
#ifndef DEMO_UPGRADE_H
#define DEMO_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Sends bytes to the module. */
typedef void (*upgrade_send)(const void *data, size_t len);

/**
 * Begin; version may be NULL (any other one will do). 0, or an error of
 * base/err.h when one runs already or the URL cannot be given to a module.
 */
int upgrade_start(const char *url, const char *version, upgrade_send send,
                  uint32_t now_ms);

/** True while an update runs: all bytes of the module belong to it. */
bool upgrade_runs(void);

/** Take in bytes of the module. */
void upgrade_bytes(const uint8_t *in, size_t len, uint32_t now_ms);

/** Send what is due, notice deadlines, print the verdict. */
void upgrade_poll(uint32_t now_ms);

#endif
