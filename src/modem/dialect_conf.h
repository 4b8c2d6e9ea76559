/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DIALECT.conf: a family's radio answers, timing and default ports as one
 * module shall have them.
 *
 * Layer: modem. A line is `key = value`, or blank, or begins with #. The
 * table in dialect_conf.c has every key with its range; dfota-module(1)
 * lists them.
 */
#ifndef DFOTA_MODEM_DIALECT_CONF_H
#define DFOTA_MODEM_DIALECT_CONF_H

#include "modem/dialect.h"

struct dialect_conf {
    struct dialect dialect; /* the built-in one with the file's values */
    struct polling polling; /* what dialect.polling points at, if it polls */
    char *text;             /* owned; values of dialect point into it */
};

/* Not to be moved once it is loaded: it points into itself. */

/**
 * Read a file over a built-in dialect.
 *
 * base     copied to c->dialect, also when the file is not there
 * must     a file that is not there is an error
 * errors   E_IO, E_FULL (over 64 KiB), E_SYNTAX, E_NOMEM; all said in one
 *          line that names the file, and line and key for E_SYNTAX
 */
int dialect_conf_load(struct dialect_conf *c, const struct dialect *base,
                      const char *path, bool must);

/**
 * The same for a text in memory.
 *
 * text     len bytes with a NUL behind them; written to, and c->dialect
 *          points into it
 * name     of the file, for messages
 * errors   E_SYNTAX, said
 */
int dialect_conf_parse(struct dialect_conf *c, char *text, size_t len,
                       const char *name);

void dialect_conf_release(struct dialect_conf *c);

#endif
