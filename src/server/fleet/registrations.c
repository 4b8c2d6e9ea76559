/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/registrations.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/events.h"

enum { IMEI_DIGITS = 15, NAMED_AT_ONCE = 16, TENANTS_AT_ONCE = 16 };

/* After the 15 digits: nothing, a dash and whatever, or what makes an IMEISV
 * of it, in one piece. */
static bool ends_well(const char *rest, bool is_imeisv)
{
    if (*rest == '\0' || *rest == '-')
        return true;
    return is_imeisv && isdigit((unsigned char)*rest) &&
           (rest[1] == '\0' || rest[1] == '-');
}

bool registration_imei(const char *endpoint, uint64_t *imei)
{
    static const char *const schemes[] = {
        "urn:imei:", "urn:imei-msisdn:", "urn:imei-imeisv:"};
    char digits[IMEI_DIGITS + 1];

    for (int i = 0; i < 3; i++) {
        size_t len = strlen(schemes[i]);

        if (strncmp(endpoint, schemes[i], len) != 0)
            continue;
        snprintf(digits, sizeof digits, "%s", endpoint + len);
        return plan_imei_parse(digits, imei) &&
               ends_well(endpoint + len + IMEI_DIGITS, i == 2);
    }
    return false;
}

/* ---- writing ------------------------------------------------------------- */

/* Whose endpoint does not tell its module: the module's row may. */
static int find_imei(struct sql *sql, struct registration_row *row)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT imei FROM module WHERE endpoint = "
                        "$1",
                        SQL_ARGS(SQL_TEXT(row->endpoint)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        plan_imei_parse(sql_text(&rows, 0), &row->imei);
        err = 0;
    }
    sql_done(&rows);
    return err;
}

static int write_row(const struct node *node, struct sql *sql,
                     struct registration_row *row)
{
    char imei[24];
    int err = row->imei ? 0 : find_imei(sql, row);

    if (err)
        return err;
    snprintf(imei, sizeof imei, "%015" PRIu64, row->imei);
    return sql_run(
        sql,
        "INSERT INTO lwm2m_registration (endpoint, module, node, listener, "
        "address, secure, location, lifetime, lwm2m, binding, links, version, "
        "heard, expires) VALUES ($1, (SELECT id FROM module WHERE imei = $2), "
        "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT "
        "(endpoint) DO UPDATE SET module = excluded.module, node = "
        "excluded.node, listener = excluded.listener, address = "
        "excluded.address, secure = excluded.secure, location = "
        "excluded.location, lifetime = excluded.lifetime, lwm2m = "
        "excluded.lwm2m, binding = excluded.binding, links = excluded.links, "
        "version = coalesce(excluded.version, lwm2m_registration.version), "
        "heard = excluded.heard, expires = excluded.expires",
        SQL_ARGS(SQL_TEXT(row->endpoint), SQL_TEXT(imei), SQL_TEXT(node->name),
                 SQL_TEXT(row->listener), SQL_TEXT(row->address),
                 SQL_INT(row->secure), SQL_TEXT(row->location),
                 SQL_INT(row->lifetime), SQL_TEXT(row->v11 ? "1.1" : "1.0"),
                 SQL_TEXT(row->binding), SQL_TEXT(row->links),
                 SQL_TEXT(row->version[0] ? row->version : NULL),
                 SQL_INT(row->heard), SQL_INT(row->expires)),
        NULL);
}

static int drop_row(const struct node *node, struct sql *sql,
                    const struct registration_row *row)
{
    return sql_run(sql,
                   "DELETE FROM lwm2m_registration WHERE endpoint = $1 AND "
                   "node = $2 AND location = $3",
                   SQL_ARGS(SQL_TEXT(row->endpoint), SQL_TEXT(node->name),
                            SQL_TEXT(row->location)),
                   NULL);
}

static int by_endpoint(const void *a, const void *b)
{
    return strcmp(((const struct registration_row *)a)->endpoint,
                  ((const struct registration_row *)b)->endpoint);
}

