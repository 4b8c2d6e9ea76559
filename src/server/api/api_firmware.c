/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware images, and the public keys of device classes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "delta/image_load.h"
#include "server/api/api_call.h"
#include "server/depot/depot.h"
#include "server/fleet/contents.h"
#include "server/fleet/units.h"

#define FIRMWARE_COLUMNS                                                       \
    "id:i model:s version:s class:s counter:i size:i sha256:s made_by:s "      \
    "created:t"

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(call, sql, FIRMWARE_COLUMNS,
                    "SELECT id, model, version, class, counter, size, sha256, "
                    "made_by, created FROM firmware WHERE tenant = $1 AND "
                    "id > $2 AND ($3 = '' OR model = $3) ORDER BY id LIMIT $4",
                    SQL_ARGS(SQL_INT(call->actor.tenant),
                             SQL_INT(api_cursor(call, 0)),
                             SQL_TEXT(api_query(call, "model")),
                             SQL_INT(api_limit(call) + 1)));
}

static int show(struct api_call *call, struct sql *sql, int64_t id,
                unsigned status)
{
    json_t *items;
    int err = api_rows(sql, FIRMWARE_COLUMNS, &items,
                       "SELECT id, model, version, class, counter, size, "
                       "sha256, made_by, created FROM firmware WHERE id = $1",
                       SQL_ARGS(SQL_INT(id)));

    if (err)
        return err;
    err = api_answer(call, status, json_incref(json_array_get(items, 0)));
    json_decref(items);
    return err;
}

/* ---- upload ---- */

static uint8_t *read_upload(int fd, size_t len)
{
    uint8_t *data = malloc(len + 1);
    size_t have = 0;

    while (data && have < len) {
        ssize_t n = pread(fd, data + have, len - have, (off_t)have);

        if (n <= 0) {
            free(data);
            return NULL;
        }
        have += (size_t)n;
    }
    return data;
}

/* Hex, ELF and so on become the bytes that a device holds, once, here. */
static int keep_image(struct api_call *call, const uint8_t *file, size_t len)
{
    struct image image;
    int err = image_load(file, len, &image);

    if (err)
        return api_refuse(call, 400, "no firmware image: %s",
                          image.why[0] ? image.why : dfota_strerror(err));
    if (image.len == 0) {
        image_release(&image);
        return api_refuse(call, 400, "the image is empty");
    }
    call->number = (int64_t)image.len;
    err = vault_put(call->api->vault, image.bytes, image.len, call->text);
    image_release(&image);
    return err;
}

static bool is_given(const struct api_call *call, const char *name, size_t max)
{
    size_t len = strlen(api_query(call, name));

    return len > 0 && len <= max;
}

static int take_upload(struct api_call *call)
{
    const struct http_request *request = call->request;
    uint8_t *file;
    int64_t counter;
    int err;

    if (!is_given(call, "model", 64) || !is_given(call, "version", 64))
        return api_refuse(call, 400,
                          "model and version, 1 to 64 bytes each, "
                          "are wanted in the address");
    if (http_query(request, "counter") &&
        !units_number(api_query(call, "counter"), 0, UINT32_MAX, &counter))
        return api_refuse(call, 400, "counter: a number up to 4294967295");
    if (strlen(api_query(call, "class")) > 64)
        return api_refuse(call, 400, "class: at most 64 bytes");
    if (request->body_fd < 0 || request->body_len == 0)
        return api_refuse(call, 400, "the image is the content; there is none");
    file = read_upload(request->body_fd, request->body_len);
    if (!file)
        return DFOTA_E_IO;
    err = keep_image(call, file, request->body_len);
    free(file);
    return err;
}

static int add(struct api_call *call, struct sql *sql)
{
    const char *class_name = api_query(call, "class");
    int64_t id = 0, counter = 0;
    char object[32];
    int err;

    api_number(api_query(call, "counter"), &counter);
    err = sql_one_int(
        sql, &id,
        "INSERT INTO firmware (tenant, model, version, class, counter, size, "
        "sha256, made_by, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
        "ON CONFLICT DO NOTHING RETURNING id",
        SQL_ARGS(SQL_INT(call->actor.tenant),
                 SQL_TEXT(api_query(call, "model")),
                 SQL_TEXT(api_query(call, "version")), SQL_TEXT(class_name),
                 SQL_INT(counter), SQL_INT(call->number), SQL_TEXT(call->text),
                 SQL_TEXT(call->actor.name), SQL_INT(api_now(call))));
    if (err == DFOTA_E_NOTFOUND)
        return api_refuse(call, 409, "%s %s is there already",
                          api_query(call, "model"), api_query(call, "version"));
    snprintf(object, sizeof object, "firmware:%" PRId64, id);
    if (!err)
        err = api_audit(call, sql, "firmware.add", object,
                        api_query(call, "version"));
    return err ? err : show(call, sql, id, 201);
}

