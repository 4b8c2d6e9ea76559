/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lwm2m read, write, execute, discover: a question has a number, and its
 * answer is fetched by it. lwm2m update: begun, and followed to its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ctl.h"
#include "os/buffer.h"

enum {
    ASK_PATIENCE_S = 120, /* an exchange of CoAP takes 93 s at most */
    UPDATE_PATIENCE_S = 86400,
    PAUSE_MS = 200,
    PATH_ROOM = 1024,
};

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000,
                               .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

/* "lwm2m/<endpoint>[/<verb>]" */
static int client_path(const struct ctl_line *line, const char *verb,
                       struct buffer *out)
{
    char *endpoint = ctl_escape(line->args[0]);

    buffer_init(out, PATH_ROOM);
    if (!endpoint || buffer_printf(out, "lwm2m/%s%s%s", endpoint,
                                   verb ? "/" : "", verb ? verb : "") != 0) {
        free(endpoint);
        return ctl_say(CTL_USAGE, "the endpoint is too long");
    }
    free(endpoint);
    return CTL_DONE;
}

/* POST a body, which is taken over. */
static int post(const struct ctl_line *line, const char *verb, json_t *body,
                struct ctl_answer *answer)
{
    char *text = json_dumps(body, JSON_COMPACT);
    struct ctl_content content = {.type = "application/json",
                                  .data = text,
                                  .len = text ? strlen(text) : 0};
    struct buffer path;
    int status = client_path(line, verb, &path);

