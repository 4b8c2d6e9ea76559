/* SPDX-License-Identifier: Apache-2.0 */
/* The server itself: its data, its clock, its keys, its health. */
#include <stdio.h>

#include "ctl/ctl.h"
#include "ctl/ctl_offline.h"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "-";
}

/* Exit status 1 when something is wrong, so that a script can ask. */
static int doctor(const struct ctl_line *line)
{
    struct ctl_answer answer;
    const json_t *check;
    bool fine = true;
    size_t i;
    int status = ctl_call(&line->server, "GET", "doctor", NULL, &answer);

    if (status)
        return status;
    if (line->json)
        ctl_print(answer.json, NULL, true);
    json_array_foreach(json_object_get(answer.json, "checks"), i, check)
    {
        bool passed = json_is_true(json_object_get(check, "fine"));

        fine &= passed;
        if (!line->json)
            printf("%-4s %-12s %s\n", passed ? "ok" : "NO",
                   text_of(check, "check"), text_of(check, "what"));
    }
    ctl_answer_release(&answer);
    return fine ? CTL_DONE : CTL_FAILED;
}

const struct ctl_command ctl_server_commands[] = {
    {.group = "audit",
     .verb = "list",
     .method = "GET",
     .path = "audit",
     .columns = "node number at actor action object detail",
     .help = "the audit log"},
    {.group = "audit",
     .verb = "verify",
     .method = "GET",
     .path = "audit/verify",
     .help = "check its chain, and that nothing was cut off",
     .options = {CTL_OPT("head", "head", CTL_QUERY, false,
                         "NODE:NUMBER:HASH that the log once told")}},
    {.group = "clock",
     .verb = "accept",
     .method = "POST",
     .path = "clock/accept",
     .help = "the clock is right, though it jumped"},
    {.group = "keys",
     .verb = "rotate",
     .method = "POST",
     .path = "keys/rotate",
     .help = "new keys for tokens and URLs"},
    {.group = "backup",
     .verb = "",
     .method = "POST",
     .path = "backup",
     .help = "copy everything into a new data folder",
     .options = {CTL_OPT("folder", "folder", CTL_TEXT, true,
                         "absolute path, on the server")}},
    {.group = "verify",
     .verb = "",
     .method = "GET",
     .path = "verify",
     .help = "does the data hold together"},
    {.group = "restore",
     .verb = "",
     CTL_ONE("BACKUP"),
     .help = "make --data of a backup, while no server runs on it",
     .run = ctl_run_server},
    {.group = "migrate",
     .verb = "",
     .help = "copy the database to another, empty one, while none runs",
     .options = {CTL_OPT("to", NULL, CTL_OWN, true,
                         "postgresql://.. or sqlite:PATH"),
                 CTL_OPT("config", NULL, CTL_OWN, false,
                         "the server's configuration, if it has one")},
     .run = ctl_run_server},
    {.group = "reload",
     .verb = "",
     .method = "POST",
     .path = "reload",
     .help = "certificates and keys again, as they are on the disk"},
    {.group = "doctor",
     .verb = "",
     .method = "GET",
     .path = "doctor",
     .help = "is all well",
     .run = doctor},
    {0}};
