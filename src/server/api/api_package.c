/* SPDX-License-Identifier: Apache-2.0 */
/* Packages: building, signing where the key is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "device/crypto.h"
#include "server/api/api_call.h"
#include "server/depot/depot.h"

#define PACKAGE_COLUMNS                                                        \
    "id:i model:s from:s to:s class:s state:s full:b size:i sha256:s "         \
    "digest:s tries:i why:s created:t"
#define PACKAGE_QUERY                                                          \
    "SELECT k.id, t.model, s.version, t.version, t.class, k.state, "           \
    "k.full_image, k.size, k.sha256, k.digest, k.tries, k.why, k.created "     \
    "FROM package k JOIN firmware t ON t.id = k.target "                       \
    "LEFT JOIN firmware s ON s.id = k.source WHERE k.tenant = $1 "

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(call, sql, PACKAGE_COLUMNS,
                    PACKAGE_QUERY "AND k.id > $2 AND ($3 = '' OR k.state = $3) "
                                  "ORDER BY k.id LIMIT $4",
                    SQL_ARGS(SQL_INT(call->actor.tenant),
                             SQL_INT(api_cursor(call, 0)),
                             SQL_TEXT(api_query(call, "state")),
                             SQL_INT(api_limit(call) + 1)));
}

static int show_id(struct api_call *call, struct sql *sql, int64_t id,
                   unsigned status)
{
    json_t *items;
    int err =
        api_rows(sql, PACKAGE_COLUMNS, &items, PACKAGE_QUERY "AND k.id = $2",
                 SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(id)));

    if (err)
        return err;
    if (json_array_size(items) == 0)
        err = api_refuse(call, 404, "there is no such package");
    else
        err = api_answer(call, status, json_incref(json_array_get(items, 0)));
    json_decref(items);
    return err;
}

static int show(struct api_call *call, struct sql *sql)
{
    int64_t id;

    if (!api_number(call->parts[0], &id))
        return api_refuse(call, 404, "there is no such package");
    return show_id(call, sql, id, 200);
}

static int find_firmware(struct api_call *call, struct sql *sql,
                         const char *field, int64_t *id)
{
    const json_t *value = json_object_get(call->body, field);
    int64_t n = 0;
    int err;

    *id = json_integer_value(value);
    if (!json_is_integer(value))
        return api_refuse(call, 400, "%s: the number of a firmware is wanted",
                          field);
    err = sql_one_int(
        sql, &n, "SELECT count(*) FROM firmware WHERE id = $1 AND tenant = $2",
        SQL_ARGS(SQL_INT(*id), SQL_INT(call->actor.tenant)));
    if (!err && n == 0)
        err = api_refuse(call, 404, "%s: there is no such firmware", field);
    return err;
}

/* "both": the way back, too. */
static int want(struct api_call *call, struct sql *sql, int64_t from,
                int64_t to, int64_t *id)
{
    int64_t now = api_now(call), back;
    const json_t *both = json_object_get(call->body, "both");

    if (both && !json_is_boolean(both))
        return api_refuse(call, 400, "both: true or false is wanted");
    if (json_is_true(both) && from == 0)
        return api_refuse(call, 400, "both: a full image has no way back");
    if (json_is_true(both)) {
        int err = depot_want(sql, call->actor.tenant, to, from, now, &back);

        if (err)
            return err;
    }
    return depot_want(sql, call->actor.tenant, from, to, now, id);
}

static int build(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"from", "to", "both", NULL};
    int64_t from = 0, to = 0, id = 0;
    int err = api_only(call, fields);

    if (!err && json_object_get(call->body, "from"))
        err = find_firmware(call, sql, "from", &from);
    if (!err)
        err = find_firmware(call, sql, "to", &to);
    if (!err && from == to)
        err = api_refuse(call, 400, "from and to are the same");
    if (!err)
        err = want(call, sql, from, to, &id);
    if (err)
        return err;
    depot_wake(call->api->depot);
    return show_id(call, sql, id, 202);
}

