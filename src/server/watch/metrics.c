/* SPDX-License-Identifier: Apache-2.0 */
#include "server/watch/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "server/http/tls.h"
#include "server/node/housekeeping.h"

static void head(struct buffer *b, const char *name, const char *kind,
                 const char *help)
{
    buffer_printf(b, "# HELP dfota_%s %s\n# TYPE dfota_%s %s\n", name, help,
                  name, kind);
}

static void one(struct buffer *b, const char *name, const char *kind,
                const char *help, int64_t value)
{
    head(b, name, kind, help);
    buffer_printf(b, "dfota_%s %" PRId64 "\n", name, value);
}

/* ---- of this process ---- */

static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char line[128] = "";
    int64_t pages = 0;

    if (!f)
        return 0;
    if (fgets(line, sizeof line, f)) /* size, then what is resident */
        pages = strtol(line + strcspn(line, " "), NULL, 10);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void add_process(const struct admin *admin, struct buffer *b)
{
    struct rusage use;

    head(b, "info", "gauge", "always 1, with what runs");
    buffer_printf(b, "dfota_info{version=\"%s\"} 1\n", DFOTA_PROGRAM_VERSION);
    one(b, "resident_bytes", "gauge", "memory of the process",
        resident_bytes());
    if (getrusage(RUSAGE_SELF, &use) == 0) {
        head(b, "cpu_seconds_total", "counter", "CPU the process took");
        buffer_printf(
            b, "dfota_cpu_seconds_total %.2f\n",
            (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    }
    if (admin->tls && tls_expiry(admin->tls) > 0)
        one(b, "certificate_expiry_seconds", "gauge",
            "when the first certificate of HTTPS ends, since 1970",
            tls_expiry(admin->tls));
}

static void add_disk(const struct admin *admin, struct buffer *b)
{
    struct housekeeping_disk disk;

    if (!admin->housekeeping)
        return;
    housekeeping_disk(admin->housekeeping, &disk);
    one(b, "disk_free_bytes", "gauge", "of the data folder's disk", disk.free);
    one(b, "disk_size_bytes", "gauge", "of the data folder's disk", disk.size);
    if (disk.full_in_s >= 0)
        one(b, "disk_full_in_seconds", "gauge",
            "at the pace of the last day; not there while it does not fill",
            disk.full_in_s);
}

static void add_node(const struct node *node, struct buffer *b)
{
    unsigned long commits, jobs;

    store_count(node->store, &commits, &jobs);
    one(b, "modules", "gauge", "modules in memory",
        (int64_t)fleet_module_count(node->fleet));
    one(b, "plans_running", "gauge", "plans that run",
        (int64_t)fleet_plan_count(node->fleet));
    one(b, "commits_total", "counter", "transactions on the disk",
        (int64_t)commits);
    one(b, "facts_total", "counter", "facts in them", (int64_t)jobs);
    one(b, "facts_waiting", "gauge", "facts that wait for the writer",
        (int64_t)store_waiting(node->store));
    one(b, "clock_off", "gauge", "1 while the clock is not trusted",
        atomic_load(&node->clock_is_off));
    one(b, "database_off", "gauge", "1 while the database cannot be written",
        atomic_load(&node->database_is_off));
}

/* ---- of the database ---- */

static int64_t number(struct sql *sql, const char *question, const char *text,
                      int64_t moment)
{
    int64_t n = -1;

    sql_one_int(sql, &n, question, SQL_ARGS(SQL_INT(moment), SQL_TEXT(text)));
    return n;
}

/* Every state has its line, so that an alert may ask for any of them. */
static void add_packages(struct sql *sql, struct buffer *b)
{
    static const char *const states[] = {"waiting", "building", "unsigned",
                                         "ready", "failed"};
    enum { N = sizeof states / sizeof states[0] };
    int64_t counts[N] = {0};
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT state, count(*) FROM package GROUP BY state",
                        SQL_NONE);

    while (!err && sql_next(&rows) == DFOTA_MORE) {
        for (unsigned i = 0; i < N; i++) {
            if (strcmp(sql_text(&rows, 0), states[i]) == 0)
                counts[i] = sql_int(&rows, 1);
        }
    }
    sql_done(&rows);
    head(b, "packages", "gauge", "packages by state");
    for (unsigned i = 0; i < N; i++)
        buffer_printf(b, "dfota_packages{state=\"%s\"} %" PRId64 "\n",
                      states[i], counts[i]);
}

static void add_plans(struct sql *sql, struct buffer *b)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT p.id, a.state, count(*) FROM plan p JOIN "
                        "attempt a ON a.plan = p.id WHERE p.state = 'running' "
                        "GROUP BY p.id, a.state ORDER BY p.id, a.state",
                        SQL_NONE);

    head(b, "plan_attempts", "gauge", "attempts of running plans by state");
    while (!err && sql_next(&rows) == DFOTA_MORE)
        buffer_printf(b,
                      "dfota_plan_attempts{plan=\"%" PRId64
                      "\",state=\"%s\"} %" PRId64 "\n",
                      sql_int(&rows, 0), sql_text(&rows, 1), sql_int(&rows, 2));
    sql_done(&rows);
}

static void add_database(const struct node *node, struct buffer *b)
{
    int64_t now = clock_wall(node->clock), expiry;
    struct sql *sql;
    bool up = store_read_begin(node->store, &sql) == 0;

    one(b, "database_up", "gauge", "1 while the database answers", up);
    if (!up)
        return;
    add_packages(sql, b);
    add_plans(sql, b);
    one(b, "lwm2m_registrations", "gauge", "LwM2M clients registered here",
        number(sql,
               "SELECT count(*) FROM lwm2m_registration WHERE expires > $1 AND "
               "node = $2",
               node->name, now));
    one(b, "deliveries_waiting", "gauge", "web hooks that were not told yet",
        number(sql,
               "SELECT count(*) FROM delivery WHERE state = 'waiting' AND "
               "created <= $1 AND $2 <> ''",
               "-", now));
    expiry = number(sql,
                    "SELECT coalesce(min(expires), 0) FROM api_token WHERE "
                    "revoked IS NULL AND expires > $1 AND $2 <> ''",
                    "-", now);
    if (expiry > 0)
        one(b, "token_expiry_seconds", "gauge",
            "when the next API token ends, since 1970", expiry);
    one(b, "audit_entries", "gauge", "of this node, the number of the last one",
        number(sql,
               "SELECT coalesce(max(number), 0) FROM audit WHERE node = $2 AND "
               "at <= $1",
               node->name, INT64_MAX));
    store_read_end(node->store, sql);
}

void metrics_write(const struct admin *admin, struct buffer *out)
{
    add_process(admin, out);
    add_disk(admin, out);
    add_node(admin->node, out);
    add_database(admin->node, out);
}
