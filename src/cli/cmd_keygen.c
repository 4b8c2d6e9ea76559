/* SPDX-License-Identifier: Apache-2.0 */
/* dfota keygen: a key pair to sign packages with. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "os/log.h"
#include "port/psa/psa_crypto_port.h"

static const char help[] =
    "Usage: dfota keygen -o KEY.pem\n"
    "\n"
    "Make an ECDSA P-256 key pair: the private key KEY.pem, which signs\n"
    "packages (mode 0600: keep it off servers), and KEY.pub.pem, which\n"
    "devices and tools check them with.\n"
    "\n"
    "  -o, --output KEY.pem  the private key's file; never overwritten\n"
    "  -h, --help            print this help\n";

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    {"output", required_argument, NULL, 'o'},
    {0},
};

static int keygen(const char *path)
{
    int err = psa_port_init();

    if (!err)
        err = psa_keygen_write(path);
    if (!err) {
        printf("%s: key pair made\n", path);
        return CLI_DONE;
    }
    if (err == DFOTA_E_IO && errno == EEXIST)
        log_error("%s: it or its .pub.pem is there already, and no key is "
                  "overwritten; name another file",
                  path);
    else
        log_error("%s: %s; nothing was written", path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
    return CLI_FAILED;
}

int cmd_keygen(int argc, char **argv)
{
    const char *output = NULL;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            fputs(help, stdout);
            return CLI_DONE;
        case 'o':
            output = optarg;
            break;
        default:
            return cli_usage_error("keygen",
                                   "unknown option or missing value: %s",
                                   argv[optind - 1]);
        }
    }
    if (optind != argc)
        return cli_usage_error("keygen", "unexpected \"%s\"", argv[optind]);
    if (!output)
        return cli_usage_error("keygen", "--output is missing");
    if (strcmp(output, "-") == 0)
        return cli_usage_error("keygen", "two files are made: --output must "
                                         "name one");
    return keygen(output);
}
