/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/schema.h"

#include <time.h>

#include "base/err.h"
#include "os/log.h"

static int last_of(const struct schema_step *steps)
{
    int last = 0;

    for (; steps->number; steps++)
        last = steps->number;
    return last;
}

int schema_check(struct sql *sql, const struct schema_step *steps)
{
    int64_t oldest = 0;
    int err = sql_one_int(sql, &oldest,
                          "SELECT coalesce(max(oldest), 0) FROM schema_step",
                          SQL_NONE);

    return err || oldest <= last_of(steps) ? err : DFOTA_E_VERSION;
}

static int take_step(struct sql *sql, const struct schema_step *step)
{
    int err = sql_begin(sql);

    if (err)
        return err;
    /* First of all, so that of two nodes one waits here and then fails. */
    err = sql_run(sql,
                  "INSERT INTO schema_step (number, oldest, at) "
                  "VALUES ($1, $2, $3)",
                  SQL_ARGS(SQL_INT(step->number), SQL_INT(step->oldest),
                           SQL_INT(time(NULL))),
                  NULL);
    if (!err)
        err = sql_script(sql, step->text);
    if (!err)
        return sql_commit(sql);
    sql_rollback(sql);
    return err == DFOTA_E_STATE ? 0 : err;
}

int schema_migrate(struct sql *sql, const struct schema_step *steps)
{
    int64_t done = 0;
    int err = sql_script(sql, "CREATE TABLE IF NOT EXISTS schema_step ("
                              "number BIGINT PRIMARY KEY, "
                              "oldest BIGINT NOT NULL, at BIGINT NOT NULL)");

    if (err == DFOTA_E_STATE) /* another node made it at the same moment */
        err = 0;
    if (!err)
        err = schema_check(sql, steps);
    if (err == DFOTA_E_VERSION)
        log_error("the database belongs to a newer dfotad, beside which this "
                  "one (step %d) cannot work: install that one",
                  last_of(steps));
    if (!err)
        err = sql_one_int(sql, &done,
                          "SELECT coalesce(max(number), 0) FROM schema_step",
                          SQL_NONE);
    for (; !err && steps->number; steps++) {
        if (steps->number > done)
            err = take_step(sql, steps);
    }
    return err;
}
