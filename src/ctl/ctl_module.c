/* SPDX-License-Identifier: Apache-2.0 */
/* module: enrolling, asking why, holding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/csv.h"
#include "ctl/ctl.h"
#include "os/log.h"

#define MODULES "imei model version group state battery rssi last_seen"

/* ---- CSV into objects ---- */

static json_t *object_of(const json_t *names, const json_t *cells)
{
    json_t *object = json_object(), *cell;
    size_t i;

    json_array_foreach(cells, i, cell)
    {
        const char *name = json_string_value(json_array_get(names, i));

        if (name && json_string_length(cell) > 0)
            json_object_set(object, name, cell);
    }
    return object;
}

static int read_modules(const char *file, json_t **out)
{
    char *text;
    size_t len, i;
    json_t *table, *row;
    int status = ctl_read_file(file, &text, &len), bad_line = 0;

    if (status)
        return status;
    table = csv_parse(text, len, &bad_line);
    free(text);
    if (!table)
        return ctl_say(CTL_FAILED, "%s:%d: this is no CSV in UTF-8", file,
                       bad_line);
    *out = json_array();
    json_array_foreach(table, i, row)
    {
        if (i > 0)
            json_array_append_new(*out,
                                  object_of(json_array_get(table, 0), row));
    }
    json_decref(table);
    return CTL_DONE;
}

static void print_import(const json_t *answer)
{
    const json_t *made = json_object_get(answer, "made"), *item;
    const json_t *refused = json_object_get(answer, "refused");
    const char *password;
    size_t i;

    json_array_foreach(made, i, item)
    {
        password = json_string_value(json_object_get(item, "password"));
        if (password && *password)
            printf("%s,%s\n", json_string_value(json_object_get(item, "imei")),
                   password);
    }
    json_array_foreach(refused, i, item)
        log_warn("row %lld: %s",
                 (long long)json_integer_value(json_object_get(item, "row")),
                 json_string_value(json_object_get(item, "why")));
    log_info("%zu modules %s, %zu refused", json_array_size(made),
             json_is_true(json_object_get(answer, "dry_run")) ? "would be "
                                                                "enrolled"
                                                              : "enrolled",
             json_array_size(refused));
}

static int import(const struct ctl_line *line)
{
    struct ctl_content content = {.type = "application/json"};
    bool dry = ctl_value(line, "dry-run") != NULL, refused;
    struct ctl_answer answer;
    json_t *modules = NULL;
    char *body;
    int status = read_modules(line->args[0], &modules);

    if (status)
        return status;
    modules = json_pack("{s:o, s:b}", "modules", modules, "dry_run", dry);
    body = json_dumps(modules, JSON_COMPACT);
    json_decref(modules);
    content.data = body;
    content.len = body ? strlen(body) : 0;
    status =
        ctl_call(&line->server, "POST", "modules/import", &content, &answer);
    free(body);
    if (status)
        return status;
    if (line->json)
        ctl_print(answer.json, NULL, true);
    else
        print_import(answer.json);
    refused = json_array_size(json_object_get(answer.json, "refused")) > 0;
    ctl_answer_release(&answer);
    return refused ? CTL_FAILED : CTL_DONE;
}

