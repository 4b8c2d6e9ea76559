/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/sessions.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

int sessions_add(struct sql *sql, const char *word, int64_t person, int64_t now)
{
    char hash[SECRETS_HEX_ROOM];
    int err = sql_run(sql,
                      "DELETE FROM session WHERE expires <= $2 OR hash IN "
                      "(SELECT hash FROM session WHERE person = $1 ORDER BY "
                      "created DESC, hash LIMIT 1000 OFFSET $3)",
                      SQL_ARGS(SQL_INT(person), SQL_INT(now),
                               SQL_INT(SESSIONS_OF_ONE_MAX - 1)),
                      NULL);

    secrets_hash(word, strlen(word), hash);
    return err ? err
               : sql_run(sql,
                         "INSERT INTO session (hash, person, created, expires) "
                         "VALUES ($1, $2, $3, $4)",
                         SQL_ARGS(SQL_TEXT(hash), SQL_INT(person), SQL_INT(now),
                                  SQL_INT(now + SESSION_S)),
                         NULL);
}

int sessions_end(struct sql *sql, const char *hash)
{
    return sql_run(sql, "DELETE FROM session WHERE hash = $1",
                   SQL_ARGS(SQL_TEXT(hash)), NULL);
}

int sessions_end_all(struct sql *sql, int64_t person, const char *but)
{
    return sql_run(sql, "DELETE FROM session WHERE person = $1 AND hash <> $2",
                   SQL_ARGS(SQL_INT(person), SQL_TEXT(but)), NULL);
}

void sessions_guard(const struct node *node, const char *word,
                    char out[SECRETS_WORD_ROOM])
{
    char text[SECRETS_WORD_ROOM + 16];

    snprintf(text, sizeof text, "guard %s", word);
    secrets_mac_word(node->secret, text, out);
}

static bool is_word(const char *text, size_t len)
{
    return len == SECRETS_WORD_ROOM - 1 &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-_") >= len;
}

/* Two of them: one was put there by another, and nobody knows which. */
bool sessions_cookie(const char *header, char word[SECRETS_WORD_ROOM])
{
    static const char name[] = SESSION_COOKIE "=";
    bool found = false;

    while (header && *header) {
        size_t len;

        header += strspn(header, " ;");
        len = strcspn(header, ";");
        if (strncmp(header, name, sizeof name - 1) == 0) {
            const char *value = header + sizeof name - 1;
            size_t value_len = len - (sizeof name - 1);

            if (found || !is_word(value, value_len))
                return false;
            found = true;
            memcpy(word, value, value_len);
            word[value_len] = '\0';
        }
        header += len;
    }
    return found;
}
