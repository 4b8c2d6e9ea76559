/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/people.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const char *const words[] = {"none",     "viewer", "operator",
                                    "approver", "admin",  "site"};

enum role people_role(const char *word)
{
    for (int i = ROLE_VIEWER; i <= ROLE_SITE; i++) {
        if (strcmp(words[i], word) == 0)
            return (enum role)i;
    }
    return ROLE_NONE;
}

const char *people_role_word(enum role role)
{
    return words[role];
}

/* yescrypt */
int people_hash_password(const char *password, char out[128])
{
    struct crypt_data *data = calloc(1, sizeof *data);
    char random[32], setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash = NULL;

    secrets_random(random, sizeof random);
    if (data && crypt_gensalt_rn("$y$", 0, random, sizeof random, setting,
                                 sizeof setting))
        hash = crypt_r(password, setting, data);
    if (hash && hash[0] != '*')
        snprintf(out, 128, "%s", hash);
    else
        hash = NULL;
    free(data);
    return hash ? 0 : DFOTA_E_NOMEM;
}

/* Of a random password that was thrown away: who tries a name must not see by
 * the time that nobody has it. */
static const char nobody[] = "$y$j9T$4CacQVy97yOp0kdUWwHGR.$v3Uw239eCB"
                             "7YbcODMaT2iUsxsiMGgYRC3hg4DVCSk3A";

bool people_password_fits(const char *password, const char *hash)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *against = *hash ? hash : nobody;
    const char *again = data ? crypt_r(password, against, data) : NULL;
    bool fits = *hash && again && again[0] != '*' && secrets_equal(again, hash);

    free(data);
    return fits;
}

int people_add(const struct node *node, struct sql *sql, int64_t tenant,
               const char *by, const char *name, const char *role,
               const char *hash)
{
    char object[96];
    int err =
        sql_run(sql,
                "INSERT INTO person (tenant, name, role, password, created) "
                "VALUES ($1, $2, $3, $4, $5)",
                SQL_ARGS(SQL_INT(tenant), SQL_TEXT(name), SQL_TEXT(role),
                         SQL_TEXT(hash), SQL_INT(clock_wall(node->clock))),
                NULL);
    snprintf(object, sizeof object, "user:%s", name);
    return err ? err
               : node_audit(node, sql, tenant, by, "user.add", object, role);
}

static int take_actor(struct sql_rows *rows, struct actor *out)
{
    enum role of_person = people_role(sql_text(rows, 3));

    snprintf(out->name, sizeof out->name, "%s", sql_text(rows, 0));
    out->tenant = sql_int(rows, 1);
    out->role = people_role(sql_text(rows, 2));
    if (of_person < out->role) /* never more than the person has */
        out->role = of_person;
    out->person = sql_int(rows, 4);
    out->expires = sql_int(rows, 5);
    return 0;
}

int people_by_proof(struct sql *sql, enum proof proof, const char *hash,
                    int64_t now, struct actor *out)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        proof == PROOF_TOKEN
            ? "SELECT p.name, p.tenant, t.role, p.role, p.id, t.expires FROM "
              "api_token t JOIN person p ON p.id = t.person WHERE t.hash = $1 "
              "AND t.revoked IS NULL AND t.expires > $2 AND p.gone IS NULL"
            : "SELECT p.name, p.tenant, p.role, p.role, p.id, s.expires FROM "
              "session s JOIN person p ON p.id = s.person WHERE s.hash = $1 "
              "AND s.expires > $2 AND p.gone IS NULL",
        SQL_ARGS(SQL_TEXT(hash), SQL_INT(now)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        take_actor(&rows, out);
        out->proof = proof;
        snprintf(out->hash, sizeof out->hash, "%s", hash);
    }
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}

int people_find(struct sql *sql, const char *name, struct person *out)
{
    struct sql_rows rows;
    const char *password;
    int err = sql_query(sql, &rows,
                        "SELECT id, tenant, role, password FROM person "
                        "WHERE name = $1 AND gone IS NULL",
                        SQL_ARGS(SQL_TEXT(name)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        password = sql_text(&rows, 3);
        *out = (struct person){.id = sql_int(&rows, 0),
                               .tenant = sql_int(&rows, 1),
                               .role = people_role(sql_text(&rows, 2))};
        snprintf(out->password, sizeof out->password, "%s",
                 password ? password : "");
    }
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}
