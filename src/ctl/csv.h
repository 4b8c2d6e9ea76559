/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tables as comma-separated values, RFC 4180.
 *
 * Layer: ctl.
 */
#ifndef DFOTA_CTL_CSV_H
#define DFOTA_CTL_CSV_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/** A list of lists of texts; empty lines are left out. bad_line: out, where
 * it is none. returns NULL then */
json_t *csv_parse(const char *text, size_t len, int *bad_line);

/** One cell and what follows it. A text that a spreadsheet would take for a
 * formula gets a quote in front. */
void csv_print(FILE *out, const json_t *value, char end);

#endif
