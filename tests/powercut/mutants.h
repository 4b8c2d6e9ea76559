/* SPDX-License-Identifier: Apache-2.0 */
/** Does the harness find updaters with one rule broken? */
#ifndef DFOTA_POWERCUT_MUTANTS_H
#define DFOTA_POWERCUT_MUTANTS_H

#include <stdint.h>

/**
 * Run every program of the folder powercut-mutants beside this one, each
 * until its first brick.
 *
 * runs     most runs a mutant may live through
 * killed   out; total: out
 * returns  0, or E_NOTFOUND there are no mutants
 */
int mutants_run(uint64_t runs, unsigned *killed, unsigned *total);

#endif
