/* SPDX-License-Identifier: Apache-2.0 */
/* plan: who gets which firmware, and when. */
#include <stdio.h>
#include <string.h>

#include "ctl/csv.h"
#include "ctl/ctl.h"
#include "os/buffer.h"

enum { PATH_MAX_LEN = 256 };

#define PLANS "id name state model version stage open made_by approved_by"

/* Without --etag it is what the plan is at this moment. */
static int edit(const struct ctl_line *line)
{
    const char *etag = ctl_value(line, "etag");
    struct ctl_answer answer;
    struct buffer path;
    char now[48];
    int status;

    if (etag)
        return ctl_run_with(line, etag);
    buffer_init(&path, PATH_MAX_LEN);
    buffer_add_str(&path, "plans/");
    ctl_add_escaped(&path, line->args[0]);
    status = ctl_call(&line->server, "GET", path.data, NULL, &answer);
    buffer_release(&path);
    if (status)
        return status;
    snprintf(now, sizeof now, "%s", answer.etag);
    ctl_answer_release(&answer);
    return ctl_run_with(line, now);
}

static int pause_plan(const struct ctl_line *line)
{
    struct ctl_answer answer;
    bool all = ctl_value(line, "all") != NULL;
    int status;

    if (all == (line->n_args == 1))
        return ctl_say(CTL_USAGE, "plan pause: either a plan or --all");
    if (!all)
        return ctl_run_with(line, NULL);
    status = ctl_call(&line->server, "POST", "plans/pause", NULL, &answer);
    if (status)
        return status;
    ctl_print(answer.json, NULL, line->json);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

/* ---- results as CSV ---- */

static const char *const columns[] = {
    "attempt",  "imei",       "from",    "target",  "state",  "cause",
    "http_err", "update_err", "version", "granted", "closed", "node"};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

static void print_rows(const json_t *items)
{
    const json_t *item;
    size_t i;

    json_array_foreach(items, i, item)
    {
        for (unsigned c = 0; c < N_COLUMNS; c++)
            csv_print(stdout, json_object_get(item, columns[c]),
                      c + 1 < N_COLUMNS ? ',' : '\n');
    }
}

/* Page by page, so that a plan of any size fits. */
static int export(const struct ctl_line *line)
{
    char path[200], cursor[48] = "";
    struct ctl_answer answer;
    const char *next;
    int status;

    if (line->json)
        return ctl_run(line);
    for (unsigned c = 0; c < N_COLUMNS; c++)
        printf("%s%s", columns[c], c + 1 < N_COLUMNS ? "," : "\n");
    do {
        snprintf(path, sizeof path, "results?plan=%.20s&limit=1000%s%s",
                 line->args[0], cursor[0] ? "&cursor=" : "", cursor);
        status = ctl_call(&line->server, "GET", path, NULL, &answer);
        if (status)
            return status;
        print_rows(json_object_get(answer.json, "items"));
        next = json_string_value(json_object_get(answer.json, "next"));
        snprintf(cursor, sizeof cursor, "%s", next ? next : "");
        ctl_answer_release(&answer);
    } while (cursor[0]);
    return CTL_DONE;
}

/* ---- preview ---- */

static long long number_of(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "-";
}

static void print_preview(const json_t *answer)
{
    const json_t *days = json_object_get(answer, "days"), *item;
    size_t i;

    printf("%s to %s takes %lld modules, %lld bytes, %lld full images\n",
           text_of(answer, "model"), text_of(answer, "target"),
           number_of(answer, "takes"), number_of(answer, "bytes"),
           number_of(answer, "full_images"));
    json_array_foreach(json_object_get(answer, "versions"), i, item)
        printf("  %6lld of %s, %s; package: %s\n", number_of(item, "modules"),
               text_of(item, "version"), text_of(item, "state"),
               text_of(item, "package_state"));
    json_array_foreach(json_object_get(answer, "left_out"), i, item)
        printf("  not %lld: they %s\n", number_of(item, "modules"),
               text_of(item, "why"));
    json_array_foreach(json_object_get(answer, "stages"), i, item)
        printf("  stage %lld: %lld modules\n", number_of(item, "stage"),
               number_of(item, "modules"));
    json_array_foreach(json_object_get(answer, "not_ready"), i, item) printf(
        "  NOT READY: package %lld from %s is %s\n", number_of(item, "package"),
        text_of(item, "from"), text_of(item, "state"));
    printf("half have it after %lld days, 95 %% after %lld (%s), 99 %% after "
           "%lld; %.1f %% after 30\n",
           number_of(days, "half"), number_of(days, "most"),
           text_of(days, "finish"), number_of(days, "all"),
           json_number_value(json_object_get(days, "percent_after_30")));
}

static int preview(const struct ctl_line *line)
{
    struct ctl_answer answer;
    char path[64];
    int status;

    if (line->json)
        return ctl_run(line);
    snprintf(path, sizeof path, "plans/%.20s/preview", line->args[0]);
    status = ctl_call(&line->server, "GET", path, NULL, &answer);
    if (status)
        return status;
    print_preview(answer.json);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

const struct ctl_command ctl_plan_commands[] = {
    {.group = "plan",
     .verb = "create",
     .method = "POST",
     .path = "plans",
     .help = "make a draft",
     .options = {CTL_OPT("name", "name", CTL_TEXT, true, "for people"),
                 CTL_OPT("firmware", "firmware", CTL_NUMBER, true,
                         "the target's number"),
                 CTL_OPT("spec", "spec", CTL_JSON, false,
                         "file: whom, when, how many")}},
    {.group = "plan",
     .verb = "list",
     .method = "GET",
     .path = "plans",
     .columns = PLANS,
     .help = "plans",
     .options = {CTL_OPT("state", "state", CTL_QUERY, false,
                         "draft, running, ..")}},
    {.group = "plan",
     .verb = "show",
     CTL_ONE("ID"),
     .method = "GET",
     .path = "plans/{}",
     .help = "one plan"},
    {.group = "plan",
     .verb = "preview",
     CTL_ONE("ID"),
     .method = "GET",
     .path = "plans/{}/preview",
     .run = preview,
     .help = "whom it takes, what is missing, how long"},
    {.group = "plan",
     .verb = "edit",
     CTL_ONE("ID"),
     .method = "PATCH",
     .path = "plans/{}",
     .help = "change a plan; it has to be approved again",
     .options = {CTL_OPT("name", "name", CTL_TEXT, false, "for people"),
                 CTL_OPT("spec", "spec", CTL_JSON, false,
                         "file: whom, when, how many"),
                 CTL_OPT("etag", NULL, CTL_OWN, false,
                         "only if it is still this edition")},
     .run = edit},
    {.group = "plan",
     .verb = "approve",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/approve",
     .help = "by another person than its maker",
     .options = {CTL_WHY}},
    {.group = "plan",
     .verb = "start",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/start",
     .help = "let modules have it",
     .options = {CTL_WHY}},
    {.group = "plan",
     .verb = "pause",
     .args = "ID | --all",
     .args_max = 1,
     .method = "POST",
     .path = "plans/{}/pause",
     .help = "let no other module have it",
     .options = {CTL_WHY,
                 CTL_OPT("all", NULL, CTL_FLAG, false, "all plans at once")},
     .run = pause_plan},
    {.group = "plan",
     .verb = "resume",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/resume",
     .help = "go on",
     .options = {CTL_WHY}},
    {.group = "plan",
     .verb = "abort",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/abort",
     .help = "end it for good",
     .options = {CTL_WHY}},
    {.group = "plan",
     .verb = "finish",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/finish",
     .help = "end it, as done",
     .options = {CTL_WHY}},
    {.group = "plan",
     .verb = "retry",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/retry",
     .help = "another attempt for modules that failed or were lost",
     .options = {CTL_OPT("number", "number", CTL_NUMBER, false,
                         "only those that failed with it"),
                 CTL_OPT("cause", "cause", CTL_TEXT, false,
                         "lost: only those")}},
    {.group = "plan",
     .verb = "exclude",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/exclude",
     .help = "one module gets nothing of it",
     .options = {CTL_OPT("imei", "imei", CTL_TEXT, true, "the module's")},
     .fixed = "{\"excluded\": true}"},
    {.group = "plan",
     .verb = "include",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/exclude",
     .help = "a module that was excluded may have it again",
     .options = {CTL_OPT("imei", "imei", CTL_TEXT, true, "the module's")},
     .fixed = "{\"excluded\": false}"},
    {.group = "plan",
     .verb = "url",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "plans/{}/url",
     .help = "the package for a module whose host loads it",
     .options = {CTL_OPT("imei", "imei", CTL_TEXT, true, "the module's"),
                 CTL_OPT("version", "version", CTL_TEXT, false,
                         "that it runs now, if the server has another")}},
    {.group = "plan",
     .verb = "export",
     CTL_ONE("ID"),
     .method = "GET",
     .path = "results?plan={}",
     .help = "its results as CSV",
     .run = export},
    {0}};
