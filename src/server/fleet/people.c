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

bool people_password_fits(const char *password, const char *hash)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *again = data ? crypt_r(password, hash, data) : NULL;
    bool fits = again && again[0] != '*' && secrets_equal(again, hash);

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

int people_by_token(struct sql *sql, const char *token, int64_t now,
                    struct actor *out)
{
    char hash[SECRETS_HEX_ROOM];
    struct sql_rows rows;
    enum role of_person;
    int err;

    secrets_hash(token, strlen(token), hash);
    err = sql_query(sql, &rows,
                    "SELECT p.name, p.tenant, t.role, p.role FROM api_token t "
                    "JOIN person p ON p.id = t.person WHERE t.hash = $1 AND "
                    "t.revoked IS NULL AND t.expires > $2 AND p.gone IS NULL",
                    SQL_ARGS(SQL_TEXT(hash), SQL_INT(now)));
    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        snprintf(out->name, sizeof out->name, "%s", sql_text(&rows, 0));
        out->tenant = sql_int(&rows, 1);
        out->role = people_role(sql_text(&rows, 2));
        of_person = people_role(sql_text(&rows, 3));
        if (of_person < out->role) /* never more than the person has */
            out->role = of_person;
    }
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}
