/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the files of the families share; nobody else includes this.
 *
 * Layer: at (freestanding).
 */
#ifndef DFOTA_AT_FAMILIES_TABLE_H
#define DFOTA_AT_FAMILIES_TABLE_H

#include "at/family.h"
#include "at/step.h"

/* An array of struct dfota_code as a table. */
#define DFOTA_TABLE(rows)                                                      \
    {                                                                          \
        rows, sizeof(rows) / sizeof((rows)[0])                                 \
    }

/* enum dfota_arg, to be written into it */
#define ARG_NUMBER "\1"
#define ARG_URL "\2"
#define ARG_APN "\3"
#define ARG_ACK "\4"

#endif
