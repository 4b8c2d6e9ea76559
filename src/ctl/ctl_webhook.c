/* SPDX-License-Identifier: Apache-2.0 */
/* webhook: who else is told what happens. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "os/buffer.h"

enum { PATH_MAX_LEN = 256 };

#define WEBHOOKS "id url events active waiting failed made_by"
#define DELIVERIES "id event state tries status why due ended"

/* "plan,attempt" */
static json_t *list_of(const char *text)
{
    json_t *list = json_array();

    while (*(text += strspn(text, ", "))) {
        size_t len = strcspn(text, ", ");

        json_array_append_new(list, json_stringn(text, len));
        text += len;
    }
    return list;
}

/* The first line of a file. returns NULL: it was said why not */
static json_t *secret_of(const char *file)
{
    json_t *secret;
    char *text;
    size_t len;

    if (ctl_read_file(file, &text, &len) != CTL_DONE)
        return NULL;
    secret = json_stringn(text, strcspn(text, "\r\n"));
    free(text);
    if (!secret)
        ctl_say(CTL_FAILED, "%s: not a text", file);
    return secret;
}

static int send(const struct ctl_line *line, const char *method,
                const char *path, const json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    const struct ctl_content content = {.type = "application/json",
                                        .data = text,
                                        .len = text ? strlen(text) : 0,
                                        .if_match = "*"};
    struct ctl_answer answer = {0};
    int status = text ? ctl_call(&line->server, method, path, &content, &answer)
                      : ctl_say(CTL_FAILED, "out of memory");

    free(text);
    if (status)
        return status;
    ctl_print(answer.json, NULL, line->json);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

static int add(const struct ctl_line *line)
{
    const char *file = ctl_value(line, "secret-file");
    json_t *body = json_pack("{s:s, s:o}", "url", line->args[0], "events",
                             list_of(ctl_value(line, "events")));
    json_t *secret = file ? secret_of(file) : NULL;
    int status = CTL_FAILED;

    if (body && (!file || secret)) {
        if (secret)
            json_object_set(body, "secret", secret);
        status = send(line, "POST", "webhooks", body);
    }
    json_decref(secret);
    json_decref(body);
    return status;
}

static int switch_to(const struct ctl_line *line)
{
    bool on = strcmp(line->command->verb, "resume") == 0;
    json_t *body = json_pack("{s:b}", "active", on);
    struct buffer path;
    int status;

    buffer_init(&path, PATH_MAX_LEN);
    buffer_add_str(&path, "webhooks/");
    ctl_add_escaped(&path, line->args[0]);
    status = send(line, "PATCH", path.data, body);
    buffer_release(&path);
    json_decref(body);
    return status;
}

const struct ctl_command ctl_webhook_commands[] = {
    {.group = "webhook",
     .verb = "add",
     CTL_ONE("URL"),
     .method = "POST",
     .path = "webhooks",
     .help = "tell an address; the secret is said once",
     .options = {CTL_OPT("events", NULL, CTL_OWN, true,
                         "of plan,attempt,package,module,lwm2m,audit"),
                 CTL_OPT("secret-file", NULL, CTL_OWN, false,
                         "file: what signs; else one is made")},
     .run = add},
    {.group = "webhook",
     .verb = "list",
     .method = "GET",
     .path = "webhooks",
     .columns = WEBHOOKS,
     .help = "who is told"},
    {.group = "webhook",
     .verb = "pause",
     CTL_ONE("ID"),
     .method = "PATCH",
     .path = "webhooks/{}",
     .help = "tell it nothing",
     .run = switch_to},
    {.group = "webhook",
     .verb = "resume",
     CTL_ONE("ID"),
     .method = "PATCH",
     .path = "webhooks/{}",
     .help = "tell it again",
     .run = switch_to},
    {.group = "webhook",
     .verb = "ping",
     CTL_ONE("ID"),
     .method = "POST",
     .path = "webhooks/{}/ping",
     .help = "send it a delivery of nothing"},
    {.group = "webhook",
     .verb = "deliveries",
     CTL_ONE("ID"),
     .method = "GET",
     .path = "webhooks/{}/deliveries",
     .columns = DELIVERIES,
     .help = "what was sent to it, the newest first",
     .options = {CTL_OPT("state", "state", CTL_QUERY, false,
                         "waiting, done, failed")}},
    {.group = "webhook",
     .verb = "replay",
     .args = "ID DELIVERY",
     .args_min = 2,
     .args_max = 2,
     .method = "POST",
     .path = "webhooks/{}/deliveries/{}/replay",
     .help = "send a delivery again"},
    {.group = "webhook",
     .verb = "remove",
     CTL_ONE("ID"),
     .method = "DELETE",
     .path = "webhooks/{}",
     .help = "tell it never again"},
    {0}};
