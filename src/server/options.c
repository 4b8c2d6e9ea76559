/* SPDX-License-Identifier: Apache-2.0 */
#include "server/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/log.h"
#include "server/config_file.h"

enum {
    OPT_SERVE_DIR = 256,
    OPT_HTTP,
    OPT_HTTPS,
    OPT_COAP,
    OPT_COAPS,
    OPT_API,
    OPT_ADMIN,
    OPT_DATA,
    OPT_DATABASE,
    OPT_NODE,
    OPT_SIGNING_KEY,
    OPT_PUBLIC_HTTP,
    OPT_PUBLIC_HTTPS,
    OPT_PUBLIC_COAP,
    OPT_PUBLIC_COAPS,
    OPT_DEVICE_API_PLAIN,
    OPT_APPROVE_SELF,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_CLIENT_CA,
    OPT_LWM2M,
    OPT_LWM2M_KEYS,
    OPT_LWM2M_CA,
    OPT_LWM2M_BOOTSTRAP,
    OPT_CONFIG,
    OPT_MIGRATE_TO,
    OPT_CHECK_CONFIG
};

static const struct option table[] = {
    {"serve-dir", required_argument, NULL, OPT_SERVE_DIR},
    {"http", required_argument, NULL, OPT_HTTP},
    {"https", required_argument, NULL, OPT_HTTPS},
    {"coap", required_argument, NULL, OPT_COAP},
    {"coaps", required_argument, NULL, OPT_COAPS},
    {"api", required_argument, NULL, OPT_API},
    {"admin", required_argument, NULL, OPT_ADMIN},
    {"data", required_argument, NULL, OPT_DATA},
    {"database", required_argument, NULL, OPT_DATABASE},
    {"node", required_argument, NULL, OPT_NODE},
    {"signing-key", required_argument, NULL, OPT_SIGNING_KEY},
    {"public-http", required_argument, NULL, OPT_PUBLIC_HTTP},
    {"public-https", required_argument, NULL, OPT_PUBLIC_HTTPS},
    {"public-coap", required_argument, NULL, OPT_PUBLIC_COAP},
    {"public-coaps", required_argument, NULL, OPT_PUBLIC_COAPS},
    {"device-api-plain", no_argument, NULL, OPT_DEVICE_API_PLAIN},
    {"approve-self", no_argument, NULL, OPT_APPROVE_SELF},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"client-ca", required_argument, NULL, OPT_CLIENT_CA},
    {"lwm2m", required_argument, NULL, OPT_LWM2M},
    {"lwm2m-keys", required_argument, NULL, OPT_LWM2M_KEYS},
    {"lwm2m-ca", required_argument, NULL, OPT_LWM2M_CA},
    {"lwm2m-bootstrap", required_argument, NULL, OPT_LWM2M_BOOTSTRAP},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"migrate-to", required_argument, NULL, OPT_MIGRATE_TO},
    {"check-config", no_argument, NULL, OPT_CHECK_CONFIG},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

static const char help[] =
    "Usage: dfotad [OPTION]...\n"
    "       dfotad --serve-dir DIR [OPTION]...\n"
    "Keep firmware, modules and plans, and deliver packages over HTTP(S) and "
    "CoAP(S).\n"
    "\n"
    "      --data DIR          where the server keeps all it has (./data)\n"
    "      --database URL      sqlite:PATH or postgresql://.. (a file in "
    "DIR)\n"
    "      --http ADDR:PORT    packages over HTTP; port 0 is a free one\n"
    "      --https ADDR:PORT   packages and the device API over HTTPS\n"
    "      --coap ADDR:PORT    packages over CoAP; 5683 is its port\n"
    "      --coaps ADDR:PORT   packages over CoAPS; 5684 is its port\n"
    "      --device-api-plain  the device API over HTTP, too\n"
    "      --public-http URL   how modules reach --http: http://HOST:PORT\n"
    "      --public-https URL  how modules reach --https\n"
    "      --public-coap URL   how modules reach --coap: coap://HOST:PORT\n"
    "      --public-coaps URL  how modules reach --coaps\n"
    "      --api ADDR:PORT     the interface for people and scripts\n"
    "      --admin ADDR:PORT   /live, /ready and /metrics, for those who "
    "watch\n"
    "      --node NAME         this node's name (the machine's)\n"
    "      --signing-key FILE  sign packages here; else `dfotactl delta "
    "sign`\n"
    "      --approve-self      who makes a plan may approve it\n"
    "      --serve-dir DIR     only deliver the packages in DIR\n"
    "      --tls-cert FILE     certificate, PEM, with those that follow it\n"
    "      --tls-key FILE      the certificate's key, PEM; a second pair may\n"
    "                          follow, say RSA beside ECDSA\n"
    "      --client-ca FILE    HTTPS, and CoAPS without a key, only for "
    "clients\n"
    "                          whose certificate follows from this one, PEM\n"
    "      --lwm2m URI         LwM2M clients register at coap://ADDR:PORT\n"
    "                          (no security) or coaps://ADDR:PORT; may be\n"
    "                          given again\n"
    "      --lwm2m-keys FILE   their pre-shared keys, and those of --coaps:\n"
    "                          lines endpoint:hexkey\n"
    "      --lwm2m-ca FILE     who signs their certificates, PEM\n"
    "      --lwm2m-bootstrap URI  what those who bootstrap here are told of\n"
    "      --config FILE       YAML with these words; the command line wins\n"
    "      --migrate-to URL    copy the database to another, empty one, and "
    "end\n"
    "      --check-config      read everything, say what is wrong, and end\n"
    "  -v, --verbose           a line on standard error for every request\n"
    "  -h, --help              this text\n"
    "  -V, --version           the version\n"
    "\n"
    "Without an address for packages it serves on 127.0.0.1:8080 and\n"
    "127.0.0.1:8443, and without --api on 127.0.0.1:8090. Without --tls-cert\n"
    "it makes a self-signed certificate for localhost in DIR, once.\n"
    "\n"
    "Example: dfotad --serve-dir packages --https 0.0.0.0:443\n";

