/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The command line of `dfota upgrade`.
 *
 * Layer: cli.
 */
#ifndef DFOTA_CLI_UPGRADE_OPTIONS_H
#define DFOTA_CLI_UPGRADE_OPTIONS_H

#include "at/session.h"
#include "os/progress.h"
#include "port/posix/serial.h"
#include <stdbool.h>
#include <stdint.h>

struct upgrade_options {
    struct dfota_session_config config; /* what the options say of it */
    struct serial *port;                /* made, not open */
    const char *port_name;
    const char *file;  /* NULL: there is config.url */
    const char *state; /* NULL: none is kept */
    const char *log;   /* NULL: none */
    uint32_t baud;
    enum progress_mode progress;
    bool json;
    bool dry_run;
    bool help;
};

/**
 * Read them; says on standard error what is wrong.
 *
 * o        out: port is the caller's to destroy, on error too
 * returns  CLI_DONE or CLI_USAGE
 */
int upgrade_options_parse(struct upgrade_options *o, int argc, char **argv);

#endif