    json_decref(body);
    if (!status)
        status = ctl_call(&line->server, "POST", path.data, &content, answer);
    buffer_release(&path);
    free(text);
    return status;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* ---- questions ----------------------------------------------------------- */

static void print_value(const json_t *item)
{
    const json_t *value = json_object_get(item, "value");
    const char *links = json_string_value(json_object_get(item, "links"));
    char *text;

    if (links) {
        puts(links);
        return;
    }
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    printf("%s %s\n", text_of(item, "path"),
           json_is_string(value) ? json_string_value(value) : text);
    free(text);
}

/* The client's own refusal is a failure, with its code. */
static int print_answer(const struct ctl_line *line, const json_t *answer)
{
    const char *code = text_of(answer, "code");
    const json_t *item;
    size_t i;

    if (line->json) {
        ctl_print(answer, NULL, true);
    } else {
        json_array_foreach(json_object_get(answer, "values"), i, item)
            print_value(item);
    }
    if (code[0] == '2')
        return CTL_DONE;
    if (!code[0])
        return ctl_say(CTL_FAILED, "%s does not answer", line->args[0]);
    return ctl_say(CTL_FAILED, "%s answered %s", line->args[0], code);
}

static int wait_for_answer(const struct ctl_line *line, json_int_t id)
{
    struct ctl_answer answer;
    char path[64];
    int status;

    snprintf(path, sizeof path, "lwm2m/requests/%lld", (long long)id);
    for (int i = 0; i < ASK_PATIENCE_S * 1000 / PAUSE_MS; i++) {
        status = ctl_call(&line->server, "GET", path, NULL, &answer);
        if (status)
            return status;
        if (strcmp(text_of(answer.json, "state"), "waiting") != 0) {
            status = print_answer(line, answer.json);
            ctl_answer_release(&answer);
            return status;
        }
        ctl_answer_release(&answer);
        pause_ms(PAUSE_MS);
    }
    return ctl_say(CTL_FAILED,
                   "%s sleeps; it is asked when it wakes: question %lld",
                   line->args[0], (long long)id);
}

static int ask(const struct ctl_line *line)
{
    json_t *body = json_pack("{s:s}", "path", line->args[1]);
    struct ctl_answer answer;
    json_int_t id;
    int status;

    if (line->n_args > 2)
        json_object_set_new(body, "value", json_string(line->args[2]));
    status = post(line, line->command->verb, body, &answer);
    if (status)
        return status;
    id = json_integer_value(json_object_get(answer.json, "id"));
    ctl_answer_release(&answer);
    return wait_for_answer(line, id);
}

/* ---- updates ------------------------------------------------------------- */

static int print_end(const struct ctl_line *line, const json_t *update)
{
    bool done = strcmp(text_of(update, "state"), "done") == 0;

    if (line->json)
        ctl_print(update, NULL, true);
    else if (done)
        printf("%s: updated\n", line->args[0]);
    return done ? CTL_DONE
                : ctl_say(CTL_FAILED, "%s: %s", line->args[0],
                          text_of(update, "text"));
}

static void print_step(const struct ctl_line *line, const json_t *update,
                       char last[32])
{
    const char *state = text_of(update, "state");

    if (line->json || strcmp(last, state) == 0)
        return;
    snprintf(last, 32, "%s", state);
    fprintf(stderr, "%s: %s\n", line->args[0], state);
}

static int follow(const struct ctl_line *line)
{
    char last[32] = "";
    struct buffer path;
    int status = client_path(line, NULL, &path);
    bool over = false;

    for (int i = 0; !status && !over && i < UPDATE_PATIENCE_S; i++) {
        struct ctl_answer answer;
        const json_t *update;

        status = ctl_call(&line->server, "GET", path.data, NULL, &answer);
        if (status)
            break;
        update = json_object_get(answer.json, "update");
        over = strcmp(text_of(update, "state"), "done") == 0 ||
               strcmp(text_of(update, "state"), "failed") == 0;
        print_step(line, update, last);
        if (over)
            status = print_end(line, update);
        ctl_answer_release(&answer);
        if (!over)
            pause_ms(1000);
    }
    buffer_release(&path);
    return status;
}

static int update(const struct ctl_line *line)
{
    static const char *const texts[] = {"uri", "version", "method"};
    const char *package = ctl_value(line, "package");
    json_t *body = json_object();
    struct ctl_answer answer;
    int status;

    for (int i = 0; i < 3; i++)
        if (ctl_value(line, texts[i]))
            json_object_set_new(body, texts[i],
                                json_string(ctl_value(line, texts[i])));
    if (package) {
        char *end;
        long long id = strtoll(package, &end, 10);

        if (!*package || *end) {
            json_decref(body);
            return ctl_say(CTL_USAGE, "--package: a number of delta list");
        }
        json_object_set_new(body, "package", json_integer(id));
    }
    status = post(line, "update", body, &answer);
    if (status)
        return status;
    ctl_answer_release(&answer);
    return ctl_value(line, "no-wait") ? CTL_DONE : follow(line);
}

#define LWM2M                                                                  \
    "endpoint imei lwm2m version state result lifetime heard queue secure"

const struct ctl_command ctl_lwm2m_commands[] = {
    {.group = "lwm2m",
     .verb = "list",
     .method = "GET",
     .path = "lwm2m",
     .columns = LWM2M,
     .help = "clients that are registered"},
    {.group = "lwm2m",
     .verb = "show",
     CTL_ONE("ENDPOINT"),
     .method = "GET",
     .path = "lwm2m/{}",
     .help = "one client, and its update"},
    {.group = "lwm2m",
     .verb = "read",
     .args = "ENDPOINT PATH",
     .args_min = 2,
     .args_max = 2,
     .method = "POST",
     .help = "read an object, an instance or a resource",
     .run = ask},
    {.group = "lwm2m",
     .verb = "discover",
     .args = "ENDPOINT PATH",
     .args_min = 2,
     .args_max = 2,
     .method = "POST",
     .help = "what there is, with its attributes",
     .run = ask},
    {.group = "lwm2m",
     .verb = "write",
     .args = "ENDPOINT PATH VALUE",
     .args_min = 3,
     .args_max = 3,
     .method = "POST",
     .help = "write a resource",
     .run = ask},
    {.group = "lwm2m",
     .verb = "execute",
     .args = "ENDPOINT PATH",
     .args_min = 2,
     .args_max = 2,
     .method = "POST",
     .help = "execute a resource",
     .run = ask},
    {.group = "lwm2m",
     .verb = "update",
     CTL_ONE("ENDPOINT"),
     .method = "POST",
     .help = "update its firmware, and follow",
     .options = {CTL_OPT("package", NULL, CTL_OWN, false,
                         "number of a package that is ready"),
                 CTL_OPT("uri", NULL, CTL_OWN, false,
                         "where the client fetches it"),
                 CTL_OPT("version", NULL, CTL_OWN, false,
                         "that it must have then"),
                 CTL_OPT("method", NULL, CTL_OWN, false, "auto, push or pull"),
                 CTL_OPT("no-wait", NULL, CTL_FLAG, false,
                         "begin, and do not follow")},
     .run = update},
    {.group = "lwm2m",
     .verb = "cancel",
     CTL_ONE("ENDPOINT"),
     .method = "POST",
     .path = "lwm2m/{}/cancel",
     .help = "give its update up"},
    {0}};
