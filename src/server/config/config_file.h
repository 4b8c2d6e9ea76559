/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The configuration file: YAML with the words of the command line.
 *
 *     data: /var/lib/dfotad
 *     https: 0.0.0.0:443
 *     tls-cert: [fullchain.pem]
 *     device-api-plain: false
 *
 * Layer: server. One document, one mapping of words to scalars or lists of
 * scalars, "_" in a word being "-"; unknown and double keys, aliases, tags and
 * everything deeper are errors with their line. Every scalar is a text; what it
 * means is for the caller to judge, so 010, 1e3 and flase are what was written.
 * An empty file is the defaults.
 */
#ifndef DFOTA_SERVER_CONFIG_CONFIG_FILE_H
#define DFOTA_SERVER_CONFIG_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_WHY_ROOM = 200, CONFIG_KEYS_MAX = 64 };

/* A key of the file. */
struct config_key {
    const char *name;
    bool is_list;
};

/* Called for each value, of a list for each of its items; the value is the
 * reader's. false: refused, and why */
typedef bool (*config_take)(void *ctx, const char *name, const char *value,
                            char why[CONFIG_WHY_ROOM]);

/**
 * Read a file.
 *
 * keys     ended by a name of NULL; at most CONFIG_KEYS_MAX
 * errors   E_SYNTAX, E_IO, E_NOMEM; said in the log, with file and line
 */
int config_file_read(const char *path, const struct config_key *keys,
                     config_take take, void *ctx);

/** The same with the file's content. name: to be said */
int config_file_parse(const char *name, const void *text, size_t len,
                      const struct config_key *keys, config_take take,
                      void *ctx);

#endif
