/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Whole modules for fuzz targets: flash and files in memory (a folder of
 * /dev/shm), a clock that the target moves, and a network on which every
 * download ends as its URL says. No input reaches the world outside.
 */
#ifndef DFOTA_TESTS_VIRTUAL_MODULE_H
#define DFOTA_TESTS_VIRTUAL_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "modem/modem.h"

/** The module of a family (any number; the order is that of dialects[]),
 * on, registered, idle, as one that nobody has used yet. */
struct module *virtual_module(unsigned family);

/** Let time pass, in which the module does what is due. */
void virtual_pass(uint64_t ms);

/** Bytes that the module has sent since virtual_module(). */
size_t virtual_said(void);

/** These were the last of them. words: at most 64 bytes */
bool virtual_ended_with(const char *words);

#endif
