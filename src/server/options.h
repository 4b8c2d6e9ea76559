/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The command line of dfotad.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_OPTIONS_H
#define DFOTA_SERVER_OPTIONS_H

#include <stdbool.h>

#include "server/tls.h"

enum { OPTIONS_PAIRS_MAX = 4, OPTIONS_LWM2M_MAX = 4 };

/* Strings live as long as the process; NULL: not given. */
struct options {
    const char *serve_dir;
    const char *http, *https, *coap, *coaps, *api, *admin;
    const char *data, *database, *node, *signing_key;
    /* Without a slash at the end. */
    const char *public_http, *public_https, *public_coap, *public_coaps;
    bool device_api_plain; /* the device API over HTTP, too */
    bool approve_self;
    struct tls_pair pairs[OPTIONS_PAIRS_MAX];
    unsigned n_certs, n_keys; /* as many of the one as of the other */
    const char *client_ca;    /* who signs the clients' certificates */
    /* LwM2M: where clients come to, their keys (those of coaps, too), who
     * may sign theirs, the server that a bootstrap tells of. */
    const char *lwm2m[OPTIONS_LWM2M_MAX];
    unsigned n_lwm2m;
    const char *lwm2m_keys, *lwm2m_ca, *lwm2m_bootstrap;
    const char *config;
    const char *migrate_to; /* copy the database there and end */
    bool check_config;
    bool verbose;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

/**
 * Read the configuration file, then the environment (DFOTA_HTTPS and so on
 * for the options that are a text), then the command line: the later wins.
 * Answers --help, --version and --check-config itself.
 *
 * returns  OPTIONS_RUN: go; OPTIONS_DONE: exit 0; OPTIONS_USAGE: exit 2,
 *          said on standard error
 */
enum options_verdict options_parse(int argc, char **argv,
                                   struct options *options);

#endif
