/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The configuration file: YAML with the words of the command line.
 *
 *     data: /var/lib/dfotad
 *     https: 0.0.0.0:443
 *     tls-cert: [fullchain.pem]
 *     device-api-plain: false
 *
 * Layer: server. The library gives the structure (an unknown or double key, a
 * wrong shape, an alias are errors) and every scalar as a text; what the text
 * means is judged as on the command line. An empty file is the defaults.
 */
#ifndef DFOTA_SERVER_CONFIG_FILE_H
#define DFOTA_SERVER_CONFIG_FILE_H

#include <getopt.h>
#include <stdbool.h>

/* A key of the file. */
struct config_key {
    const char *name;
    bool is_list;
    bool is_flag; /* true or false */
};

/**
 * Read a file.
 *
 * keys     ended by a name of NULL; at most 32
 * take     called for each value; flags only when true. The value lives as
 *          long as the process. false: refused, and said
 * errors   E_SYNTAX, E_IO, E_NOMEM; said in the log
 */
int config_file_read(const char *path, const struct config_key *keys,
                     bool (*take)(void *ctx, const char *name,
                                  const char *value),
                     void *ctx);

#endif
