/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

enum kind {
    KIND_U8,
    KIND_U32,
    KIND_I64,
    KIND_BOOL,
    KIND_APN,
    KIND_TEXT,
    KIND_CONTEXTS,
};

/* Every setting once: its name in the file, its place, its range. */
static const struct row {
    const char *key;
    enum kind kind;
    size_t at;
    int64_t max;
} rows[] = {
    {"ip_type", KIND_U8, offsetof(struct settings, ip_type), 2},
    {"apn", KIND_APN, offsetof(struct settings, apn), 0},
    {"user", KIND_APN, offsetof(struct settings, user), 0},
    {"password", KIND_APN, offsetof(struct settings, password), 0},
    {"rate", KIND_U32, offsetof(struct settings, rate), 4000000},
    {"cmee", KIND_U8, offsetof(struct settings, cmee), 2},
    {"echo", KIND_BOOL, offsetof(struct settings, echo), 1},
    {"image_len", KIND_U32, offsetof(struct settings, image_len), INT32_MAX},
    {"package_len", KIND_U32, offsetof(struct settings, package_len),
     INT32_MAX},
    {"updates", KIND_U32, offsetof(struct settings, updates), INT32_MAX},
    {"pending", KIND_BOOL, offsetof(struct settings, pending), 1},
    {"off", KIND_BOOL, offsetof(struct settings, off), 1},
    {"clock_offset", KIND_I64, offsetof(struct settings, clock_offset),
     INT64_MAX},
    {"contexts", KIND_CONTEXTS, offsetof(struct settings, contexts), 0},
    {"delay_s", KIND_U8, offsetof(struct settings, delay_s), 60},
    {"poll_due", KIND_I64, offsetof(struct settings, poll_due), INT64_MAX},
    {"report", KIND_U8, offsetof(struct settings, report), 2},
    {"report_code", KIND_U32, offsetof(struct settings, report_code),
     INT32_MAX},
    {"partial", KIND_TEXT, offsetof(struct settings, partial), 0},
    {"plan", KIND_TEXT, offsetof(struct settings, plan), 0},
    {"attempt", KIND_TEXT, offsetof(struct settings, attempt), 0},
    {"refresh_token", KIND_TEXT, offsetof(struct settings, refresh_token), 0},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static bool take_number(const struct row *r, void *to, const json_t *v)
{
    json_int_t n = json_is_boolean(v) ? json_is_true(v) : json_integer_value(v);

    if (json_is_boolean(v) != (r->kind == KIND_BOOL) ||
        (!json_is_boolean(v) && !json_is_integer(v)) || n > r->max ||
        (n < 0 && r->kind != KIND_I64))
        return false;
    switch (r->kind) {
    case KIND_U8:
        *(uint8_t *)to = (uint8_t)n;
        break;
    case KIND_U32:
        *(uint32_t *)to = (uint32_t)n;
        break;
    case KIND_I64:
        *(int64_t *)to = n;
        break;
    default:
        *(bool *)to = n != 0;
    }
    return true;
}

static bool take(const struct row *r, struct settings *s, const json_t *v)
{
    void *to = (char *)s + r->at;
    size_t room = r->kind == KIND_APN ? SETTING_APN_MAX : SETTING_TEXT_MAX;

    if (r->kind == KIND_CONTEXTS)
        return contexts_take(to, v);
    if (r->kind != KIND_TEXT && r->kind != KIND_APN)
        return take_number(r, to, v);
    if (!json_is_string(v) || json_string_length(v) >= room)
        return false;
    memcpy(to, json_string_value(v), json_string_length(v) + 1);
    return true;
}

static json_t *give(const struct row *r, const struct settings *s)
{
    const void *from = (const char *)s + r->at;

    switch (r->kind) {
    case KIND_U8:
        return json_integer(*(const uint8_t *)from);
    case KIND_U32:
        return json_integer(*(const uint32_t *)from);
    case KIND_I64:
        return json_integer(*(const int64_t *)from);
    case KIND_BOOL:
        return json_boolean(*(const bool *)from);
    case KIND_CONTEXTS:
        return contexts_give(from);
    default:
        return json_string(from);
    }
}

static bool parse(struct settings *s, const char *text, size_t len)
{
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    struct settings loaded = *s;
    bool good = json_is_object(root);

    for (size_t i = 0; good && i < ROWS; i++) {
        const json_t *v = json_object_get(root, rows[i].key);

        good = !v || take(&rows[i], &loaded, v);
    }
    if (good)
        *s = loaded;
    json_decref(root);
    return good;
}

static void keep_aside(const char *path)
{
    char *aside = NULL;

    if (asprintf(&aside, "%s.corrupt", path) > 0 && rename(path, aside) == 0)
        log_warn("%s: not a settings file; kept as %s, started anew", path,
                 aside);
    else
        log_warn("%s: not a settings file; started anew", path);
    free(aside);
}

/* What a kill in the middle of a save left beside the file. */
static void sweep(const char *path)
{
    char pattern[4096];
    glob_t found;

    if (snprintf(pattern, sizeof pattern, "%s.??????", path) >=
            (int)sizeof pattern ||
        glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        unlink(found.gl_pathv[i]);
    globfree(&found);
}

/* One digit in a mapped page. */
static int open_mark(struct settings *s, const char *folder)
{
    char *path = NULL;
    int fd = -1, err = DFOTA_E_IO;
    void *page;

    if (asprintf(&path, "%s/updating", folder) < 0)
        return DFOTA_E_NOMEM;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0 && (errno = posix_fallocate(fd, 0, 1)) == 0) {
        page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) {
            s->mark = page;
            err = 0;
        }
    }
    if (err)
        log_error("%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(path);
    if (!err && *s->mark > '0' && *s->mark <= '9')
        s->origin = (uint8_t)(*s->mark - '0');
    return err;
}

void settings_mark(struct settings *s, enum origin origin)
{
    s->origin = (uint8_t)origin;
    *s->mark = (char)('0' + origin);
    msync((void *)s->mark, 1, MS_SYNC);
}

void settings_unmark(struct settings *s)
{
    s->origin = ORIGIN_NONE;
    *s->mark = *s->mark; /* whatever the page waits for, it waits now */
    *s->mark = '0';
}

int settings_open(struct settings *s, const char *folder, uint32_t rate)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int err;

    *s = (struct settings){.cmee = 1, .echo = true, .rate = rate};
    contexts_init(s->contexts);
    if (asprintf(&s->path, "%s/settings.json", folder) < 0) {
        s->path = NULL;
        return DFOTA_E_NOMEM;
    }
    err = open_mark(s, folder);
    if (err)
        return err;
    sweep(s->path);
    if (access(s->path, F_OK) != 0)
        return 0;
    err = files_read(s->path, 65536, &text, &len);
    if (err == DFOTA_E_IO)
        log_error("%s: %s", s->path, strerror(errno));
    if (err == DFOTA_E_IO || err == DFOTA_E_NOMEM)
        return err;
    if (err || !parse(s, (const char *)text, len))
        keep_aside(s->path);
    free(text);
    return 0;
}

void settings_close(struct settings *s)
{
    free(s->path);
    if (s->mark)
        munmap((void *)s->mark, 1);
    s->path = NULL;
    s->mark = NULL;
}

int settings_save(const struct settings *s)
{
    json_t *root = json_object();
    char *text = NULL;
    int err = root ? 0 : DFOTA_E_NOMEM;

    for (size_t i = 0; !err && i < ROWS; i++) {
        if (json_object_set_new(root, rows[i].key, give(&rows[i], s)) != 0)
            err = DFOTA_E_NOMEM;
    }
    if (!err)
        text = json_dumps(root, JSON_INDENT(1));
    err = text ? files_write(s->path, text, strlen(text)) : DFOTA_E_NOMEM;
    if (err)
        log_error("%s: cannot be written: %s", s->path, strerror(errno));
    free(text);
    json_decref(root);
    return err;
}
