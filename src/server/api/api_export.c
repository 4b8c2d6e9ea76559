/* SPDX-License-Identifier: Apache-2.0 */
/* The results of one plan as a table for spreadsheets, row by row. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/buffer.h"
#include "server/api/api_call.h"
#include "server/fleet/units.h"

enum { ROWS_AT_ONCE = 500, PIECE = 16 * 1024, PIECE_MAX = 4 << 20 };

#define COLUMNS                                                                \
    "attempt,plan,stage,imei,from,target,state,step,cause,http_err,"           \
    "update_err,version,granted,deadline,closed,node\r\n"
enum { N_COLUMNS = 16, FIRST_MOMENT = 12, LAST_MOMENT = 14 };

/* A download under way: a place between two rows. */
struct export
{
    struct store *store;
    int64_t tenant, plan, granted;
    char last[40]; /* the attempt it has */
    struct buffer out;
    size_t given;
    bool over;
};

/* What a spreadsheet would take for a formula gets a quote in front. */
static void add_cell(struct buffer *out, const char *text)
{
    bool risky = *text && strchr("=+-@\t\r", *text);
    bool quoted = risky || text[strcspn(text, ",\"\r\n")] != '\0';

    if (!quoted) {
        buffer_add_str(out, text);
        return;
    }
    buffer_add_str(out, risky ? "\"'" : "\"");
    for (; *text; text++) {
        if (*text == '"')
            buffer_add_str(out, "\"");
        buffer_add(out, text, 1);
    }
    buffer_add_str(out, "\"");
}

static void add_row(struct export *e, const struct sql_rows *rows)
{
    char moment[32];

    for (int i = 0; i < N_COLUMNS; i++) {
        const char *text = sql_text(rows, i);

        if (text && i >= FIRST_MOMENT && i <= LAST_MOMENT) {
            units_moment_text(sql_int(rows, i), moment);
            text = moment;
        }
        add_cell(&e->out, text ? text : "");
        buffer_add_str(&e->out, i + 1 < N_COLUMNS ? "," : "\r\n");
    }
    e->granted = sql_int(rows, FIRST_MOMENT);
    snprintf(e->last, sizeof e->last, "%s", sql_text(rows, 0));
}

static int read_rows(struct export *e, struct sql *sql)
{
    struct sql_rows rows;
    int n = 0;
    int err = sql_query(
        sql, &rows,
        "SELECT id, plan, plan_stage + 1, imei, from_version, to_version, "
        "state, stage, cause, http_err, update_err, version, granted, "
        "deadline, closed, node FROM attempt WHERE tenant = $1 AND plan = $2 "
        "AND (granted > $3 OR (granted = $3 AND id > $4)) ORDER BY granted, id "
        "LIMIT 500",
        SQL_ARGS(SQL_INT(e->tenant), SQL_INT(e->plan), SQL_INT(e->granted),
                 SQL_TEXT(e->last)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        err = 0;
        n++;
        add_row(e, &rows);
    }
    sql_done(&rows);
    e->over = n < ROWS_AT_ONCE;
    return err ? err : e->out.err;
}

static int fill(struct export *e)
{
    struct sql *sql;
    int err = store_read_begin(e->store, &sql);

    if (err)
        return err;
    buffer_clear(&e->out);
    e->given = 0;
    err = read_rows(e, sql);
    store_read_end(e->store, sql);
    return err;
}

static ssize_t give(void *ctx, uint64_t at, char *out, size_t room)
{
    struct export *e = ctx;
    size_t len;

    (void)at;
    if (e->given == e->out.len && !e->over && fill(e) != 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    len = e->out.len - e->given < room ? e->out.len - e->given : room;
    memcpy(out, e->out.data + e->given, len);
    e->given += len;
    return len ? (ssize_t)len : MHD_CONTENT_READER_END_OF_STREAM;
}

static void end(void *ctx)
{
    struct export *e = ctx;

    buffer_release(&e->out);
    free(e);
}

static int answer(struct api_call *call, int64_t plan)
{
    struct export *e = calloc(1, sizeof *e);
    char name[80];

    if (!e)
        return DFOTA_E_NOMEM;
    *e = (struct export){.store = call->api->node->store,
                         .tenant = call->actor.tenant,
                         .plan = plan,
                         .granted = -1};
    buffer_init(&e->out, PIECE_MAX);
    buffer_add_str(&e->out, COLUMNS);
    call->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE,
                                                       give, e, end);
    if (!call->response) {
        end(e);
        return DFOTA_E_NOMEM;
    }
    call->status = 200;
    snprintf(name, sizeof name, "attachment; filename=\"plan-%" PRId64 ".csv\"",
             plan);
    MHD_add_response_header(call->response, "Content-Type",
                            "text/csv; charset=utf-8");
    MHD_add_response_header(call->response, "Content-Disposition", name);
    MHD_add_response_header(call->response, "Cache-Control", "no-store");
    return 0;
}

static int export(struct api_call *call, struct sql *sql)
{
    int64_t plan = 0, n = 0;
    int err = 0;

    if (api_number(call->parts[0], &plan))
        err = sql_one_int(
            sql, &n, "SELECT count(*) FROM plan WHERE id = $1 AND tenant = $2",
            SQL_ARGS(SQL_INT(plan), SQL_INT(call->actor.tenant)));
    if (!err && n == 0)
        err = api_refuse(call, 404, "there is no such plan");
    return err ? err : answer(call, plan);
}

const struct api_route api_export_routes[] = {
    {HTTP_GET, "plans/{}/export", ROLE_VIEWER, API_READS, export, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
