/* SPDX-License-Identifier: Apache-2.0 */
/* dfota apply: the new image from the old one and a package. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/keys.h"
#include "delta/apply.h"
#include "os/log.h"

static const char help[] =
    "Usage: dfota apply OLD PKG -o NEW [--cert CERT.pem]\n"
    "\n"
    "Make the image NEW from OLD and the package PKG, through the decoder\n"
    "that runs on devices. Nothing is written unless the result is the image\n"
    "that the package promises.\n"
    "\n"
    "  -o, --output NEW     where the image goes, - for standard output\n"
    "      --cert CERT.pem  check the signature with this certificate or\n"
    "                       public key; without it the signature is skipped\n"
    "  -h, --help           print this help\n";

static const struct option options[] = {
    {"cert", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"output", required_argument, NULL, 'o'},
    {0},
};

static int check_signature(const struct dfota_crypto *crypto,
                           const uint8_t *package, size_t len)
{
    struct dfota_reader in = apply_reader(package, len);
    struct dfota_package p;
    int err = dfota_package_open(&p, &in);

    return err ? err : dfota_package_verify(&p, &in, crypto);
}

static int apply(const char *old_path, const char *package_path,
                 const char *output, const char *cert)
{
    uint8_t *old = NULL, *package = NULL, *image = NULL;
    size_t old_len = 0, len = 0;
    struct dfota_crypto crypto;
    struct dfota_package p;
    int err, status = keys_crypto(&crypto, cert);

    if (!cert)
        log_warn("apply: no --cert, the signature is not checked");
    if (!status)
        status = cli_read_file("old image", old_path, &old, &old_len);
    if (!status)
        status = cli_read_file("package", package_path, &package, &len);
    if (!status) {
        err = check_signature(&crypto, package, len);
        if (!err)
            err =
                apply_package(package, len, old, old_len, &crypto, &p, &image);
        status = cli_status_of(err);
        if (err)
            log_error("%s: %s", package_path, dfota_strerror(err));
    }
    if (!status)
        status = cli_write_file(output, image, p.m.target_len);
    free(image);
    free(package);
    free(old);
    return status;
}

int cmd_apply(int argc, char **argv)
{
    const char *output = NULL, *cert = NULL;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            cert = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return CLI_DONE;
        case 'o':
            output = optarg;
            break;
        default:
            return cli_usage_error("apply",
                                   "unknown option or missing value: %s",
                                   argv[optind - 1]);
        }
    }
    if (argc - optind != 2)
        return cli_usage_error("apply", "OLD and PKG are needed");
    if (!output)
        return cli_usage_error("apply", "--output is missing");
    return apply(argv[optind], argv[optind + 1], output, cert);
}