/* The options that are a text and nothing else: where it goes. */
static const char **text_of(int option, struct options *options)
{
    switch (option) {
    case OPT_SERVE_DIR:
        return &options->serve_dir;
    case OPT_HTTP:
        return &options->http;
    case OPT_HTTPS:
        return &options->https;
    case OPT_COAP:
        return &options->coap;
    case OPT_COAPS:
        return &options->coaps;
    case OPT_API:
        return &options->api;
    case OPT_ADMIN:
        return &options->admin;
    case OPT_DATA:
        return &options->data;
    case OPT_DATABASE:
        return &options->database;
    case OPT_NODE:
        return &options->node;
    case OPT_SIGNING_KEY:
        return &options->signing_key;
    case OPT_LWM2M_KEYS:
        return &options->lwm2m_keys;
    case OPT_LWM2M_CA:
        return &options->lwm2m_ca;
    case OPT_LWM2M_BOOTSTRAP:
        return &options->lwm2m_bootstrap;
    case OPT_CLIENT_CA:
        return &options->client_ca;
    case OPT_CONFIG:
        return &options->config;
    case OPT_MIGRATE_TO:
        return &options->migrate_to;
    case OPT_PUBLIC_HTTP:
        return &options->public_http;
    case OPT_PUBLIC_HTTPS:
        return &options->public_https;
    case OPT_PUBLIC_COAP:
        return &options->public_coap;
    case OPT_PUBLIC_COAPS:
        return &options->public_coaps;
    default:
        return NULL;
    }
}

static bool take(int option, const char *argument, struct options *options)
{
    const char **text = text_of(option, options);

    if (text) {
        *text = argument;
        return true;
    }
    switch (option) {
    case OPT_TLS_CERT:
        if (options->n_certs < OPTIONS_PAIRS_MAX)
            options->pairs[options->n_certs].cert = argument;
        options->n_certs++;
        break;
    case OPT_TLS_KEY:
        if (options->n_keys < OPTIONS_PAIRS_MAX)
            options->pairs[options->n_keys].key = argument;
        options->n_keys++;
        break;
    case OPT_LWM2M:
        if (options->n_lwm2m < OPTIONS_LWM2M_MAX)
            options->lwm2m[options->n_lwm2m] = argument;
        options->n_lwm2m++;
        break;
    case OPT_DEVICE_API_PLAIN:
        options->device_api_plain = true;
        break;
    case OPT_APPROVE_SELF:
        options->approve_self = true;
        break;
    case OPT_CHECK_CONFIG:
        options->check_config = true;
        break;
    case 'v':
        options->verbose = true;
        break;
    default:
        return false;
    }
    return true;
}

static enum options_verdict refuse(const char *why)
{
    log_error("%s; try dfotad --help", why);
    return OPTIONS_USAGE;
}

static bool is_address(const char *url, const char *scheme)
{
    return !url || (strncmp(url, scheme, strlen(scheme)) == 0 &&
                    url[strlen(scheme)] != '\0' && strlen(url) < 150 &&
                    !strpbrk(url + strlen(scheme), "/?# "));
}

