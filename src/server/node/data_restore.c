/* SPDX-License-Identifier: Apache-2.0 */
#include "server/node/data_restore.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/fleet/ledger.h"
#include "server/node/audit_heads.h"
#include "server/store/schema.h"

enum { COPY_MAX = 64 << 20 };

static void path_of(const char *folder, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%.4000s/%s", folder, name);
}

/* A chain does not show that its end is gone; what the backup told of it does.
 */
static int check_heads(const char *backup, struct sql *sql,
                       struct ledger_head *wrong)
{
    struct node node = {0};

    snprintf(node.folder, sizeof node.folder, "%.1000s", backup);
    return audit_heads_check(&node, sql, wrong);
}

/* Does the copy hold together? It is a whole one, or none. */
static int check_database(const char *backup)
{
    char url[PATH_MAX + 32];
    struct ledger_head head = {0};
    struct sql *sql;
    int err;

    snprintf(url, sizeof url, "sqlite:%.4000s/dfotad.db", backup);
    err = sql_open(url, &sql);
    if (err)
        return err;
    err = schema_check(sql, schema_steps);
    if (!err)
        err = schema_migrate(sql, schema_steps);
    if (!err)
        err = ledger_verify(sql, &head);
    if (!err)
        err = check_heads(backup, sql, &head);
    if (err == DFOTA_E_CORRUPT)
        log_error("%s: the audit log does not hold at entry %lld of node %s",
                  backup, (long long)head.number, head.node);
    else if (err)
        log_error("%s/dfotad.db: %s", backup, dfota_strerror(err));
    if (!err)
        err = sql_checkpoint(sql, true);
    sql_close(sql);
    return err;
}

static int copy_small(const char *backup, const char *folder, const char *name,
                      bool may_be_missing)
{
    char from[PATH_MAX], to[PATH_MAX];
    uint8_t *data;
    size_t len;
    int err;

    path_of(backup, name, from);
    path_of(folder, name, to);
    if (may_be_missing && access(from, F_OK) != 0)
        return 0;
    err = files_read(from, COPY_MAX, &data, &len);
    if (!err) {
        err = files_write(to, data, len);
        free(data);
    }
    if (err)
        log_error("%s: %s", from, strerror(errno));
    return err;
}

/* It may be larger than the memory. */
static int copy_database(const char *backup, const char *folder)
{
    char from[PATH_MAX], to[PATH_MAX], block[65536];
    struct files_writer w = {0};
    size_t n;
    FILE *in;
    int err;

    path_of(backup, "dfotad.db", from);
    path_of(folder, "dfotad.db", to);
    in = fopen(from, "re");
    err = in ? files_begin(&w, to) : DFOTA_E_IO;
    while (!err && (n = fread(block, 1, sizeof block, in)) > 0)
        err = fwrite(block, 1, n, w.file) == n ? 0 : DFOTA_E_IO;
    if (!err && ferror(in))
        err = DFOTA_E_IO;
    if (!err)
        err = files_commit(&w);
    if (err)
        log_error("%s: %s", to, strerror(errno));
    files_abort(&w);
    if (in)
        fclose(in);
    return err;
}

static int copy_contents(const char *backup, const char *folder)
{
    struct vault *vault;
    int err = vault_open(backup, &vault);

    if (err)
        return err;
    err = vault_copy(vault, folder);
    if (err)
        log_error("%s/blobs: %s", backup,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
    vault_close(vault);
    return err;
}

static int check_places(const char *backup, const struct node_config *config)
{
    char path[PATH_MAX];

    path_of(backup, "dfotad.db", path);
    if (access(path, R_OK) != 0) {
        log_error("%s: %s; a backup is what `dfotactl backup` made", path,
                  strerror(errno));
        return DFOTA_E_IO;
    }
    path_of(config->folder, "dfotad.db", path);
    if (access(path, F_OK) == 0) {
        log_error("%s: there is a database already; move it away, or choose "
                  "another folder with --data",
                  path);
        return DFOTA_E_STATE;
    }
    if (!config->database)
        return 0;
    log_error("a backup becomes a database in the data folder: restore it "
              "without --database, then `dfotactl migrate --to` it");
    return DFOTA_E_STATE;
}

/* A backup may come from anywhere: a link in it could lead to any file of this
 * machine, a pipe to none. */
static int check_files(const char *backup)
{
    static const char *const names[] = {"dfotad.db", "secret.key",
                                        "audit-heads"};
    uint8_t key[SECRETS_KEY_LEN];
    char path[PATH_MAX];
    struct stat st;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(backup, names[i], path);
        if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
            log_error("%s: not a plain file", path);
            return DFOTA_E_ARG;
        }
    }
    path_of(backup, "secret.key", path);
    if (access(path, R_OK) != 0) {
        log_error("%s: %s", path, strerror(errno));
        return DFOTA_E_IO;
    }
    return secrets_file(path, key);
}

int restore_data(const char *backup, const struct node_config *config)
{
    const char *folder = config->folder;
    int err = check_places(backup, config);

    if (!err)
        err = check_files(backup);
    if (!err)
        err = check_database(backup);
    if (!err)
        err = copy_contents(backup, folder);
    if (!err)
        err = copy_small(backup, folder, "secret.key", false);
    if (!err)
        err = copy_small(backup, folder, "audit-heads", true);
    if (!err)
        err = copy_database(backup, folder);
    if (!err)
        printf("dfotad: restored %s into %s\n", backup, folder);
    return err;
}
