/* SPDX-License-Identifier: Apache-2.0 */
/* user, token: who may. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "os/buffer.h"

enum { PATH_MAX_LEN = 512 };

/* From a file: a word of the command line is everybody's to read. */
static json_t *password_body(const char *file)
{
    json_t *body;
    char *text;
    size_t len;

    if (ctl_read_file(file, &text, &len) != CTL_DONE)
        return NULL;
    body = json_pack("{s:s%}", "password", text, strcspn(text, "\r\n"));
    explicit_bzero(text, len);
    free(text);
    if (!body)
        ctl_say(CTL_FAILED, "%s: not a text in UTF-8", file);
    return body;
}

static int set_password(const struct ctl_line *line)
{
    json_t *body = password_body(ctl_value(line, "file"));
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    const struct ctl_content content = {.type = "application/json",
                                        .data = text,
                                        .len = text ? strlen(text) : 0};
    struct ctl_answer answer;
    struct buffer path;
    int status = CTL_FAILED;

    buffer_init(&path, PATH_MAX_LEN);
    buffer_add_str(&path, "users/");
    ctl_add_escaped(&path, line->args[0]);
    if (text)
        status = ctl_call(&line->server, "PATCH", path.data, &content, &answer);
    buffer_release(&path);
    free(text);
    json_decref(body);
    if (status)
        return status;
    ctl_print(answer.json, NULL, line->json);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

const struct ctl_command ctl_people_commands[] = {
    {.group = "user",
     .verb = "list",
     .method = "GET",
     .path = "users",
     .columns = "name role created",
     .help = "people"},
    {.group = "user",
     .verb = "add",
     .method = "POST",
     .path = "users",
     .help = "add a person",
     .options = {CTL_OPT("name", "name", CTL_TEXT, true, "who"),
                 CTL_OPT("role", "role", CTL_TEXT, true,
                         "viewer, operator, approver, admin, site")}},
    {.group = "user",
     .verb = "remove",
     CTL_ONE("NAME"),
     .method = "DELETE",
     .path = "users/{}",
     .help = "take a person out"},
    {.group = "user",
     .verb = "role",
     CTL_ONE("NAME"),
     .method = "PATCH",
     .path = "users/{}",
     .help = "give a person another role",
     .options = {CTL_OPT("role", "role", CTL_TEXT, true,
                         "viewer, operator, approver, admin, site")}},
    {.group = "user",
     .verb = "password",
     CTL_ONE("NAME"),
     .method = "PATCH",
     .path = "users/{}",
     .help = "set a person's password; their sessions end",
     .options = {CTL_OPT("file", NULL, CTL_OWN, true,
                         "its first line; - is standard input")},
     .run = set_password},
    {.group = "user",
     .verb = "logout",
     CTL_ONE("NAME"),
     .method = "DELETE",
     .path = "users/{}/sessions",
     .help = "end a person's sessions"},
    {.group = "tenant",
     .verb = "list",
     .method = "GET",
     .path = "tenants",
     .columns = "id name modules people",
     .help = "tenants"},
    {.group = "tenant",
     .verb = "add",
     .method = "POST",
     .path = "tenants",
     .help = "make a tenant",
     .options = {CTL_OPT("name", "name", CTL_TEXT, true, "for people")}},
    {.group = "tenant",
     .verb = "rename",
     CTL_ONE("ID"),
     .method = "PATCH",
     .path = "tenants/{}",
     .help = "give a tenant another name",
     .options = {CTL_OPT("name", "name", CTL_TEXT, true, "for people")}},
    {.group = "token",
     .verb = "list",
     .method = "GET",
     .path = "tokens",
     .columns = "id name user role expires revoked",
     .help = "API tokens"},
    {.group = "token",
     .verb = "add",
     .method = "POST",
     .path = "tokens",
     .help = "make a token; it is said once",
     .options = {CTL_OPT("name", "name", CTL_TEXT, true, "what it is for"),
                 CTL_OPT("user", "user", CTL_TEXT, true, "whose it is"),
                 CTL_OPT("role", "role", CTL_TEXT, true, "at most the user's"),
                 CTL_OPT("expires-in", "expires_in", CTL_TEXT, false,
                         "such as 90d")}},
    {.group = "token",
     .verb = "revoke",
     CTL_ONE("ID"),
     .method = "DELETE",
     .path = "tokens/{}",
     .help = "end a token"},
    {0}};