/* ---- why ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "-";
}

static void print_plan(const json_t *plan)
{
    const json_t *check;
    size_t i;

    printf("\nplan %lld \"%s\" to %s: %s\n",
           (long long)json_integer_value(json_object_get(plan, "plan")),
           text_of(plan, "name"), text_of(plan, "target"),
           json_integer_value(json_object_get(plan, "code")) ? "no" : "yes");
    json_array_foreach(json_object_get(plan, "checks"), i, check)
        printf("  %-4s %-8s %-28s %s\n",
               json_is_true(json_object_get(check, "passed")) ? "ok" : "NO",
               text_of(check, "check"), text_of(check, "value"),
               text_of(check, "limit"));
}

static void print_explanation(const json_t *answer)
{
    const json_t *module = json_object_get(answer, "module"), *item;
    size_t i;

    printf("%s %s %s, last seen %s\n", text_of(module, "imei"),
           text_of(module, "model"), text_of(module, "version"),
           text_of(module, "last_seen"));
    printf("its next poll would get: %s (%lld)\n", text_of(answer, "next_poll"),
           (long long)json_integer_value(json_object_get(answer, "code")));
    item = json_object_get(answer, "due");
    if (json_is_object(item))
        printf("it is due between %s and %s\n", text_of(item, "from"),
               text_of(item, "to"));
    json_array_foreach(json_object_get(answer, "plans"), i, item)
        print_plan(item);
    if (json_array_size(json_object_get(answer, "attempts")) > 0)
        printf("\nlast attempts\n");
    json_array_foreach(json_object_get(answer, "attempts"), i, item)
        printf("  %s to %s: %s\n", text_of(item, "granted"),
               text_of(item, "target"), text_of(item, "words"));
}

static int explain(const struct ctl_line *line)
{
    struct ctl_answer answer;
    char path[96];
    int status;

    snprintf(path, sizeof path, "modules/%.20s/explain", line->args[0]);
    status = ctl_call(&line->server, "GET", path, NULL, &answer);
    if (status)
        return status;
    if (line->json)
        ctl_print(answer.json, NULL, true);
    else
        print_explanation(answer.json);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

const struct ctl_command ctl_module_commands[] = {
    {.group = "module",
     .verb = "list",
     .method = "GET",
     .path = "modules",
     .columns = MODULES,
     .help = "modules",
     .options = {CTL_OPT("model", "model", CTL_QUERY, false,
                         "only of this model"),
                 CTL_OPT("version", "version", CTL_QUERY, false,
                         "only with this version"),
                 CTL_OPT("group", "group", CTL_QUERY, false,
                         "only of this group"),
                 CTL_OPT("state", "state", CTL_QUERY, false,
                         "active, held, blocked, retired")}},
    {.group = "module",
     .verb = "show",
     CTL_ONE("IMEI"),
     .method = "GET",
     .path = "modules/{}",
     .help = "one module"},
    {.group = "module",
     .verb = "explain",
     CTL_ONE("IMEI"),
     .method = "GET",
     .path = "modules/{}/explain",
     .help = "what its next poll would get, and why",
     .run = explain},
    {.group = "module",
     .verb = "import",
     CTL_ONE("FILE.csv"),
     .method = "POST",
     .path = "modules/import",
     .help = "enrol modules: a first line with imei,model,..",
     .options = {CTL_OPT("dry-run", NULL, CTL_FLAG, false,
                         "only say what would happen")},
     .run = import},
    {.group = "module",
     .verb = "tag",
     CTL_ONE("IMEI"),
     .method = "PATCH",
     .path = "modules/{}",
     .help = "set tags or group",
     .options = {CTL_OPT("tags", "tags", CTL_TEXT, false, "a,b,.."),
                 CTL_OPT("group", "group", CTL_TEXT, false,
                         "the module's group")}},
    {.group = "module",
     .verb = "attempts",
     CTL_ONE("IMEI"),
     .method = "PATCH",
     .path = "modules/{}",
     .help = "how many of each plan it may use",
     .options = {CTL_OPT("number", "attempts", CTL_NUMBER, true,
                         "0: as the plan says")}},
    {.group = "module",
     .verb = "endpoint",
     CTL_ONE("IMEI"),
     .method = "PATCH",
     .path = "modules/{}",
     .help = "the name it registers under over LwM2M",
     .options = {CTL_OPT("name", "endpoint", CTL_TEXT, true,
                         "urn:imei:.. need not be told; \"\" takes it away")}},
    {.group = "module",
     .verb = "hold",
     CTL_ONE("IMEI"),
     .method = "PATCH",
     .path = "modules/{}",
     .help = "no update for it",
     .fixed = "{\"state\": \"held\"}"},
    {.group = "module",
     .verb = "release",
     CTL_ONE("IMEI"),
     .method = "PATCH",
     .path = "modules/{}",
     .help = "end hold and block",
     .fixed = "{\"state\": \"active\"}"},
    {.group = "module",
     .verb = "block",
     CTL_ONE("IMEI"),
     .method = "PATCH",
     .path = "modules/{}",
     .help = "no answer for it",
     .fixed = "{\"state\": \"blocked\"}"},
    {.group = "module",
     .verb = "remove",
     CTL_ONE("IMEI"),
     .method = "PATCH",
     .path = "modules/{}",
     .help = "retire it",
     .fixed = "{\"state\": \"retired\"}"},
    {.group = "module",
     .verb = "move",
     CTL_ONE("IMEI"),
     .method = "POST",
     .path = "modules/{}/move",
     .help = "give it to another tenant",
     .options = {CTL_OPT("tenant", "tenant", CTL_NUMBER, true,
                         "the number of one")}},
    {.group = "module",
     .verb = "timeline",
     CTL_ONE("IMEI"),
     .method = "GET",
     .path = "modules/{}/timeline",
     .columns = "at what plan attempt state cause version actor text",
     .help = "what happened to it, the newest first"},
    {0}};
