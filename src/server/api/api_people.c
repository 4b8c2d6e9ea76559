/* SPDX-License-Identifier: Apache-2.0 */
/* People and the tokens of their scripts. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/fleet/units.h"

enum { PASSWORD_MIN = 12, PASSWORD_MAX = 256, DAY_S = 86400 };

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(call, sql, "id:i name:s role:s created:t",
                    "SELECT id, name, role, created FROM person WHERE "
                    "tenant = $1 AND gone IS NULL AND id > $2 ORDER BY id "
                    "LIMIT $3",
                    SQL_ARGS(SQL_INT(call->actor.tenant),
                             SQL_INT(api_cursor(call, 0)),
                             SQL_INT(api_limit(call) + 1)));
}

/* Nobody gives a role above their own. */
static int take_role(struct api_call *call, enum role *role)
{
    const char *word = api_text(call, "role", 16, false);

    if (!word)
        return DFOTA_E_CANCELLED;
    *role = people_role(word);
    if (*role == ROLE_NONE)
        return api_refuse(call, 400,
                          "role: viewer, operator, approver, admin "
                          "or site");
    if (*role > call->actor.role)
        return api_refuse(call, 403, "a role above your own cannot be given");
    return 0;
}

/* Slow on purpose, so before the writer's turn. */
static int hash_password(struct api_call *call)
{
    const char *password = api_text(call, "password", PASSWORD_MAX, true);

    if (call->status >= 400)
        return DFOTA_E_CANCELLED;
    if (!password)
        return 0;
    if (strlen(password) < PASSWORD_MIN)
        return api_refuse(call, 400, "password: at least 12 bytes");
    return people_hash_password(password, call->text);
}

static int add(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"name", "role", "password", NULL};
    const char *name = api_text(call, "name", PEOPLE_NAME_MAX, false);
    enum role role;
    int err = name ? api_only(call, fields) : DFOTA_E_CANCELLED;

    if (!err)
        err = take_role(call, &role);
    if (!err)
        err = people_add(call->api->node, sql, call->actor.tenant,
                         call->actor.name, name, people_role_word(role),
                         call->text[0] ? call->text : NULL);
    if (err == DFOTA_E_STATE)
        return api_refuse(call, 409, "there is a user of that name");
    return err ? err
               : api_answer(call, 201,
                            json_pack("{s:s, s:s}", "name", name, "role",
                                      people_role_word(role)));
}

static int remove_one(struct api_call *call, struct sql *sql)
{
    char object[96];
    int64_t changed;
    int err =
        sql_run(sql,
                "UPDATE person SET gone = $3 WHERE name = $1 AND "
                "tenant = $2 AND gone IS NULL",
                SQL_ARGS(SQL_TEXT(call->parts[0]), SQL_INT(call->actor.tenant),
                         SQL_INT(api_now(call))),
                &changed);

    if (err)
        return err;
    if (changed == 0)
        return api_refuse(call, 404, "there is no such user");
    snprintf(object, sizeof object, "user:%.64s", call->parts[0]);
    err = api_audit(call, sql, "user.remove", object, "");
    return err ? err : api_answer(call, 200, json_object());
}

/* ---- tokens ---- */

static int list_tokens(struct api_call *call, struct sql *sql)
{
    return api_page(
        call, sql, "id:i name:s user:s role:s created:t expires:t revoked:t",
        "SELECT t.id, t.name, p.name, t.role, t.created, t.expires, t.revoked "
        "FROM api_token t JOIN person p ON p.id = t.person WHERE t.tenant = $1 "
        "AND t.id > $2 ORDER BY t.id LIMIT $3",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(api_cursor(call, 0)),
                 SQL_INT(api_limit(call) + 1)));
}

/* The token is said once, in this answer; made before run, which may run
 * twice. */
static int make_token(struct api_call *call)
{
    strcpy(call->text, "dfota_");
    secrets_word(call->text + strlen(call->text));
    return 0;
}

static int find_person(struct api_call *call, struct sql *sql, const char *name,
                       int64_t *id)
{
    int err =
        sql_one_int(sql, id,
                    "SELECT id FROM person WHERE name = $1 AND "
                    "tenant = $2 AND gone IS NULL",
                    SQL_ARGS(SQL_TEXT(name), SQL_INT(call->actor.tenant)));

    return err == DFOTA_E_NOTFOUND
               ? api_refuse(call, 404, "user: there is no such one")
               : err;
}

static int add_token(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"name", "user", "role", "expires_in",
                                         NULL};
    const char *name = api_text(call, "name", PEOPLE_NAME_MAX, false);
    const char *user =
        name ? api_text(call, "user", PEOPLE_NAME_MAX, false) : NULL;
    const char *life = user ? api_text(call, "expires_in", 16, true) : NULL;
    int64_t person, life_s = (int64_t)90 * DAY_S, id;
    char hash[SECRETS_HEX_ROOM], object[96];
    enum role role;
    int err = user ? api_only(call, fields) : DFOTA_E_CANCELLED;

    if (!err && life &&
        !units_duration(life, 60, (int64_t)400 * DAY_S, &life_s))
        err = api_refuse(call, 400, "expires_in: 60s to 400d");
    if (!err)
        err = take_role(call, &role);
    if (!err)
        err = find_person(call, sql, user, &person);
    if (err)
        return err;
    secrets_hash(call->text, strlen(call->text), hash);
    err = sql_one_int(
        sql, &id,
        "INSERT INTO api_token (tenant, person, name, role, hash, created, "
        "expires) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(person), SQL_TEXT(name),
                 SQL_TEXT(people_role_word(role)), SQL_TEXT(hash),
                 SQL_INT(api_now(call)), SQL_INT(api_now(call) + life_s)));
    snprintf(object, sizeof object, "token:%" PRId64, err ? 0 : id);
    if (!err)
        err = api_audit(call, sql, "token.add", object, user);
    return err ? err
               : api_answer(call, 201,
                            json_pack("{s:I, s:s, s:s, s:s}", "id",
                                      (json_int_t)id, "token", call->text,
                                      "user", user, "role",
                                      people_role_word(role)));
}

static int revoke_token(struct api_call *call, struct sql *sql)
{
    int64_t id, changed;
    char object[96];
    int err;

    if (!api_number(call->parts[0], &id))
        return api_refuse(call, 404, "there is no such token");
    err = sql_run(sql,
                  "UPDATE api_token SET revoked = $3 WHERE id = $1 AND "
                  "tenant = $2 AND revoked IS NULL",
                  SQL_ARGS(SQL_INT(id), SQL_INT(call->actor.tenant),
                           SQL_INT(api_now(call))),
                  &changed);
    if (err)
        return err;
    if (changed == 0)
        return api_refuse(call, 404, "there is no such token");
    snprintf(object, sizeof object, "token:%" PRId64, id);
    err = api_audit(call, sql, "token.revoke", object, "");
    return err ? err : api_answer(call, 200, json_object());
}

const struct api_route api_people_routes[] = {
    {HTTP_GET, "users", ROLE_ADMIN, false, list, NULL},
    {HTTP_POST, "users", ROLE_ADMIN, true, add, hash_password},
    {HTTP_DELETE, "users/{}", ROLE_ADMIN, true, remove_one, NULL},
    {HTTP_GET, "tokens", ROLE_ADMIN, false, list_tokens, NULL},
    {HTTP_POST, "tokens", ROLE_ADMIN, true, add_token, make_token},
    {HTTP_DELETE, "tokens/{}", ROLE_ADMIN, true, revoke_token, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
