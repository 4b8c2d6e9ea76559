/* SPDX-License-Identifier: Apache-2.0 */
/** Known-answer tests that the node runs at each start. */
#ifndef DEMO_SELFTEST_H
#define DEMO_SELFTEST_H

#include <stdbool.h>

/** Run them all: how many failed. Prints each when verbose. */
int selftest_run(bool verbose);

#endif
