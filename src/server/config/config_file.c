/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/config_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

enum { FILE_MAX_LEN = 1 << 20, VALUE_MAX = 4096, LIST_MAX = 64 };

struct reading {
    yaml_parser_t parser;
    const char *name;
    const struct config_key *keys;
    config_take take;
    void *ctx;
    bool seen[CONFIG_KEYS_MAX];
};

__attribute__((format(printf, 3, 4))) static int
refuse(const struct reading *r, size_t line, const char *format, ...)
{
    char text[320];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_error("%s:%zu: %s", r->name, line + 1, text);
    return DFOTA_E_SYNTAX;
}

/* The next event, to be deleted by the caller. */
static int next(struct reading *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return 0;
    memset(event, 0, sizeof *event);
    if (r->parser.error == YAML_MEMORY_ERROR)
        return DFOTA_E_NOMEM;
    return refuse(r, r->parser.problem_mark.line, "%s",
                  r->parser.problem ? r->parser.problem : "this is no YAML");
}

/* What stands where a word is wanted, or NULL. */
static const char *no_scalar(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.anchor || event->data.scalar.tag)
            return "an anchor or a tag";
        if (strlen((const char *)event->data.scalar.value) !=
            event->data.scalar.length)
            return "a NUL";
        if (event->data.scalar.length > VALUE_MAX)
            return "a text over 4096 bytes";
        return NULL;
    case YAML_ALIAS_EVENT:
        return "an alias";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "a mapping";
    default:
        return "nothing";
    }
}

/* "key:" with nothing behind it says nothing, and neither does a null. */
static bool is_nothing(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int give(struct reading *r, const struct config_key *key,
                const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t line = event->start_mark.line;
    char why[CONFIG_WHY_ROOM];

    if (is_nothing(event))
        return refuse(r, line, "%s: a value is missing", key->name);
    if (r->take(r->ctx, key->name, text, why))
        return 0;
    return refuse(r, line, "%s: %s", key->name, why);
}

static int read_list(struct reading *r, const struct config_key *key)
{
    yaml_event_t event;
    const char *wrong;
    int err = 0;

    for (unsigned n = 0; !err; n++) {
        err = next(r, &event);
        if (!err && event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        wrong = err ? NULL : no_scalar(&event);
        if (wrong)
            err = refuse(r, event.start_mark.line,
                         "%s: a text is wanted in the list, not %s", key->name,
                         wrong);
        else if (!err && n >= LIST_MAX)
            err = refuse(r, event.start_mark.line, "%s: the list is too long",
                         key->name);
        else if (!err)
            err = give(r, key, &event);
        yaml_event_delete(&event);
    }
    return err;
}

static int read_value(struct reading *r, const struct config_key *key)
{
    yaml_event_t event;
    const char *wrong;
    int err = next(r, &event);

    if (err)
        return err;
    wrong = no_scalar(&event);
    if (key->is_list && event.type == YAML_SEQUENCE_START_EVENT &&
        !event.data.sequence_start.anchor && !event.data.sequence_start.tag)
        err = read_list(r, key);
    else if (key->is_list)
        err = refuse(r, event.start_mark.line,
                     "%s: a list is wanted: [one, another]", key->name);
    else if (wrong)
        err = refuse(r, event.start_mark.line, "%s: a text is wanted, not %s",
                     key->name, wrong);
    else
        err = give(r, key, &event);
    yaml_event_delete(&event);
    return err;
}

/* keep_audit is keep-audit: both are habits of configuration files. */
static bool is_named(const char *key, const char *text)
{
    while (*key && (*key == *text || (*key == '-' && *text == '_'))) {
        key++;
        text++;
    }
    return *key == *text;
}

static int read_key(struct reading *r, const yaml_event_t *event)
{
    const char *wrong = no_scalar(event);
    size_t line = event->start_mark.line;
    const char *name;
    unsigned i = 0;

    if (wrong)
        return refuse(r, line, "a key is wanted, not %s", wrong);
    name = (const char *)event->data.scalar.value;
    while (r->keys[i].name && !is_named(r->keys[i].name, name))
        i++;
    if (!r->keys[i].name)
        return refuse(r, line, "unknown key \"%.60s\"", name);
    if (r->seen[i])
        return refuse(r, line, "%s is there twice", r->keys[i].name);
    r->seen[i] = true;
    return read_value(r, &r->keys[i]);
}

static int read_mapping(struct reading *r)
{
    yaml_event_t event;
    bool over = false;
    int err = 0;

    while (!err && !over) {
        err = next(r, &event);
        over = !err && event.type == YAML_MAPPING_END_EVENT;
        if (!err && !over)
            err = read_key(r, &event);
        yaml_event_delete(&event);
    }
    return err;
}

/* Of a document there may be nothing at all, or a mapping. */
static int read_document(struct reading *r)
{
    yaml_event_t event;
    int err = next(r, &event);

    if (err)
        return err;
    if (event.type == YAML_MAPPING_START_EVENT &&
        !event.data.mapping_start.anchor && !event.data.mapping_start.tag)
        err = read_mapping(r);
    else if (event.type != YAML_SCALAR_EVENT || no_scalar(&event) ||
             !is_nothing(&event))
        err = refuse(r, event.start_mark.line,
                     "lines of \"key: value\" are wanted");
    yaml_event_delete(&event);
    return err;
}

static int read_stream(struct reading *r)
{
    unsigned documents = 0;
    yaml_event_t event;
    bool over = false;
    int err = 0;

    while (!err && !over) {
        err = next(r, &event);
        over = !err && event.type == YAML_STREAM_END_EVENT;
        if (!err && event.type == YAML_DOCUMENT_START_EVENT)
            err = documents++ > 0
                      ? refuse(r, event.start_mark.line,
                               "one YAML document is wanted, not a second")
                      : read_document(r);
        yaml_event_delete(&event);
    }
    return err;
}

int config_file_parse(const char *name, const void *text, size_t len,
                      const struct config_key *keys, config_take take,
                      void *ctx)
{
    struct reading r = {.name = name, .keys = keys, .take = take, .ctx = ctx};
    int err;

    if (!yaml_parser_initialize(&r.parser))
        return DFOTA_E_NOMEM;
    yaml_parser_set_input_string(&r.parser, text, len);
    err = read_stream(&r);
    yaml_parser_delete(&r.parser);
    return err;
}

int config_file_read(const char *path, const struct config_key *keys,
                     config_take take, void *ctx)
{
    uint8_t *text;
    size_t len;
    int err = files_read(path, FILE_MAX_LEN, &text, &len);

    if (err) {
        log_error("%s: %s", path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
        return err;
    }
    err = config_file_parse(path, text, len, keys, take, ctx);
    free(text);
    return err;
}