static int tell_tenant(struct sql *sql, const struct registration_row *rows,
                       size_t n, int64_t tenant)
{
    json_t *endpoints = json_array();
    json_int_t count = 0;
    int64_t newest = 0;

    for (size_t i = 0; i < n; i++) {
        if (rows[i].gone || rows[i].tenant != tenant)
            continue;
        newest = rows[i].heard > newest ? rows[i].heard : newest;
        if (++count <= NAMED_AT_ONCE)
            json_array_append_new(endpoints, json_string(rows[i].endpoint));
    }
    return events_add(
        sql, tenant, "lwm2m", 0,
        json_pack("{s:I, s:o}", "count", count, "endpoints", endpoints),
        newest);
}

/* One event for all of a tenant, as a storm of them is no news of each. */
static int tell(struct sql *sql, const struct registration_row *rows, size_t n)
{
    int64_t told[TENANTS_AT_ONCE];
    size_t n_told = 0;
    int err = 0;

    for (size_t i = 0; !err && i < n && n_told < TENANTS_AT_ONCE; i++) {
        size_t j = 0;

        while (j < n_told && told[j] != rows[i].tenant)
            j++;
        if (j < n_told || rows[i].gone)
            continue;
        told[n_told++] = rows[i].tenant;
        err = tell_tenant(sql, rows, n, rows[i].tenant);
    }
    return err;
}

/* In their order: two nodes with the same rows would lock each other out. */
int registrations_write(const struct node *node, struct sql *sql,
                        struct registration_row *rows, size_t n)
{
    int err = 0;

    qsort(rows, n, sizeof *rows, by_endpoint);
    for (size_t i = 0; !err && i < n; i++)
        err = rows[i].gone ? drop_row(node, sql, &rows[i])
                           : write_row(node, sql, &rows[i]);
    return err ? err : tell(sql, rows, n);
}

int registrations_forget(struct sql *sql, int64_t before)
{
    return sql_run(sql, "DELETE FROM lwm2m_registration WHERE expires < $1",
                   SQL_ARGS(SQL_INT(before)), NULL);
}

/* ---- reading ------------------------------------------------------------- */

static void take_text(const struct sql_rows *rows, int column, char *out,
                      size_t room)
{
    const char *text = sql_text(rows, column);

    snprintf(out, room, "%s", text ? text : "");
}

static void take_row(const struct sql_rows *rows, struct registration_row *row)
{
    const char *imei = sql_text(rows, 10);

    *row =
        (struct registration_row){.v11 = strcmp(sql_text(rows, 6), "1.1") == 0,
                                  .lifetime = sql_int(rows, 4),
                                  .heard = sql_int(rows, 8),
                                  .expires = sql_int(rows, 9)};
    take_text(rows, 0, row->endpoint, sizeof row->endpoint);
    take_text(rows, 1, row->listener, sizeof row->listener);
    take_text(rows, 2, row->address, sizeof row->address);
    take_text(rows, 3, row->location, sizeof row->location);
    take_text(rows, 5, row->version, sizeof row->version);
    take_text(rows, 7, row->links, sizeof row->links);
    take_text(rows, 11, row->binding, sizeof row->binding);
    if (imei)
        plan_imei_parse(imei, &row->imei);
}

int registrations_read(const struct node *node, struct sql *sql,
                       const char *after, struct registration_row *rows,
                       size_t max, size_t *n)
{
    struct sql_rows found;
    int err = sql_query(
        sql, &found,
        "SELECT r.endpoint, r.listener, r.address, r.location, r.lifetime, "
        "r.version, r.lwm2m, r.links, r.heard, r.expires, m.imei, r.binding "
        "FROM lwm2m_registration r LEFT JOIN module m ON m.id = r.module "
        "WHERE r.node = $1 AND r.secure = 0 AND r.expires > $2 AND "
        "r.endpoint > $3 ORDER BY r.endpoint LIMIT $4",
        SQL_ARGS(SQL_TEXT(node->name), SQL_INT(clock_wall(node->clock)),
                 SQL_TEXT(after), SQL_INT((int64_t)max)));

    *n = 0;
    while (!err && (err = sql_next(&found)) == DFOTA_MORE && *n < max) {
        take_row(&found, &rows[(*n)++]);
        err = 0;
    }
    sql_done(&found);
    return err < 0 ? err : 0;
}
