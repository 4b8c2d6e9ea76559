/* SPDX-License-Identifier: Apache-2.0 */
/* The command `dfota`: finds the verb and hands the line over. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "os/files.h"
#include "os/log.h"

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *says;
} verbs[] = {
    {"diff", cmd_diff, "make a package from two images"},
    {"apply", cmd_apply, "make the new image from the old one and a package"},
    {"info", cmd_info, "say what is in a package"},
    {"verify", cmd_verify, "check a package's signature and structure"},
    {"permit", cmd_permit,
     "let one device take a package with a lower counter"},
    {"keygen", cmd_keygen, "make a key pair"},
    {"upgrade", cmd_upgrade, "update a module on a serial port"},
    {"replay", cmd_replay, "run an upgrade's transcript again"},
};

static void print_help(void)
{
    puts("Usage: dfota COMMAND [OPTIONS]\n"
         "\n"
         "Delta firmware over the air: packages and modules.\n"
         "\n"
         "Commands:");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        printf("  %-9s %s\n", verbs[i].name, verbs[i].says);
    puts("\n"
         "Options:\n"
         "  -h, --help     print this help; after a command, print its own\n"
         "  -V, --version  print the version\n"
         "\n"
         "Exit status: 0 done, 1 it could not be done, 2 wrong usage,\n"
         "3 a package or a signature was refused.");
}

/* A file opened later must not become one of the three: a message would be
 * written into it. Read-only, so that writing there is an error as before. */
static bool fill_standard_files(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help();
        return CLI_DONE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("dfota " DFOTA_PROGRAM_VERSION);
        return CLI_DONE;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(name, verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    }
    if (*name)
        log_error("no command \"%s\"; see `dfota --help`", name);
    else
        log_error("a command is missing; see `dfota --help`");
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    log_init("dfota", LOG_LEVEL_INFO);
    if (!fill_standard_files())
        return CLI_FAILED;
    files_clean_up_on_signals();
    return cli_close_stdout(run(argc, argv));
}
