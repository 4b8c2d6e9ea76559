/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/attempts.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/attempts_priv.h"
#include "server/fleet/events.h"

static int add_note(struct sql *sql, const struct open_attempt *a,
                    const struct report *r, int64_t now)
{
    char text[160];
    int64_t there;
    int err;

    snprintf(text, sizeof text, "http_err %d, update_err %d, version %.64s",
             r->http_err, r->update_err, r->version);
    err =
        sql_one_int(sql, &there, "SELECT count(*) FROM note WHERE attempt = $1",
                    SQL_ARGS(SQL_TEXT(a->id)));
    if (err || there >= 16) /* a module that reports for ever */
        return err;
    return sql_run(
        sql,
        "INSERT INTO note (attempt, at, text) SELECT $1, $2, $3 WHERE NOT "
        "EXISTS (SELECT 1 FROM note WHERE attempt = $1 AND text = $3)",
        SQL_ARGS(SQL_TEXT(a->id), SQL_INT(now), SQL_TEXT(text)), NULL);
}

/* The version that a module reports is the truth. */
static int keep_version(struct sql *sql, const struct open_attempt *a,
                        const struct report *r)
{
    return sql_run(sql, "UPDATE module SET version = $2 WHERE id = $1",
                   SQL_ARGS(SQL_INT(a->module), SQL_TEXT(r->version)), NULL);
}

static int keep_numbers(struct sql *sql, const struct open_attempt *a,
                        const struct report *r)
{
    return sql_run(sql,
                   "UPDATE attempt SET version = $4, http_err = CASE WHEN "
                   "$2 < 0 THEN http_err ELSE $2 END, update_err = CASE WHEN "
                   "$3 < 0 THEN update_err ELSE $3 END WHERE id = $1",
                   SQL_ARGS(SQL_TEXT(a->id), SQL_INT(r->http_err),
                            SQL_INT(r->update_err), SQL_TEXT(r->version)),
                   NULL);
}

/* From now on the module has the update's time, not the download's. */
static int is_loaded(struct sql *sql, const struct open_attempt *a, int64_t now)
{
    struct plan_spec spec;
    int64_t deadline;
    int err = attempts_spec(sql, a->plan, &spec);

    if (err)
        return err;
    deadline = now + spec.update_s;
    plan_spec_release(&spec);
    return sql_run(sql,
                   "UPDATE attempt SET stage = 'loaded', deadline = $2 "
                   "WHERE id = $1 AND state = 'open' AND stage = 'granted'",
                   SQL_ARGS(SQL_TEXT(a->id), SQL_INT(deadline)), NULL);
}

/* The kind of end that a report is; NULL: none yet. */
static const char *judge(const struct open_attempt *a, const struct report *r,
                         char cause[ATTEMPT_TEXT_ROOM])
{
    if (r->http_err > 0) {
        snprintf(cause, ATTEMPT_TEXT_ROOM, "http %d", r->http_err);
        return "failed";
    }
    if (r->update_err > 0) {
        snprintf(cause, ATTEMPT_TEXT_ROOM, "update %d", r->update_err);
        return "failed";
    }
    if (r->update_err < 0)
        return NULL;
    if (strcmp(r->version, a->to_version) != 0) {
        snprintf(cause, ATTEMPT_TEXT_ROOM, "version");
        return "failed";
    }
    snprintf(cause, ATTEMPT_TEXT_ROOM, "reported");
    return "done";
}

/* The number that a failure is known by; of an update that ended with another
 * version none. */
static int number_of(const struct report *r)
{
    return r->http_err > 0     ? r->http_err
           : r->update_err > 0 ? r->update_err
                               : -1;
}

static int first_report(struct sql *sql, const struct open_attempt *a,
                        const struct report *r, int64_t now)
{
    char cause[ATTEMPT_TEXT_ROOM] = "";
    const char *state = judge(a, r, cause);
    int err = keep_numbers(sql, a, r);

    if (!err)
        err = keep_version(sql, a, r);
    if (err)
        return err;
    if (!state)
        return is_loaded(sql, a, now);
    if (strcmp(state, "failed") == 0)
        return attempts_fail(sql, a, number_of(r), cause, now);
    return attempts_close(sql, a, state, cause, now);
}

/* After its end: the same again is nothing new; after "lost" it is news that
 * counts; anything else is kept as a note. */
static int later_report(struct sql *sql, const struct open_attempt *a,
                        const struct report *r, int64_t now)
{
    char cause[ATTEMPT_TEXT_ROOM] = "";
    const char *state = judge(a, r, cause);
    int err;

    if (a->http_err == r->http_err && a->update_err == r->update_err &&
        strcmp(a->version, r->version) == 0)
        return 0;
    if (!a->is_lost || !state)
        return add_note(sql, a, r, now);
    err = keep_numbers(sql, a, r);
    if (!err)
        err = add_note(sql, a, r, now);
    if (!err)
        err = sql_run(
            sql,
            "UPDATE attempt SET state = $2, cause = $3 WHERE id = $1 "
            "AND state = 'lost'",
            SQL_ARGS(SQL_TEXT(a->id), SQL_TEXT(state), SQL_TEXT(cause)), NULL);
    if (!err && strcmp(state, "done") == 0)
        err = sql_run(sql,
                      "UPDATE module SET updates = updates + 1 WHERE id = $1",
                      SQL_ARGS(SQL_INT(a->module)), NULL);
    return err ? err : events_attempt(sql, a->id, now);
}

static int plan_is_known(struct sql *sql, const struct report *r,
                         int64_t tenant, bool *known)
{
    int64_t n = 1;
    int err = 0;

    if (r->plan)
        err = sql_one_int(
            sql, &n, "SELECT count(*) FROM plan WHERE id = $1 AND tenant = $2",
            SQL_ARGS(SQL_INT(r->plan), SQL_INT(tenant)));
    *known = n > 0;
    return err;
}

int attempts_report(const struct node *node, struct sql *sql,
                    const struct module_view *module,
                    const struct report *report, int *code)
{
    int64_t now = clock_wall(node->clock);
    struct open_attempt a;
    bool known;
    int err = plan_is_known(sql, report, module->tenant, &known);

    *code = S4_PLAN_UNKNOWN;
    if (err || !known)
        return err;
    err = attempts_find(sql, report->attempt, &a);
    if (err == DFOTA_E_NOTFOUND)
        err = attempts_find_open(sql, module->id, &a);
    if (err)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    *code = S4_OTHER_MODULE;
    if (a.module != module->id)
        return 0;
    *code = 0;
    return a.is_open ? first_report(sql, &a, report, now)
                     : later_report(sql, &a, report, now);
}
