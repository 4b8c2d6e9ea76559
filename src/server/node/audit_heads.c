/* SPDX-License-Identifier: Apache-2.0 */
#include "server/node/audit_heads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/buffer.h"
#include "os/files.h"
#include "os/log.h"
#include "server/fleet/units.h"

enum { LINE_ROOM = 256, NODES_MAX = 64 };

static void path_of(const char *folder, char path[1200])
{
    snprintf(path, 1200, "%.1000s/audit-heads", folder);
}

static void spell(const struct ledger_head *head, int64_t now,
                  char line[LINE_ROOM])
{
    char moment[32];

    units_moment_text(now, moment);
    snprintf(line, LINE_ROOM, "%s %s %lld %s\n", moment, head->node,
             (long long)head->number, head->hash);
}

/* "12 5f.." */
static bool read_number_and_hash(const char *text, char between,
                                 struct ledger_head *head, char **rest)
{
    size_t len;

    head->number = strtoll(text, rest, 10);
    if (*rest == text || **rest != between || head->number <= 0)
        return false;
    len = strspn(++*rest, "0123456789abcdef");
    if (len != sizeof head->hash - 1)
        return false;
    memcpy(head->hash, *rest, len);
    *rest += len;
    return true;
}

bool audit_heads_read(const char *text, struct ledger_head *head)
{
    size_t len = strcspn(text, ":");
    char *rest;

    *head = (struct ledger_head){0};
    if (len == 0 || len >= sizeof head->node || text[len] != ':')
        return false;
    memcpy(head->node, text, len);
    return read_number_and_hash(text + len + 1, ':', head, &rest) &&
           *rest == '\0';
}

static bool read_line(const char *line, struct ledger_head *head)
{
    const char *node = strchr(line, ' ');
    size_t len = node ? strcspn(node + 1, " \n") : 0;
    char *rest;

    *head = (struct ledger_head){0};
    if (len == 0 || len >= sizeof head->node || node[1 + len] != ' ')
        return false;
    memcpy(head->node, node + 1, len);
    return read_number_and_hash(node + len + 2, ' ', head, &rest) &&
           *rest == '\n';
}

/* ---- telling ---- */

/* The last line of this node in the file; false: none. */
static bool last_told(const struct node *node, struct ledger_head *last)
{
    char path[1200], line[LINE_ROOM];
    struct ledger_head head;
    bool found = false;
    FILE *f;

    path_of(node->folder, path);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        if (read_line(line, &head) && strcmp(head.node, node->name) == 0) {
            *last = head;
            found = true;
        }
    }
    if (f)
        fclose(f);
    return found;
}

static int append(const char *folder, const char *line)
{
    char path[1200];
    int fd, err;

    path_of(folder, path);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return DFOTA_E_IO;
    err = write(fd, line, strlen(line)) == (ssize_t)strlen(line) &&
                  fdatasync(fd) == 0
              ? 0
              : DFOTA_E_IO;
    close(fd);
    return err;
}

void audit_heads_note(const struct node *node)
{
    struct ledger_head head, last;
    char line[LINE_ROOM];
    struct sql *sql;

    if (store_read_begin(node->store, &sql) != 0)
        return;
    if (ledger_head_of(sql, node->name, &head) != 0)
        head.number = 0;
    store_read_end(node->store, sql);
    if (head.number == 0 || strchr(node->name, ' ') ||
        (last_told(node, &last) && last.number == head.number))
        return;
    log_info("audit head: node %s, entry %lld, %s", head.node,
             (long long)head.number, head.hash);
    spell(&head, clock_wall(node->clock), line);
    if (append(node->folder, line) != 0)
        log_error("%s/audit-heads: %s", node->folder, strerror(errno));
}

int audit_heads_write(struct sql *sql, const char *folder, int64_t now)
{
    struct ledger_head head = {0};
    char line[LINE_ROOM], path[1200];
    struct buffer all;
    int err = 0;

    buffer_init(&all, 1 << 20);
    while (!err && (err = ledger_next_node(sql, head.node)) == DFOTA_MORE) {
        err = ledger_head_of(sql, head.node, &head);
        spell(&head, now, line);
        buffer_add_str(&all, line);
    }
    path_of(folder, path);
    if (!err)
        err = all.err ? all.err
                      : files_write(path, all.len ? all.data : "", all.len);
    buffer_release(&all);
    return err;
}

/* ---- checking ---- */

int audit_heads_check(const struct node *node, struct sql *sql,
                      struct ledger_head *wrong)
{
    char path[1200], line[LINE_ROOM];
    int err = 0;
    FILE *f;

    path_of(node->folder, path);
    f = fopen(path, "re");
    if (!f)
        return errno == ENOENT ? 0 : DFOTA_E_IO;
    while (!err && fgets(line, sizeof line, f)) {
        if (!strchr(line, '\n'))
            break; /* it is being written, or the power failed then */
        if (!read_line(line, wrong))
            err = DFOTA_E_SYNTAX;
        else
            err = ledger_has_head(sql, wrong);
    }
    fclose(f);
    return err;
}
