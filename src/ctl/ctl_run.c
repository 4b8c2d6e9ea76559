/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ctl/ctl.h"
#include "os/buffer.h"
#include "os/files.h"
#include "os/log.h"

enum { FILE_MAX_LEN = 64 << 20, PATH_MAX_LEN = 8192 };

int ctl_say(int status, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log_error("%s", line);
    return status;
}

int ctl_read_file(const char *path, char **data, size_t *len)
{
    uint8_t *bytes;
    int err = files_read(path, FILE_MAX_LEN, &bytes, len);

    if (err)
        return ctl_say(CTL_FAILED, "%s: %s", path,
                       err == DFOTA_E_IO ? strerror(errno)
                                         : dfota_strerror(err));
    *data = (char *)bytes;
    return CTL_DONE;
}

const char *ctl_value(const struct ctl_line *line, const char *name)
{
    for (unsigned i = 0; i < CTL_OPTIONS_MAX; i++) {
        const char *known = line->command->options[i].name;

        if (known && strcmp(known, name) == 0)
            return line->values[i];
    }
    return NULL;
}

/* ---- the path: arguments for {}, options in the query ---- */

int ctl_add_escaped(struct buffer *path, const char *text)
{
    char *escaped = ctl_escape(text);
    int err = escaped ? buffer_add_str(path, escaped) : DFOTA_E_NOMEM;

    free(escaped);
    return err;
}

static void make_path(const struct ctl_line *line, const char *cursor,
                      struct buffer *path)
{
    const struct ctl_command *command = line->command;
    const char *rest = command->path, *hole;
    const char *sign = strchr(command->path, '?') ? "&" : "?";

    for (unsigned i = 0; (hole = strstr(rest, "{}")); i++) {
        buffer_add(path, rest, (size_t)(hole - rest));
        ctl_add_escaped(path, i < line->n_args ? line->args[i] : "");
        rest = hole + 2;
    }
    buffer_add_str(path, rest);
    for (unsigned i = 0; i < CTL_OPTIONS_MAX; i++) {
        const struct ctl_option *option = &command->options[i];

        if (!option->name || option->kind != CTL_QUERY || !line->values[i])
            continue;
        buffer_printf(path, "%s%s=", sign, option->field);
        ctl_add_escaped(path, line->values[i]);
        sign = "&";
    }
    if (cursor) {
        buffer_printf(path, "%scursor=", sign);
        ctl_add_escaped(path, cursor);
    }
}

/* ---- the body ---- */

static int add_json_file(json_t *body, const char *field, const char *path)
{
    json_error_t error;
    char *text = NULL;
    size_t len = 0;
    json_t *json;
    int status = ctl_read_file(path, &text, &len);

    if (status)
        return status;
    json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!json)
        return ctl_say(CTL_FAILED, "%s: line %d: %s", path, error.line,
                       error.text);
    json_object_set_new(body, field, json);
    return CTL_DONE;
}

static int add_file(json_t *body, const char *field, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    int status = ctl_read_file(path, &text, &len);

    if (status)
        return status;
    if (json_object_set_new(body, field, json_stringn(text, len)) != 0)
        status = ctl_say(CTL_FAILED, "%s: not a text", path);
    free(text);
    return status;
}

static int add_number(json_t *body, const struct ctl_option *option,
                      const char *text)
{
    char *end;
    long long number = strtoll(text, &end, 10);

    if (*text == '\0' || *end != '\0')
        return ctl_say(CTL_USAGE, "--%s: a number is wanted, not \"%s\"",
                       option->name, text);
    json_object_set_new(body, option->field, json_integer(number));
    return CTL_DONE;
}

static int add_option(json_t *body, const struct ctl_option *option,
                      const char *value)
{
    switch (option->kind) {
    case CTL_TEXT:
        return json_object_set_new(body, option->field, json_string(value)) == 0
                   ? CTL_DONE
                   : ctl_say(CTL_USAGE, "--%s: no text in UTF-8", option->name);
    case CTL_NUMBER:
        return add_number(body, option, value);
    case CTL_FLAG:
        if (option->field)
            json_object_set_new(body, option->field, json_true());
        return CTL_DONE;
    case CTL_JSON:
        return add_json_file(body, option->field, value);
    case CTL_FILE:
        return add_file(body, option->field, value);
    default:
        return CTL_DONE;
    }
}

static int make_body(const struct ctl_line *line, json_t **out)
{
    const struct ctl_command *command = line->command;
    json_t *body =
        command->fixed ? json_loads(command->fixed, 0, NULL) : json_object();
    int status = CTL_DONE;

    for (unsigned i = 0; !status && i < CTL_OPTIONS_MAX; i++) {
        if (command->options[i].name && line->values[i])
            status = add_option(body, &command->options[i], line->values[i]);
    }
    if (status)
        json_decref(body);
    else
        *out = body;
    return status;
}

/* ---- the call ---- */

/* A list goes on until its last page; pages become one. */
static int call_all(const struct ctl_line *line, const char *etag, char *body,
                    struct ctl_answer *answer)
{
    const struct ctl_content content = {.type =
                                            body ? "application/json" : NULL,
                                        .data = body,
                                        .len = body ? strlen(body) : 0,
                                        .if_match = etag};
    char cursor[160] = "";
    json_t *items = NULL;
    struct buffer path;
    const char *next;
    int status;

    do {
        buffer_init(&path, PATH_MAX_LEN);
        make_path(line, cursor[0] ? cursor : NULL, &path);
        status = path.err ? ctl_say(CTL_USAGE, "the arguments are too long")
                          : ctl_call(&line->server, line->command->method,
                                     path.data, &content, answer);
        buffer_release(&path);
        if (status)
            break;
        next = json_string_value(json_object_get(answer->json, "next"));
        snprintf(cursor, sizeof cursor, "%s", next ? next : "");
        if (!items && next)
            items = json_array();
        if (items)
            json_array_extend(items, json_object_get(answer->json, "items"));
        if (next)
            ctl_answer_release(answer);
    } while (cursor[0]);
    if (!status && items)
        json_object_set(answer->json, "items", items);
    json_decref(items);
    return status;
}

int ctl_run_with(const struct ctl_line *line, const char *etag)
{
    bool has_body = strcmp(line->command->method, "GET") != 0 &&
                    strcmp(line->command->method, "DELETE") != 0;
    struct ctl_answer answer;
    json_t *json = NULL;
    char *body = NULL;
    int status = has_body ? make_body(line, &json) : CTL_DONE;

    if (status)
        return status;
    if (json)
        body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    status = call_all(line, etag, body, &answer);
    free(body);
    if (status)
        return status;
    ctl_print(answer.json, line->command->columns, line->json);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

int ctl_run(const struct ctl_line *line)
{
    return ctl_run_with(line, NULL);
}
