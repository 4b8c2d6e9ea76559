/* SPDX-License-Identifier: Apache-2.0 */
#include "server/node/first_person.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"
#include "server/fleet/people.h"

enum { PASSWORD_LEN = 20 }; /* of 6 bits each */

struct first_job {
    struct job job;
    const struct node *node;
    char hash[128];
    bool made;
};

static int count(struct sql *sql, int64_t *people)
{
    return sql_one_int(sql, people, "SELECT count(*) FROM person", SQL_NONE);
}

static int run_first(struct sql *sql, struct job *job)
{
    struct first_job *first = (struct first_job *)job;
    int64_t people;
    int err = count(sql, &people);

    first->made = !err && people == 0;
    return first->made ? people_add(first->node, sql, 1, "server", FIRST_PERSON,
                                    people_role_word(ROLE_SITE), first->hash)
                       : err;
}

static bool is_wanted(struct node *node)
{
    struct sql *sql;
    int64_t people = 1;

    if (store_read_begin(node->store, &sql) != 0)
        return false;
    count(sql, &people);
    store_read_end(node->store, sql);
    return people == 0;
}

static void path_of(const struct node *node, char path[1100])
{
    snprintf(path, 1100, "%s/admin-password", node->folder);
}

static int write_secret(const char *path, const char *text)
{
    size_t len = strlen(text);
    int fd, err;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return DFOTA_E_IO;
    err =
        write(fd, text, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : DFOTA_E_IO;
    close(fd);
    return err;
}

static void tell(const struct node *node, const char *password,
                 const char *path)
{
    if (!isatty(STDOUT_FILENO)) {
        log_info("the first account is admin; its password is in %s until "
                 "somebody logs in",
                 path);
        return;
    }
    printf("dfotad: log in as admin with the password %s (not told again)\n",
           password);
    fflush(stdout);
    first_person_forget(node);
}

/* The file before the account, so that no password is lost in a crash. */
int first_person_make(struct node *node)
{
    struct first_job first = {.job = {.run = run_first}, .node = node};
    char path[1100], word[SECRETS_WORD_ROOM], password[PASSWORD_LEN + 1];
    int err;

    if (!is_wanted(node))
        return 0;
    path_of(node, path);
    secrets_word(word);
    snprintf(password, sizeof password, "%.*s", PASSWORD_LEN, word);
    err = people_hash_password(password, first.hash);
    if (!err && write_secret(path, password) != 0) {
        log_error("%s: %s", path, strerror(errno));
        err = DFOTA_E_IO;
    }
    if (!err)
        err = store_do(node->store, &first.job);
    if (err == DFOTA_E_STATE || (!err && !first.made)) {
        first_person_forget(node); /* another node was first */
        err = 0;
    } else if (!err) {
        tell(node, password, path);
    }
    explicit_bzero(password, sizeof password);
    explicit_bzero(word, sizeof word);
    return err;
}

static bool logged_in(struct sql *sql)
{
    int64_t n = 0;

    sql_one_int(sql, &n,
                "SELECT count(*) FROM audit WHERE object = 'session' AND "
                "action = 'session.open' AND actor = $1",
                SQL_ARGS(SQL_TEXT(FIRST_PERSON)));
    return n > 0;
}

void first_person_check(const struct node *node)
{
    char path[1100];
    struct sql *sql;

    path_of(node, path);
    if (access(path, F_OK) != 0 || store_read_begin(node->store, &sql) != 0)
        return;
    if (logged_in(sql))
        unlink(path);
    store_read_end(node->store, sql);
}

void first_person_forget(const struct node *node)
{
    char path[1100];

    path_of(node, path);
    unlink(path);
}
