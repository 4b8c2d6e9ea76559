/* SPDX-License-Identifier: Apache-2.0 */
/* dfota verify: a package's signature and structure. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/keys.h"
#include "delta/apply.h"
#include "device/decoder.h"
#include "os/log.h"

static const char help[] =
    "Usage: dfota verify PKG --cert CERT.pem\n"
    "\n"
    "Check the package's structure, its copy map, and its signature with the\n"
    "given certificate or public key.\n"
    "\n"
    "      --cert CERT.pem  certificate or public key (ECDSA P-256)\n"
    "  -h, --help           print this help\n";

static const struct option options[] = {
    {"cert", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* Head, map and projection are parsed; what the windows hold shows only
 * against the old image. */
static int check_map(const struct dfota_package *p,
                     const struct dfota_reader *in)
{
    struct dfota_decoder_io io = {.package = *in};
    struct dfota_decoder d;
    size_t len = dfota_decoder_arena_len(p);
    void *arena = malloc(len);
    int err =
        arena ? dfota_decoder_init(&d, p, &io, arena, len) : DFOTA_E_NOMEM;

    free(arena);
    return err;
}

static int verify(const char *path, const char *cert)
{
    uint8_t *package = NULL;
    size_t len = 0;
    struct dfota_crypto crypto;
    struct dfota_package p;
    struct dfota_reader in;
    int err, status = keys_crypto(&crypto, cert);

    if (!status)
        status = cli_read_file("package", path, &package, &len);
    if (!status) {
        in = apply_reader(package, len);
        err = apply_open(&p, &in);
        if (!err)
            err = dfota_package_verify(&p, &in, &crypto);
        if (!err)
            err = check_map(&p, &in);
        status = cli_status_of(err);
        if (err)
            log_error("%s: %s", path, dfota_strerror(err));
        else
            printf("%s: signature and structure are right\n", path);
    }
    free(package);
    return status;
}

int cmd_verify(int argc, char **argv)
{
    const char *cert = NULL;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            cert = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return CLI_DONE;
        default:
            return cli_usage_error("verify",
                                   "unknown option or missing value: %s",
                                   argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return cli_usage_error("verify", "one package is needed");
    if (!cert)
        return cli_usage_error("verify", "--cert is missing");
    return verify(argv[optind], cert);
}
