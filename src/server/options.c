/* SPDX-License-Identifier: Apache-2.0 */
#include "server/options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "os/log.h"

enum {
    OPT_SERVE_DIR = 256,
    OPT_HTTP,
    OPT_HTTPS,
    OPT_ADMIN,
    OPT_DATA,
    OPT_TLS_CERT,
    OPT_TLS_KEY
};

static const struct option table[] = {
    {"serve-dir", required_argument, NULL, OPT_SERVE_DIR},
    {"http", required_argument, NULL, OPT_HTTP},
    {"https", required_argument, NULL, OPT_HTTPS},
    {"admin", required_argument, NULL, OPT_ADMIN},
    {"data", required_argument, NULL, OPT_DATA},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

static const char help[] =
    "Usage: dfotad --serve-dir DIR [OPTION]...\n"
    "Deliver the firmware packages in DIR over HTTP and HTTPS.\n"
    "\n"
    "      --serve-dir DIR     the folder with the packages, and those below\n"
    "      --http ADDR:PORT    serve HTTP there; port 0 is a free one\n"
    "      --https ADDR:PORT   serve HTTPS there; port 0 is a free one\n"
    "      --admin ADDR:PORT   serve /live there, for those who watch\n"
    "      --data DIR          where the server keeps what it makes (./data)\n"
    "      --tls-cert FILE     certificate, PEM, with those that follow it\n"
    "      --tls-key FILE      the certificate's key, PEM; a second pair may\n"
    "                          follow, say RSA beside ECDSA\n"
    "  -v, --verbose           a line on standard error for every request\n"
    "  -h, --help              this text\n"
    "  -V, --version           the version\n"
    "\n"
    "Without --http and --https it serves on 127.0.0.1:8080 and\n"
    "127.0.0.1:8443. Without --tls-cert it makes a self-signed certificate\n"
    "for localhost in the data folder, once.\n"
    "\n"
    "Example: dfotad --serve-dir packages --https 0.0.0.0:443\n";

static bool take(int option, const char *argument, struct options *options)
{
    switch (option) {
    case OPT_SERVE_DIR:
        options->serve_dir = argument;
        break;
    case OPT_HTTP:
        options->http = argument;
        break;
    case OPT_HTTPS:
        options->https = argument;
        break;
    case OPT_ADMIN:
        options->admin = argument;
        break;
    case OPT_DATA:
        options->data = argument;
        break;
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

static enum options_verdict complete(struct options *options)
{
    if (!options->serve_dir)
        return refuse("nothing to serve: give --serve-dir DIR");
    if (options->n_certs != options->n_keys)
        return refuse("every --tls-cert needs its --tls-key");
    if (options->n_certs > OPTIONS_PAIRS_MAX)
        return refuse("at most 4 certificates");
    if (!options->http && !options->https) {
        options->http = "127.0.0.1:8080";
        options->https = "127.0.0.1:8443";
    }
    return OPTIONS_RUN;
}

enum options_verdict options_parse(int argc, char **argv,
                                   struct options *options)
{
    int option;

    *options = (struct options){.data = "data"};
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
    return complete(options);
}
