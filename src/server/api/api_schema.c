/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_schema.h"

#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "server/api/openapi.h"

enum { KEY_ROOM = 160, PREFIX_LEN = 8 /* "/api/v1/" */ };

static json_t *file, *operations;

/* ---- the file ---- */

static const char *method_word(enum http_method method)
{
    static const char *const words[] = {"get", "get",   "post",
                                        "put", "patch", "delete"};

    return method < HTTP_OTHER ? words[method] : "";
}

/* "/api/v1/plans/{id}" is "plans/{}" to the routes. */
static void spell(const char *method, const char *path, char key[KEY_ROOM])
{
    size_t len = (size_t)snprintf(key, KEY_ROOM, "%s ", method);

    while (*path && len + 1 < KEY_ROOM) {
        key[len++] = *path;
        if (*path == '{')
            path += strcspn(path, "}");
        else
            path++;
    }
    key[len] = '\0';
}

static void add_path(const char *path, json_t *methods)
{
    const char *method;
    char key[KEY_ROOM];
    json_t *operation;

    json_object_foreach(methods, method, operation)
    {
        spell(method, path + PREFIX_LEN, key);
        json_object_set(operations, key, operation);
    }
}

static void load(void)
{
    const char *path;
    json_t *methods;

    file = json_loadb((const char *)openapi_json, openapi_json_len, 0, NULL);
    operations = json_object();
    json_object_foreach(json_object_get(file, "paths"), path, methods)
    {
        add_path(path, methods);
    }
}

const json_t *api_schema_all(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    return operations;
}

const json_t *api_schema_operation(enum http_method method, const char *path)
{
    char key[KEY_ROOM];

    snprintf(key, sizeof key, "%s %s", method_word(method), path);
    return json_object_get(api_schema_all(), key);
}

static const json_t *resolve(const json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const json_t *node = file;
    char name[64];

    while (ref && *(ref += strspn(ref, "#/"))) {
        size_t len = strcspn(ref, "/");

        snprintf(name, sizeof name, "%.*s", (int)len, ref);
        node = json_object_get(node, name);
        ref += len;
    }
    return ref ? node : schema;
}

/* ---- one value ---- */

static bool is_of(const json_t *value, const char *type)
{
    return strcmp(type, "string") == 0    ? json_is_string(value)
           : strcmp(type, "integer") == 0 ? json_is_integer(value)
           : strcmp(type, "number") == 0  ? json_is_number(value)
           : strcmp(type, "boolean") == 0 ? json_is_boolean(value)
           : strcmp(type, "array") == 0   ? json_is_array(value)
           : strcmp(type, "null") == 0    ? json_is_null(value)
                                          : json_is_object(value);
}

static bool is_of_some(const json_t *value, const json_t *type)
{
    const json_t *one;
    size_t i;

    if (json_is_string(type))
        return is_of(value, json_string_value(type));
    json_array_foreach(type, i, one)
    {
        if (is_of(value, json_string_value(one)))
            return true;
    }
    return false;
}

static int refuse_type(struct api_call *call, const char *name,
                       const json_t *type)
{
    char *text = json_dumps(type, JSON_ENCODE_ANY);

    api_refuse(call, 400, "%.40s: %.80s is wanted", name, text ? text : "");
    free(text);
    return DFOTA_E_CANCELLED;
}

static int refuse_word(struct api_call *call, const char *name,
                       const json_t *words)
{
    char *text = json_dumps(words, 0);

    api_refuse(call, 400, "%.40s: one of %.160s is wanted", name,
               text ? text : "");
    free(text);
    return DFOTA_E_CANCELLED;
}

static bool is_listed(const json_t *value, const json_t *words)
{
    const json_t *word;
    size_t i;

    json_array_foreach(words, i, word)
    {
        if (json_equal(value, word))
            return true;
    }
    return false;
}

static bool is_like(const char *text, const char *pattern)
{
    regex_t regex;
    bool like;

    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return true;
    like = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return like;
}

static int64_t limit_of(const json_t *schema, const char *name, int64_t none)
{
    const json_t *limit = json_object_get(schema, name);

    return json_is_integer(limit) ? json_integer_value(limit) : none;
}

static bool is_clean(const char *text, size_t len, bool lines)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < 0x20 && !(lines && (c == '\n' || c == '\r'))) || c == 0x7f)
            return false;
    }
    return true;
}