static enum options_verdict complete(struct options *options)
{
    if (options->serve_dir &&
        (options->api || options->database || options->device_api_plain))
        return refuse("--serve-dir only delivers: no --api, --database or "
                      "--device-api-plain");
    if (options->serve_dir && options->n_lwm2m > 0)
        return refuse("--serve-dir only delivers: no --lwm2m");
    if (options->n_lwm2m > OPTIONS_LWM2M_MAX)
        return refuse("at most 4 --lwm2m");
    if (!is_address(options->public_http, "http://") ||
        !is_address(options->public_https, "https://") ||
        !is_address(options->public_coap, "coap://") ||
        !is_address(options->public_coaps, "coaps://"))
        return refuse("a public address is SCHEME://HOST:PORT without a path, "
                      "with the scheme of its listener");
    if (options->n_certs != options->n_keys)
        return refuse("every --tls-cert needs its --tls-key");
    if (options->n_certs > OPTIONS_PAIRS_MAX)
        return refuse("at most 4 certificates");
    if (!options->http && !options->https && !options->coap &&
        !options->coaps) {
        options->http = "127.0.0.1:8080";
        options->https = "127.0.0.1:8443";
    }
    if (!options->serve_dir && !options->api)
        options->api = "127.0.0.1:8090";
    return OPTIONS_RUN;
}

/* ---- before the command line ---- */

static const struct option *option_named(const char *name)
{
    const struct option *option = table;

    while (option->name && strcmp(option->name, name) != 0)
        option++;
    return option;
}

static bool is_list(int option)
{
    return option == OPT_TLS_CERT || option == OPT_TLS_KEY ||
           option == OPT_LWM2M;
}

static bool take_from_file(void *ctx, const char *name, const char *value)
{
    return take(option_named(name)->val, value, ctx);
}

static int read_file(const char *path, struct options *options)
{
    struct config_key keys[sizeof table / sizeof table[0]] = {{0}};
    unsigned n = 0;

    for (const struct option *o = table; o->name; o++) {
        if (o->val >= OPT_SERVE_DIR && o->val != OPT_CONFIG &&
            o->val != OPT_MIGRATE_TO && o->val != OPT_CHECK_CONFIG)
            keys[n++] = (struct config_key){o->name, is_list(o->val),
                                            o->has_arg == no_argument};
    }
    return config_file_read(path, keys, take_from_file, options);
}

/* DFOTA_SIGNING_KEY for --signing-key */
static const char *in_environment(const char *name)
{
    char variable[48];
    size_t len = (size_t)snprintf(variable, sizeof variable, "DFOTA_%s", name);

    for (size_t i = 6; i < len; i++)
        variable[i] = variable[i] == '-'
                          ? '_'
                          : (char)toupper((unsigned char)variable[i]);
    return getenv(variable);
}

static void read_environment(struct options *options)
{
    for (const struct option *o = table; o->name; o++) {
        const char **text = text_of(o->val, options);
        const char *value = text ? in_environment(o->name) : NULL;

        if (value && *value)
            *text = value;
    }
}

/* The file's name may come from either; lists of the command line replace
 * those of the file. */
static enum options_verdict before_command_line(int argc, char **argv,
                                                struct options *options)
{
    const char *path = in_environment("config");
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "vhV", table, NULL)) != -1) {
        if (option == OPT_CONFIG)
            path = optarg;
    }
    opterr = 1;
    if (path && read_file(path, options) != 0)
        return OPTIONS_USAGE;
    read_environment(options);
    options->config = path;
    optind = 1;
    while ((option = getopt_long(argc, argv, "vhV", table, NULL)) != -1 &&
           option != '?') {
        if (option == OPT_TLS_CERT)
            options->n_certs = 0;
        if (option == OPT_TLS_KEY)
            options->n_keys = 0;
        if (option == OPT_LWM2M)
            options->n_lwm2m = 0;
    }
    optind = 1;
    return option == '?' ? OPTIONS_USAGE : OPTIONS_RUN;
}

enum options_verdict options_parse(int argc, char **argv,
                                   struct options *options)
{
    enum options_verdict verdict;
    int option;

    *options = (struct options){.data = "data"};
    verdict = before_command_line(argc, argv, options);
    if (verdict == OPTIONS_USAGE) {
        fputs("Try 'dfotad --help'.\n", stderr);
        return verdict;
    }
    while ((option = getopt_long(argc, argv, "vhV", table, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return OPTIONS_DONE;
        }
        if (option == 'V') {
            puts("dfotad " DFOTA_PROGRAM_VERSION);
            return OPTIONS_DONE;
        }
        if (!take(option, optarg, options)) {
            fputs("Try 'dfotad --help'.\n", stderr);
            return OPTIONS_USAGE;
        }
    }
    if (optind < argc)
        return refuse("dfotad takes options only");
    verdict = complete(options);
    if (verdict == OPTIONS_RUN && options->check_config) {
        puts("dfotad: the configuration is fine");
        verdict = OPTIONS_DONE;
    }
    return verdict;
}
