/* SPDX-License-Identifier: Apache-2.0 */
/* firmware: images. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "os/buffer.h"

enum { PATH_MAX_LEN = 4096 };

#define FIRMWARE "id model version class size created"

static void add_query(struct buffer *path, const char *sign, const char *name,
                      const char *value)
{
    char *escaped = value ? ctl_escape(value) : NULL;

    if (escaped)
        buffer_printf(path, "%s%s=%s", sign, name, escaped);
    free(escaped);
}

static int add(const struct ctl_line *line)
{
    struct ctl_content content = {.type = "application/octet-stream"};
    struct ctl_answer answer;
    struct buffer path;
    char *data;
    int status = ctl_read_file(line->args[0], &data, &content.len);

    if (status)
        return status;
    content.data = data;
    buffer_init(&path, PATH_MAX_LEN);
    buffer_add_str(&path, "firmware");
    add_query(&path, "?", "model", ctl_value(line, "model"));
    add_query(&path, "&", "version", ctl_value(line, "version"));
    add_query(&path, "&", "class", ctl_value(line, "class"));
    add_query(&path, "&", "counter", ctl_value(line, "counter"));
    status = ctl_call(&line->server, "POST", path.data, &content, &answer);
    buffer_release(&path);
    free(data);
    if (status)
        return status;
    ctl_print(answer.json, NULL, line->json);
    ctl_answer_release(&answer);
    return CTL_DONE;
}

const struct ctl_command ctl_firmware_commands[] = {
    {.group = "firmware",
     .verb = "add",
     CTL_ONE("FILE"),
     .method = "POST",
     .path = "firmware",
     .help = "upload an image",
     .options = {CTL_OPT("model", NULL, CTL_OWN, true, "the modules it is for"),
                 CTL_OPT("version", NULL, CTL_OWN, true,
                         "as a module reports it"),
                 CTL_OPT("class", NULL, CTL_OWN, false,
                         "device class, or dialect"),
                 CTL_OPT("counter", NULL, CTL_OWN, false, "security counter")},
     .run = add},
    {.group = "firmware",
     .verb = "list",
     .method = "GET",
     .path = "firmware",
     .columns = FIRMWARE,
     .help = "images",
     .options = {CTL_OPT("model", "model", CTL_QUERY, false,
                         "only of this model")}},
    {.group = "firmware",
     .verb = "remove",
     CTL_ONE("ID"),
     .method = "DELETE",
     .path = "firmware/{}",
     .help = "forget an image that nothing uses"},
    {0}};