static int remove_row(struct api_call *call, struct sql *sql, int64_t id)
{
    char sha256[SECRETS_HEX_ROOM] = "";
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "DELETE FROM firmware WHERE id = $1 AND tenant = $2 "
                        "RETURNING sha256",
                        SQL_ARGS(SQL_INT(id), SQL_INT(call->actor.tenant)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        snprintf(sha256, sizeof sha256, "%s", sql_text(&rows, 0));
        err = sql_next(&rows);
    }
    sql_done(&rows);
    if (!err && !sha256[0])
        return api_refuse(call, 404, "there is no such firmware");
    return err ? err : contents_let_go(sql, sha256, api_now(call));
}

static int remove_one(struct api_call *call, struct sql *sql)
{
    int64_t id, used;
    char object[32];
    int err;

    if (!api_number(call->parts[0], &id))
        return api_refuse(call, 404, "there is no such firmware");
    err = sql_one_int(
        sql, &used,
        "SELECT (SELECT count(*) FROM plan WHERE firmware = f.id) + (SELECT "
        "count(*) FROM package WHERE source = f.id OR target = f.id) FROM "
        "firmware f WHERE f.id = $1 AND f.tenant = $2",
        SQL_ARGS(SQL_INT(id), SQL_INT(call->actor.tenant)));
    if (err == DFOTA_E_NOTFOUND)
        return api_refuse(call, 404, "there is no such firmware");
    if (!err && used > 0)
        return api_refuse(call, 409, "it belongs to plans or packages");
    if (!err)
        err = remove_row(call, sql, id);
    if (err)
        return err;
    snprintf(object, sizeof object, "firmware:%" PRId64, id);
    err = api_audit(call, sql, "firmware.remove", object, "");
    return err ? err : api_answer(call, 200, json_object());
}

/* ---- classes ---- */

static int list_classes(struct api_call *call, struct sql *sql)
{
    return api_page(call, sql, "id:i name:s public_key:s",
                    "SELECT id, name, pem FROM device_class WHERE tenant = $1 "
                    "AND id > $2 ORDER BY id LIMIT $3",
                    SQL_ARGS(SQL_INT(call->actor.tenant),
                             SQL_INT(api_cursor(call, 0)),
                             SQL_INT(api_limit(call) + 1)));
}

static int check_key(struct api_call *call)
{
    const char *pem =
        json_string_value(json_object_get(call->body, "public_key"));

    if (!pem || !depot_is_public_key(pem))
        return api_refuse(call, 400,
                          "public_key: an ECDSA P-256 public key or "
                          "certificate in PEM is wanted");
    if (strlen(call->parts[0]) > 64)
        return api_refuse(call, 400, "a class name has at most 64 bytes");
    return 0;
}

static int set_class(struct api_call *call, struct sql *sql)
{
    const char *pem =
        json_string_value(json_object_get(call->body, "public_key"));
    char object[96];
    int err = sql_run(
        sql,
        "INSERT INTO device_class (tenant, name, pem) VALUES ($1, $2, $3) "
        "ON CONFLICT (tenant, name) DO UPDATE SET pem = excluded.pem",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(call->parts[0]),
                 SQL_TEXT(pem)),
        NULL);

    snprintf(object, sizeof object, "class:%.64s", call->parts[0]);
    if (!err)
        err = api_audit(call, sql, "class.key", object, "");
    return err ? err : api_answer(call, 200, json_object());
}

const struct api_route api_firmware_routes[] = {
    {HTTP_GET, "firmware", ROLE_VIEWER, false, list, NULL},
    {HTTP_POST, "firmware", ROLE_OPERATOR, true, add, take_upload},
    {HTTP_DELETE, "firmware/{}", ROLE_OPERATOR, true, remove_one, NULL},
    {HTTP_GET, "classes", ROLE_VIEWER, false, list_classes, NULL},
    {HTTP_PUT, "classes/{}", ROLE_ADMIN, true, set_class, check_key},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
