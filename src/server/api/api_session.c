/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of people at the page, and their own password. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/api/api_people.h"
#include "server/fleet/sessions.h"
#include "server/fleet/units.h"
#include "server/node/first_person.h"

static const char *const method_words[] = {"GET", "HEAD",  "POST",
                                           "PUT", "PATCH", "DELETE"};

/* ---- who am I ---- */

/* All calls that the role may make: what a page shows and what it hides. */
static json_t *may(enum role role)
{
    json_t *list = json_array();

    for (unsigned t = 0; api_table(t); t++) {
        for (const struct api_route *r = api_table(t); r->path; r++) {
            if (r->role <= role)
                json_array_append_new(
                    list,
                    json_sprintf("%s %s", method_words[r->method], r->path));
        }
    }
    return list;
}

static json_t *describe(const struct api_call *call)
{
    const struct actor *a = &call->actor;

    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "name", a->name, "role",
                     people_role_word(a->role), "tenant", (json_int_t)a->tenant,
                     "by",
                     a->proof == PROOF_LOCAL   ? "socket"
                     : a->proof == PROOF_TOKEN ? "token"
                                               : "session",
                     "node", call->api->node->name, "may", may(a->role));
}

static void add_session(const struct api_call *call, json_t *answer,
                        const char *word, int64_t expires)
{
    char guard[SECRETS_WORD_ROOM], moment[32];

    sessions_guard(call->api->node, word, guard);
    units_moment_text(expires, moment);
    json_object_set_new(answer, "csrf", json_string(guard));
    json_object_set_new(answer, "expires", json_string(moment));
}

static int show(struct api_call *call, struct sql *sql)
{
    json_t *answer = describe(call);
    char word[SECRETS_WORD_ROOM];

    (void)sql;
    if (call->actor.proof == PROOF_SESSION &&
        sessions_cookie(http_header(call->request, "Cookie"), word))
        add_session(call, answer, word, call->actor.expires);
    return api_answer(call, 200, answer);
}

/* ---- in ---- */

static void set_cookie(struct api_call *call, const char *word, int age_s)
{
    snprintf(call->cookie, sizeof call->cookie,
             SESSION_COOKIE
             "=%.*s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
             SECRETS_WORD_ROOM - 1, word, age_s,
             call->request->is_secure ? "; Secure" : "");
}

/* Names of people and of modules are tried apart. */
static void try_name(const char *name, char out[PEOPLE_NAME_MAX + 16])
{
    snprintf(out, PEOPLE_NAME_MAX + 16, "person %.*s", PEOPLE_NAME_MAX, name);
}

static int find_person(struct api_call *call, const char *name,
                       struct person *person)
{
    struct store *store = call->api->node->store;
    struct sql *sql;
    int err = store_read_begin(store, &sql);

    *person = (struct person){0};
    if (err)
        return err;
    err = people_find(sql, name, person);
    store_read_end(store, sql);
    return err == DFOTA_E_NOTFOUND ? 0 : err;
}

/* The same answer, in the same time, for a wrong name and a wrong password. */
static int check_password(struct api_call *call, const char *name,
                          const char *password, struct person *person)
{
    struct delays *delays = call->api->delays;
    char tried[PEOPLE_NAME_MAX + 16];
    int err;

    try_name(name, tried);
    call->waits = delays_must_wait(delays, tried);
    err = find_person(call, name, person);
    if (err)
        return err;
    if (people_password_fits(password, person->password))
        return 0;
    delays_wrong(delays, tried);
    if (call->waits && delays_are_full(delays)) {
        call->waits = false;
        return api_refuse(call, 429, "too many passwords are tried");
    }
    return api_refuse(call, 401, "the name or the password is wrong");
}

/* A form of another site could log a person in as somebody else, who then
 * sees what they do. Browsers say where a request comes from. */
static int check_site(struct api_call *call)
{
    const char *site = http_header(call->request, "Sec-Fetch-Site");

    return !site || strcmp(site, "same-origin") == 0 ||
                   strcmp(site, "none") == 0
               ? 0
               : api_refuse(call, 403, "nobody logs in from another site");
}

