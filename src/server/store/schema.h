/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The tables, as numbered steps that only go forward.
 *
 * Layer: server. A step is one transaction. Each says the oldest program
 * (by the last step that it knows) that can still work on its tables: steps
 * add, and what they replace is removed one release later, so several nodes
 * can be brought up to date one after the other.
 */
#ifndef DFOTA_SERVER_STORE_SCHEMA_H
#define DFOTA_SERVER_STORE_SCHEMA_H

#include "server/store/sql.h"

struct schema_step {
    int number;
    int oldest; /* the oldest program's last step */
    const char *text;
};

/** Our own steps, ended by number 0. */
extern const struct schema_step schema_steps[];

/**
 * Bring the tables up to the last of the steps. Several nodes may do it at
 * once.
 *
 * errors   E_VERSION the database belongs to a newer program, which this one
 *          cannot work beside (said in the log); those of sql_run()
 */
int schema_migrate(struct sql *sql, const struct schema_step *steps);

/** May a program that knows these steps go on on this database? errors:
 * E_VERSION (not said in the log); those of sql_run() */
int schema_check(struct sql *sql, const struct schema_step *steps);

#endif
