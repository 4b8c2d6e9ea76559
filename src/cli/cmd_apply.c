/* SPDX-License-Identifier: Apache-2.0 */
/* dfota apply: the new image from the old one and a package. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/image_file.h"
#include "cli/keys.h"
#include "delta/apply.h"
#include "os/log.h"

static const char help[] =
    "Usage: dfota apply OLD PKG -o NEW [--cert CERT.pem] [--raw]\n"
    "\n"
    "Make the image NEW from OLD and the package PKG, through the decoder\n"
    "that runs on devices. Nothing is written unless the result is the image\n"
    "that the package promises. OLD may be a raw, Intel HEX, UF2, ELF, DFU\n"
    "or DfuSe file; NEW is raw.\n"
    "\n"
    "  -o, --output NEW     where the image goes, - for standard output\n"
    "      --cert CERT.pem  check the signature with this certificate or\n"
    "                       public key; without it the signature is skipped\n"
    "      --raw            take OLD as it is, whatever it looks like\n"
    "  -h, --help           print this help\n";

static const struct option options[] = {
    {"cert", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"output", required_argument, NULL, 'o'},
    {"raw", no_argument, NULL, 'r'},
    {0},
};

static int check_signature(const struct dfota_crypto *crypto,
                           const uint8_t *package, size_t len)
{
    struct dfota_reader in = apply_reader(package, len);
    struct dfota_package p;
    int err = apply_open(&p, &in);

    return err ? err : dfota_package_verify(&p, &in, crypto);
}

static int apply(const char *old_path, const char *package_path,
                 const char *output, const char *cert, bool raw)
{
    struct image_file old = {0};
    uint8_t *package = NULL, *image = NULL;
    size_t len = 0;
    struct dfota_crypto crypto;
    struct dfota_package p = {0};
    int err, status = keys_crypto(&crypto, cert);

    if (!cert)
        log_warn("apply: no --cert, the signature is not checked");
    if (!status)
        status = image_file_read("old image", old_path, raw, &old);
    if (!status)
        status = cli_read_file("package", package_path, &package, &len);
    if (!status) {
        err = check_signature(&crypto, package, len);
        if (!err)
            err = apply_package(package, len, old.image.bytes, old.image.len,
                                &crypto, &p, &image);
        status = cli_status_of(err);
        if (err)
            log_error("%s: %s", package_path, dfota_strerror(err));
    }
    if (!status)
        status = cli_write_file(output, image, p.m.target_len);
    free(image);
    free(package);
    image_file_release(&old);
    return status;
}

int cmd_apply(int argc, char **argv)
{
    const char *output = NULL, *cert = NULL;
    bool raw = false;
    int option, status;

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
        case 'r':
            raw = true;
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
    status = cli_check_output("apply", output, (const char **)argv + optind, 2);
    if (status)
        return status;
    return apply(argv[optind], argv[optind + 1], output, cert, raw);
}
