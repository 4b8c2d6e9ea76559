/* SPDX-License-Identifier: Apache-2.0 */
/* People and the tokens of their scripts. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_people.h"
#include "server/fleet/sessions.h"
#include "server/fleet/units.h"

enum { DAY_S = 86400 };

#define TOKEN_PREFIX "dfota_"

#define PERSON_COLUMNS "id:i name:s role:s password:b sessions:i created:t"
#define PERSON_QUERY                                                           \
    "SELECT p.id, p.name, p.role, CASE WHEN p.password IS NULL THEN 0 ELSE 1 " \
    "END, (SELECT count(*) FROM session s WHERE s.person = p.id AND "          \
    "s.expires > $2), p.created FROM person p WHERE p.tenant = $1 AND p.gone " \
    "IS NULL "

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(
        call, sql, PERSON_COLUMNS,
        PERSON_QUERY "AND p.id > $3 ORDER BY p.id LIMIT $4",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(api_now(call)),
                 SQL_INT(api_cursor(call, 0)), SQL_INT(api_limit(call) + 1)));
}

static int show_name(struct api_call *call, struct sql *sql, const char *name,
                     unsigned status)
{
    return api_one(call, sql, PERSON_COLUMNS, status, "there is no such user",
                   PERSON_QUERY "AND p.name = $3",
                   SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(api_now(call)),
                            SQL_TEXT(name)));
}

static int show(struct api_call *call, struct sql *sql)
{
    return show_name(call, sql, call->parts[0], 200);
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

int people_take_password(struct api_call *call, const char *field, bool wanted)
{
    const char *password = api_text(call, field, PASSWORD_MAX, !wanted);

    if (call->status >= 400)
        return DFOTA_E_CANCELLED;
    if (!password)
        return 0;
    if (strlen(password) < PASSWORD_MIN)
        return api_refuse(call, 400, "%s: at least 12 bytes", field);
    return people_hash_password(password, call->text);
}

static int hash_password(struct api_call *call)
{
    return people_take_password(call, "password", false);
}

/* In the audit log nobody passes for the server, or for who comes through its
 * socket. */
static int check_name(struct api_call *call, const char *name)
{
    return strcmp(name, "server") == 0 || strncmp(name, "local:", 6) == 0
               ? api_refuse(call, 400, "name: that one is the server's own")
               : 0;
}

static int add(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"name", "role", "password", NULL};
    const char *name = api_text(call, "name", PEOPLE_NAME_MAX, false);
    enum role role;
    int err = name ? api_only(call, fields) : DFOTA_E_CANCELLED;

    if (!err)
        err = check_name(call, name);
    if (!err)
        err = take_role(call, &role);
    if (!err)
        err = people_add(call->api->node, sql, call->actor.tenant,
                         call->actor.name, name, people_role_word(role),
                         call->text[0] ? call->text : NULL);
    if (err == DFOTA_E_STATE)
        return api_refuse(call, 409, "there is a user of that name");
    return err ? err : show_name(call, sql, name, 201);
}

/* One of the tenant, with a role that is not above one's own. */
static int find_subject(struct api_call *call, struct sql *sql,
                        struct person *person)
{
    int err = people_find(sql, call->parts[0], person);

    if (err == DFOTA_E_NOTFOUND ||
        (!err && person->tenant != call->actor.tenant))
        return api_refuse(call, 404, "there is no such user");
    if (!err && person->role > call->actor.role)
        return api_refuse(call, 403, "their role is above yours");
    return err;
}

/* What changed for them is seen at once by who listens. */
static int tell(struct api_call *call, struct sql *sql, const char *action,
                const char *detail)
{
    char object[96];
    int err = events_access(sql, call->actor.tenant, api_now(call));

    snprintf(object, sizeof object, "user:%.64s", call->parts[0]);
    return err ? err : api_audit(call, sql, action, object, detail);
}

