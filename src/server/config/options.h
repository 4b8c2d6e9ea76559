/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The configuration of dfotad: command line, environment, file.
 *
 * Layer: server. One table (options_table.c) has every option with its name,
 * kind and help; all three sources are read by it.
 */
#ifndef DFOTA_SERVER_CONFIG_OPTIONS_H
#define DFOTA_SERVER_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/http/proxy.h"
#include "server/http/tls.h"

enum { OPTIONS_PAIRS_MAX = 4, OPTIONS_LWM2M_MAX = 4, OPTIONS_MAX = 64 };

/* Where a value comes from; the later wins. */
enum options_origin {
    OPTIONS_DEFAULT,
    OPTIONS_FILE,
    OPTIONS_ENVIRONMENT,
    OPTIONS_FLAG
};

/* Strings live until options_release(); NULL: not given. */
struct options {
    const char *serve_dir;
    const char *http, *https, *coap, *coaps, *api, *admin;
    const char *data, *database, *node;
    const char *signing;     /* "external", "key"; never NULL once read */
    const char *signing_key; /* PEM file or pkcs11: URI */
    int64_t workers;         /* that build packages */
    /* Without a slash at the end. */
    const char *public_http, *public_https, *public_coap, *public_coaps;
    bool device_api_plain; /* the device API over HTTP, too */
    bool approve_self;
    bool webhooks_local; /* to receivers on this machine, too */
    bool public_loopback;
    struct tls_pair pairs[OPTIONS_PAIRS_MAX];
    unsigned n_certs, n_keys; /* as many of the one as of the other */
    const char *client_ca;    /* who signs the clients' certificates */
    const char *client_crl;   /* which of them are revoked */
    const char *trusted_proxies[PROXY_NETS_MAX];
    unsigned n_trusted_proxies;
    const char *proxy_certificate_header;
    struct proxies proxies; /* what these three come to */
    /* LwM2M: where clients come to, their keys (those of coaps, too), who
     * may sign theirs, the server that a bootstrap tells of. */
    const char *lwm2m[OPTIONS_LWM2M_MAX];
    unsigned n_lwm2m;
    const char *lwm2m_keys, *lwm2m_ca, *lwm2m_bootstrap;
    int64_t lwm2m_pushes; /* at a time, at most */
    /* How long what is kept, seconds; 0: for ever. */
    int64_t keep_telemetry, keep_results, keep_audit;
    const char *config;
    const char *migrate_to; /* copy the database there and end */
    const char *restore;    /* make data of this backup and end */
    bool check_config, dump_config;
    bool verbose;
    bool help, version;
    unsigned char origin[OPTIONS_MAX]; /* enum options_origin, by row */
    struct options_text *texts;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

/**
 * Read the configuration file, then the environment (DFOTA_HTTPS and so on;
 * lists parted by commas), then the command line: the later wins, a list as a
 * whole. Answers --help, --version, --check-config and --dump-config itself.
 *
 * returns  OPTIONS_RUN: go; OPTIONS_DONE: exit 0; OPTIONS_USAGE: exit 2,
 *          said on standard error
 */
enum options_verdict options_parse(int argc, char **argv,
                                   struct options *options);

/** Harmless on a zeroed struct. */
void options_release(struct options *options);

#endif
