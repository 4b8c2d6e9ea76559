/* SPDX-License-Identifier: Apache-2.0 */
/** The console: line editor with history, and a table of commands. */
#ifndef DEMO_SHELL_H
#define DEMO_SHELL_H

#include <stddef.h>
#include <stdint.h>

#define SHELL_LINE 200 /* bytes */
#define SHELL_WORDS 8
#define SHELL_HISTORY 6

struct shell_command {
    const char *name;
    const char *usage; /* its arguments */
    const char *help;  /* sentences */
    int (*run)(int argc, char **argv);
};

/** All commands, in the order help lists them. */
extern const struct shell_command shell_commands[];
extern const size_t shell_command_count;

/** Take in a byte of the console: edits, or runs a finished line. */
void shell_byte(char byte);

/** Run a line: the command's status, or -1 when there is no such one. */
int shell_run(const char *line);

/** Split at blanks, quotes keep words together: how many. */
int shell_split(char *line, char **argv, int max);

#endif