static int edit(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"role", "password", NULL};
    bool has_role = json_object_get(call->body, "role");
    struct person person;
    enum role role = ROLE_NONE;
    int err = api_only(call, fields);

    if (!err)
        err = find_subject(call, sql, &person);
    if (!err && has_role)
        err = take_role(call, &role);
    if (!err && !has_role && !call->text[0])
        err = api_refuse(call, 400, "role or password is wanted");
    if (!err && has_role)
        err = sql_run(
            sql, "UPDATE person SET role = $2 WHERE id = $1",
            SQL_ARGS(SQL_INT(person.id), SQL_TEXT(people_role_word(role))),
            NULL);
    if (!err && call->text[0])
        err = sql_run(sql, "UPDATE person SET password = $2 WHERE id = $1",
                      SQL_ARGS(SQL_INT(person.id), SQL_TEXT(call->text)), NULL);
    if (!err && call->text[0])
        err = sessions_end_all(sql, person.id, "");
    if (!err)
        err = tell(call, sql, "user.edit",
                   has_role ? people_role_word(role) : "password");
    return err ? err : show(call, sql);
}

static int end_sessions(struct api_call *call, struct sql *sql)
{
    struct person person;
    int err = find_subject(call, sql, &person);

    if (!err)
        err = sessions_end_all(sql, person.id, "");
    if (!err)
        err = tell(call, sql, "user.sessions.end", "");
    return err ? err : api_answer(call, 200, json_object());
}

static int remove_one(struct api_call *call, struct sql *sql)
{
    struct person person;
    int err = find_subject(call, sql, &person);

    if (!err)
        err =
            sql_run(sql, "UPDATE person SET gone = $2 WHERE id = $1",
                    SQL_ARGS(SQL_INT(person.id), SQL_INT(api_now(call))), NULL);
    if (!err)
        err = sessions_end_all(sql, person.id, "");
    if (!err)
        err = tell(call, sql, "user.remove", "");
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

/* What a token does is told under its person's name, so nobody makes one for
 * somebody above them. */
static int find_person(struct api_call *call, struct sql *sql, const char *name,
                       int64_t *id)
{
    struct person person;
    int err = people_find(sql, name, &person);

    if (err == DFOTA_E_NOTFOUND ||
        (!err && person.tenant != call->actor.tenant))
        return api_refuse(call, 404, "user: there is no such one");
    if (!err && person.role > call->actor.role)
        return api_refuse(call, 403, "user: their role is above yours");
    *id = err ? 0 : person.id;
    return err;
}

static int add_token(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"name", "user", "role", "expires_in",
                                         NULL};
    const char *name = api_text(call, "name", PEOPLE_NAME_MAX, false);
    const char *user =
        name ? api_text(call, "user", PEOPLE_NAME_MAX, false) : NULL;
    const char *life = user ? api_text(call, "expires_in", 16, true) : NULL;
    int64_t person = 0, life_s = (int64_t)90 * DAY_S, id;
    char hash[SECRETS_HEX_ROOM], object[96], token[64], word[SECRETS_WORD_ROOM];
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
    api_secret(call, "token", word);
    snprintf(token, sizeof token, TOKEN_PREFIX "%s", word);
    secrets_hash(token, strlen(token), hash);
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
               : api_answer(
                     call, 201,
                     json_pack("{s:I, s:o, s:s, s:s}", "id", (json_int_t)id,
                               "token", api_secret_place(TOKEN_PREFIX, "token"),
                               "user", user, "role", people_role_word(role)));
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
    err = events_access(sql, call->actor.tenant, api_now(call));
    if (!err)
        err = api_audit(call, sql, "token.revoke", object, "");
    return err ? err : api_answer(call, 200, json_object());
}

const struct api_route api_people_routes[] = {
    {HTTP_GET, "users", ROLE_ADMIN, API_READS, list, NULL},
    {HTTP_POST, "users", ROLE_ADMIN, API_WRITES | API_SLOW, add, hash_password},
    {HTTP_GET, "users/{}", ROLE_ADMIN, API_READS, show, NULL},
    {HTTP_PATCH, "users/{}", ROLE_ADMIN, API_WRITES | API_SLOW, edit,
     hash_password},
    {HTTP_DELETE, "users/{}", ROLE_ADMIN, API_WRITES, remove_one, NULL},
    {HTTP_DELETE, "users/{}/sessions", ROLE_ADMIN, API_WRITES, end_sessions,
     NULL},
    {HTTP_GET, "tokens", ROLE_ADMIN, API_READS, list_tokens, NULL},
    {HTTP_POST, "tokens", ROLE_ADMIN, API_WRITES | API_SECRET, add_token, NULL},
    {HTTP_DELETE, "tokens/{}", ROLE_ADMIN, API_WRITES, revoke_token, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
