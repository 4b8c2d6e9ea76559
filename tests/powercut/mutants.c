/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/mutants.h"

#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

/* Status 1 is a brick found; a crash is one, too. */
static bool is_killed(const char *path, uint64_t runs)
{
    char count[24];
    int status = 0;
    pid_t child;

    (void)snprintf(count, sizeof(count), "%" PRIu64, runs);
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);

        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)execl(path, path, "--runs", count, "--bricks", "1", (char *)NULL);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

int mutants_run(uint64_t runs, unsigned *killed, unsigned *total)
{
    char self[3072];
    char pattern[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    glob_t found;

    *killed = 0;
    *total = 0;
    if (len < 0)
        return DFOTA_E_NOTFOUND;
    self[len] = '\0';
    (void)snprintf(pattern, sizeof(pattern), "%s/powercut-mutants/*",
                   dirname(self));
    if (glob(pattern, 0, NULL, &found) != 0)
        return DFOTA_E_NOTFOUND;
    for (size_t k = 0; k < found.gl_pathc; k++) {
        bool dead = is_killed(found.gl_pathv[k], runs);

        *total += 1;
        *killed += dead;
        if (!dead)
            printf("ALIVE %s\n", strrchr(found.gl_pathv[k], '/') + 1);
    }
    globfree(&found);
    return 0;
}