static int check_text(struct api_call *call, const char *name,
                      const json_t *value, const json_t *schema)
{
    const char *text = json_string_value(value);
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));
    int64_t len = (int64_t)json_string_length(value);
    int64_t least = limit_of(schema, "minLength", 0);
    int64_t most = limit_of(schema, "maxLength", INT64_MAX);

    if (len < least || len > most)
        return api_refuse(call, 400, "%.40s: %lld to %lld bytes are wanted",
                          name, (long long)least, (long long)most);
    if (!is_clean(text, (size_t)len,
                  json_is_true(json_object_get(schema, "x-lines"))))
        return api_refuse(call, 400, "%.40s: it has a control character", name);
    if (pattern && !is_like(text, pattern))
        return api_refuse(call, 400, "%.40s: it is not like %.120s", name,
                          pattern);
    return 0;
}

static int check_number(struct api_call *call, const char *name,
                        const json_t *value, const json_t *schema)
{
    int64_t least = limit_of(schema, "minimum", INT64_MIN);
    int64_t most = limit_of(schema, "maximum", INT64_MAX);
    json_int_t number = json_integer_value(value);

    return number >= least && number <= most
               ? 0
               : api_refuse(call, 400, "%.40s: it is out of its range", name);
}

static int check_one(struct api_call *call, const char *name,
                     const json_t *value, const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    const json_t *words = json_object_get(schema, "enum");

    if (type && !is_of_some(value, type))
        return refuse_type(call, name, type);
    if (words && !is_listed(value, words))
        return refuse_word(call, name, words);
    return json_is_string(value)    ? check_text(call, name, value, schema)
           : json_is_integer(value) ? check_number(call, name, value, schema)
                                    : 0;
}

/* Lists of lists are no part of any content. */
static int check_list(struct api_call *call, const char *name,
                      const json_t *list, const json_t *schema)
{
    int64_t n = (int64_t)json_array_size(list);
    const json_t *items = resolve(json_object_get(schema, "items")), *item;
    const char *type = json_string_value(json_object_get(items, "type"));
    size_t i;
    int err = 0;

    if (n < limit_of(schema, "minItems", 0) ||
        n > limit_of(schema, "maxItems", INT64_MAX))
        return api_refuse(call, 400, "%.40s: %lld to %lld items are wanted",
                          name, (long long)limit_of(schema, "minItems", 0),
                          (long long)limit_of(schema, "maxItems", INT64_MAX));
    if (type && strcmp(type, "object") == 0)
        return 0;
    json_array_foreach(list, i, item)
    {
        if (!err)
            err = check_one(call, name, item, items);
    }
    return err;
}

static int check_value(struct api_call *call, const char *name,
                       const json_t *value, const json_t *schema)
{
    int err;

    schema = resolve(schema);
    err = check_one(call, name, value, schema);
    return err || !json_is_array(value) ? err
                                        : check_list(call, name, value, schema);
}

/* ---- the content ---- */

static int check_members(struct api_call *call, const json_t *schema)
{
    const json_t *known = json_object_get(schema, "properties"), *wanted;
    const char *name;
    json_t *value;
    size_t i;
    int err = 0;

    json_object_foreach(call->body, name, value)
    {
        const json_t *member = json_object_get(known, name);

        if (err)
            break;
        err = member ? check_value(call, name, value, member)
                     : api_refuse(call, 400, "%.40s: there is no such field",
                                  name);
    }
    json_array_foreach(json_object_get(schema, "required"), i, wanted)
    {
        name = json_string_value(wanted);
        if (!err && !json_object_get(call->body, name))
            err = api_refuse(call, 400, "%.40s: it is missing", name);
    }
    return err;
}

int api_schema_check(struct api_call *call)
{
    const json_t *operation =
        api_schema_operation(call->route->method, call->route->path);
    const json_t *request = json_object_get(operation, "requestBody");
    const json_t *content = json_object_get(json_object_get(request, "content"),
                                            "application/json");

    if (call->request->body_fd >= 0)
        return 0;
    if (!content)
        return json_object_size(call->body) == 0 || request
                   ? 0
                   : api_refuse(call, 400, "no content is wanted here");
    if (!call->body && !json_is_true(json_object_get(request, "required")))
        return 0;
    return check_members(call, resolve(json_object_get(content, "schema")));
}