static int check_login(struct api_call *call)
{
    static const char *const fields[] = {"name", "password", NULL};
    const char *name = api_text(call, "name", PEOPLE_NAME_MAX, false);
    const char *password =
        name ? api_text(call, "password", PASSWORD_MAX, false) : NULL;
    struct person person;
    int err = password ? api_only(call, fields) : DFOTA_E_CANCELLED;

    if (!err)
        err = check_site(call);
    if (!err)
        err = check_password(call, name, password, &person);
    if (err)
        return err;
    if (strcmp(name, FIRST_PERSON) == 0)
        first_person_forget(call->api->node);
    call->actor = (struct actor){.role = person.role,
                                 .tenant = person.tenant,
                                 .person = person.id,
                                 .proof = PROOF_SESSION};
    snprintf(call->actor.name, sizeof call->actor.name, "%s", name);
    secrets_word(call->text);
    return 0;
}

static int log_in(struct api_call *call, struct sql *sql)
{
    int64_t now = api_now(call);
    json_t *answer;
    int err = sessions_add(sql, call->text, call->actor.person, now);

    if (!err)
        err = api_audit(call, sql, "session.open", "session", "");
    if (err)
        return err;
    first_person_forget(call->api->node);
    answer = describe(call);
    add_session(call, answer, call->text, now + SESSION_S);
    set_cookie(call, call->text, SESSION_S);
    return api_answer(call, 201, answer);
}

/* ---- out ---- */

static int log_out(struct api_call *call, struct sql *sql)
{
    int err;

    if (call->actor.proof != PROOF_SESSION)
        return api_refuse(call, 409, "you came without a session");
    err = sessions_end(sql, call->actor.hash);
    if (!err)
        err = events_access(sql, call->actor.tenant, api_now(call));
    if (!err)
        err = api_audit(call, sql, "session.close", "session", "");
    if (err)
        return err;
    set_cookie(call, "", 0);
    return api_answer(call, 200, json_object());
}

/* ---- my password ---- */

static int check_change(struct api_call *call)
{
    static const char *const fields[] = {"old", "new", NULL};
    const char *old = api_text(call, "old", PASSWORD_MAX, false);
    struct person person;
    int err = old ? api_only(call, fields) : DFOTA_E_CANCELLED;

    if (!err && call->actor.person == 0)
        err = api_refuse(call, 409,
                         "whoever comes through the socket has no password; "
                         "set a person's with PATCH /api/v1/users/{name}");
    if (!err)
        err = people_take_password(call, "new", true);
    if (!err)
        err = check_password(call, call->actor.name, old, &person);
    if (err && call->status == 401) /* the session is fine */
        api_refuse(call, 403, "old: this is not your password");
    return err;
}

static int change(struct api_call *call, struct sql *sql)
{
    const struct actor *a = &call->actor;
    char object[96];
    int err = sql_run(sql, "UPDATE person SET password = $2 WHERE id = $1",
                      SQL_ARGS(SQL_INT(a->person), SQL_TEXT(call->text)), NULL);

    if (!err)
        err = sessions_end_all(sql, a->person,
                               a->proof == PROOF_SESSION ? a->hash : "");
    if (!err)
        err = events_access(sql, a->tenant, api_now(call));
    snprintf(object, sizeof object, "user:%.64s", a->name);
    if (!err)
        err = api_audit(call, sql, "user.password", object, "their own");
    return err ? err : api_answer(call, 200, json_object());
}

const struct api_route api_session_routes[] = {
    {HTTP_POST, "session", ROLE_NONE,
     API_WRITES | API_SLOW | API_ANYBODY | API_NO_KEY, log_in, check_login},
    {HTTP_GET, "session", ROLE_VIEWER, API_READS, show, NULL},
    {HTTP_DELETE, "session", ROLE_VIEWER, API_WRITES, log_out, NULL},
    {HTTP_PUT, "session/password", ROLE_VIEWER, API_WRITES | API_SLOW, change,
     check_change},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
