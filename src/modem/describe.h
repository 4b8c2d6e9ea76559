/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A dialect's tables as JSON: what docs/modules, its pictures and the check
 * that every row has a case are made from.
 *
 * Layer: modem.
 */
#ifndef DFOTA_MODEM_DESCRIBE_H
#define DFOTA_MODEM_DESCRIBE_H

#include "modem/dialect.h"

/** All rows, malloc'd text. NULL: no memory. */
char *describe(const struct dialect *d);

#endif
