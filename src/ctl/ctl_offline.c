/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ctl_offline.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 10 };

/* The one that was installed with this dfotactl, rather than another. */
static void run(char *const words[])
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 8);
    char *slash;

    if (len > 0) {
        path[len] = '\0';
        slash = strrchr(path, '/');
        if (slash) {
            memcpy(slash + 1, "dfotad", 7);
            execv(path, words);
        }
    }
    execvp("dfotad", words);
    _exit(127);
}

/* What the server prints goes to standard error: standard output is ours. */
static int run_and_wait(char *const words[])
{
    pid_t child = fork();
    int status;

    if (child < 0)
        return ctl_say(CTL_FAILED, "dfotad: %s", strerror(errno));
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        run(words);
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return ctl_say(CTL_FAILED, "dfotad: %s", strerror(errno));
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return ctl_say(CTL_FAILED, "dfotad is neither beside dfotactl nor on "
                                   "PATH: run this on the server's machine");
    if (WIFSIGNALED(status))
        return ctl_say(CTL_FAILED, "dfotad was ended by signal %d",
                       WTERMSIG(status));
    return WEXITSTATUS(status);
}

int ctl_run_server(const struct ctl_line *line)
{
    const char *to = ctl_value(line, "to"), *config = ctl_value(line, "config");
    const char *words[WORDS_MAX] = {"dfotad", "--data", line->server.folder};
    const char *what = to ? to : line->args[0];
    unsigned n = 3;
    json_t *answer;
    int status;

    words[n++] = to ? "--migrate-to" : "--restore";
    words[n++] = what;
    if (config) {
        words[n++] = "--config";
        words[n++] = config;
    }
    status = run_and_wait((char *const *)(uintptr_t)words);
    if (status || !line->json)
        return status;
    answer = json_pack("{s:s, s:s}", to ? "migrated_to" : "restored_from", what,
                       "data", line->server.folder);
    ctl_print(answer, NULL, true);
    json_decref(answer);
    return CTL_DONE;
}