/* Where the bytes go: the copy map as a picture. */
static int map(struct api_call *call, struct sql *sql)
{
    struct MHD_Response *response;
    char *svg = NULL;
    size_t len = 0;
    int64_t id;
    int err = api_number(call->parts[0], &id)
                  ? depot_map(call->api->depot, sql, call->actor.tenant, id,
                              &svg, &len)
                  : DFOTA_E_NOTFOUND;

    if (err) {
        free(svg);
        return err == DFOTA_E_NOTFOUND
                   ? api_refuse(call, 404,
                                "there is no such package, or it is not "
                                "built yet")
                   : err;
    }
    response = MHD_create_response_from_buffer(len, svg, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(svg);
        return DFOTA_E_NOMEM;
    }
    MHD_add_response_header(response, "Content-Type", "image/svg+xml");
    call->response = response;
    call->status = 200;
    return 0;
}

/* ---- signing ---- */

static const char digits[] = "0123456789abcdef";

/* The bytes that the signature covers, so that who signs sees what. */
static int head(struct api_call *call, struct sql *sql)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    int64_t id;
    char *hex;
    int err;

    if (!api_number(call->parts[0], &id))
        return api_refuse(call, 404, "there is no such package");
    err =
        depot_head(call->api->depot, sql, call->actor.tenant, id, &bytes, &len);
    if (err == DFOTA_E_NOTFOUND)
        return api_refuse(call, 404,
                          "there is no such package, or it is not "
                          "built yet");
    if (err)
        return err;
    hex = malloc(2 * len + 1);
    for (size_t i = 0; hex && i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    if (hex) {
        hex[2 * len] = '\0';
        err = api_answer(call, 200, json_pack("{s:s}", "head", hex));
    }
    free(hex);
    free(bytes);
    return hex ? err : DFOTA_E_NOMEM;
}

/* Decoding takes its time, so it is done before the writer's turn. */
static int check_signature(struct api_call *call)
{
    const char *hex =
        json_string_value(json_object_get(call->body, "signature"));
    uint8_t signature[DFOTA_SIGNATURE_LEN];
    struct sql *sql;
    int64_t id;
    int err;

    if (!api_number(call->parts[0], &id))
        return api_refuse(call, 404, "there is no such package");
    if (!hex || !secrets_from_hex(hex, signature, sizeof signature))
        return api_refuse(call, 400, "signature: 128 hex digits are wanted");
    err = store_read_begin(call->api->node->store, &sql);
    if (err)
        return err;
    err = depot_sign(call->api->depot, sql, call->actor.tenant, id, signature,
                     call->text, &call->number);
    store_read_end(call->api->node->store, sql);
    switch (err) {
    case DFOTA_E_NOTFOUND:
        return api_refuse(call, 404,
                          "there is no such package, or it is not "
                          "built yet");
    case DFOTA_E_KEY:
        return api_refuse(call, 409,
                          "the class of this package has no public "
                          "key: dfotactl class set CLASS --cert "
                          "FILE");
    case DFOTA_E_SIGNATURE:
        return api_refuse(call, 422,
                          "the signature does not fit the class's "
                          "public key");
    default:
        return err;
    }
}

static int sign(struct api_call *call, struct sql *sql)
{
    char object[32];
    int64_t id;
    int err;

    api_number(call->parts[0], &id);
    snprintf(object, sizeof object, "package:%" PRId64, id);
    err = sql_run(
        sql,
        "UPDATE package SET state = 'ready', sha256 = $2, size = $3 "
        "WHERE id = $1 AND state IN ('unsigned', 'ready')",
        SQL_ARGS(SQL_INT(id), SQL_TEXT(call->text), SQL_INT(call->number)),
        NULL);
    if (!err)
        err = events_package(sql, id, api_now(call));
    if (!err)
        err = api_audit(call, sql, "package.sign", object, "");
    return err ? err : show_id(call, sql, id, 200);
}

const struct api_route api_package_routes[] = {
    {HTTP_GET, "packages", ROLE_VIEWER, false, list, NULL},
    {HTTP_POST, "packages", ROLE_OPERATOR, true, build, NULL},
    {HTTP_GET, "packages/{}", ROLE_VIEWER, false, show, NULL},
    {HTTP_GET, "packages/{}/map", ROLE_VIEWER, false, map, NULL},
    {HTTP_GET, "packages/{}/head", ROLE_VIEWER, false, head, NULL},
    {HTTP_POST, "packages/{}/signature", ROLE_OPERATOR, true, sign,
     check_signature},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
