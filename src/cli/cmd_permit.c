/* SPDX-License-Identifier: Apache-2.0 */
/* dfota permit: lets one device take a package with a lower counter. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/keys.h"
#include "delta/permit.h"
#include "os/log.h"

static const char help[] =
    "Usage: dfota permit PKG --key KEY2.pem --device ID -o PKG2\n"
    "\n"
    "Add a downgrade permit to a signed package: the device ID takes it once,\n"
    "although its security counter is above the package's. Every other device\n"
    "refuses as before. A permit that PKG has is replaced.\n"
    "\n"
    "  -d, --device ID      the device's id; a module's is its IMEI\n"
    "  -k, --key KEY2.pem   the permit key (ECDSA P-256), not the one that\n"
    "                       signs packages\n"
    "  -o, --output PKG2    where the package goes, - for standard output\n"
    "  -h, --help           print this help\n";

static const struct option options[] = {
    {"device", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},
    {"key", required_argument, NULL, 'k'},
    {"output", required_argument, NULL, 'o'},
    {0},
};

struct wishes {
    const char *device, *key, *output;
};

static void report(int err, const char *path)
{
    if (err == DFOTA_E_SIGNATURE)
        log_error("%s: it is not signed, and no device would take it; sign "
                  "it first: dfota diff --key",
                  path);
    else
        log_error("%s: %s", path, dfota_strerror(err));
}

static int permit(const char *path, const struct wishes *w)
{
    uint8_t *package = NULL, *permitted = NULL;
    size_t len = 0, permitted_len = 0;
    struct dfota_crypto crypto;
    struct build_signer signer;
    int status = keys_crypto(&crypto, NULL), err;

    if (!status)
        status = keys_signer(&signer, w->key);
    if (!status)
        status = cli_read_file("package", path, &package, &len);
    if (!status) {
        err = permit_add(package, len, w->device, &crypto, &signer, &permitted,
                         &permitted_len);
        status = cli_status_of(err);
        if (err)
            report(err, path);
    }
    if (!status)
        status = cli_write_file(w->output, permitted, permitted_len);
    if (!status)
        fprintf(strcmp(w->output, "-") == 0 ? stderr : stdout,
                "%s: %zu bytes, for device %s alone, once\n", w->output,
                permitted_len, w->device);
    free(permitted);
    free(package);
    return status;
}

int cmd_permit(int argc, char **argv)
{
    struct wishes w = {NULL, NULL, NULL};
    int option, status;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "d:hk:o:", options, NULL)) != -1) {
        switch (option) {
        case 'd':
            w.device = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return CLI_DONE;
        case 'k':
            w.key = optarg;
            break;
        case 'o':
            w.output = optarg;
            break;
        default:
            return cli_usage_error("permit",
                                   "unknown option or missing value: %s",
                                   argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return cli_usage_error("permit", "one package is needed");
    if (!w.key || !w.device || !w.output)
        return cli_usage_error("permit", "%s is missing",
                               !w.key      ? "--key"
                               : !w.device ? "--device"
                                           : "--output");
    if (*w.device == '\0')
        return cli_usage_error("permit", "--device is empty");
    status =
        cli_check_output("permit", w.output, (const char **)argv + optind, 1);
    return status ? status : permit(argv[optind], &w);
}
