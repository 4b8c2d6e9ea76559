/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the commands of `dfota` share: exit statuses, messages, arguments.
 *
 * Layer: cli. A command is `int cmd_<verb>(int argc, char **argv)`, argv[0]
 * its own name; it returns the exit status.
 */
#ifndef DFOTA_CLI_CLI_H
#define DFOTA_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_status {
    CLI_DONE = 0,
    CLI_FAILED = 1,  /* it could not be done; one line said why */
    CLI_USAGE = 2,   /* the command line is wrong */
    CLI_REFUSED = 3, /* a package or a signature was refused */
};

int cmd_apply(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_permit(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_upgrade(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/** Say that a command's line is wrong, and how to learn more. returns
 * CLI_USAGE */
int cli_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Bytes: 65536, 0x10000, 64K, 64KiB, 4M, 4MiB. false: it is no size, or
 * over 4 GiB - 1. */
bool cli_parse_size(const char *text, uint32_t *out);

/** A whole number in low .. high, decimal or 0x.. */
bool cli_parse_number(const char *text, uint32_t low, uint32_t high,
                      uint32_t *out);

/**
 * An output must be none of the inputs (NULL: none is written), and only one
 * input can be standard input. returns CLI_DONE, or CLI_USAGE after saying
 * so
 */
int cli_check_output(const char *command, const char *output,
                     const char *const *inputs, size_t count);

/** At the end: what was printed must have arrived. returns the status, or
 * CLI_FAILED after saying why not */
int cli_close_stdout(int status);

/** Read a file or say in one line why not. what: "old image", ..
 * returns CLI_DONE or CLI_FAILED; data is the caller's to free */
int cli_read_file(const char *what, const char *path, uint8_t **data,
                  size_t *len);

/** Write a file whole or say in one line why not. */
int cli_write_file(const char *path, const void *data, size_t len);

/** The exit status of an error about a package. */
int cli_status_of(int err);

#endif
