/* SPDX-License-Identifier: Apache-2.0 */
/* dfota diff: a package from two images. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/image_file.h"
#include "cli/keys.h"
#include "delta/build.h"
#include "delta/classes.h"
#include "os/log.h"

static const char help[] =
    "Usage: dfota diff OLD NEW -o PKG [OPTIONS]\n"
    "\n"
    "Make a package that turns the firmware image OLD into NEW. It is decoded\n"
    "and compared before it is written. Images may be raw, Intel HEX, UF2,\n"
    "ELF, DFU or DfuSe files; which of them shows in their contents.\n"
    "\n"
    "  -o, --output PKG        where the package goes, - for standard output\n"
    "  -k, --key KEY           sign with this key: ECDSA P-256, a PEM file or "
    "a\n"
    "                          pkcs11: URI; its PIN is DFOTA_PIN\n"
    "      --key-id N          which of the device's two keys that is (0)\n"
    "  -a, --arch ARCH         auto, thumb2, a32, a64, rv32, rv64, xtensa, "
    "avr,\n"
    "                          8051, x86, raw (auto)\n"
    "      --base ADDR         address of the image's first byte (found)\n"
    "  -r, --ram BYTES         memory the decoder may use: 8K 16K 32K 64K "
    "(16K)\n"
    "  -c, --class NAME        device class the package is for (any)\n"
    "      --from-version V    version of OLD\n"
    "      --to-version V      version of NEW\n"
    "      --counter N         security counter (0)\n"
    "      --slot SIZE         the device's slot (as large as the image)\n"
    "      --sector SIZE       the flash's erase blocks (4K)\n"
    "      --backup SIZE       the backup area; 0: as large as the image (0)\n"
    "      --full              a full image: needs no OLD on the device\n"
    "      --threads N         work on so much at once; the package is the "
    "same\n"
    "                          (as many as there are processors)\n"
    "      --raw               take the images as they are, whatever they "
    "look like\n"
    "  -h, --help              print this help\n"
    "\n"
    "Sizes take K and M. --class with a module's dialect also sets its\n"
    "geometry. Without --key the package is unsigned.\n";

enum {
    OPT_BASE = 256,
    OPT_BACKUP,
    OPT_COUNTER,
    OPT_FROM,
    OPT_FULL,
    OPT_KEY_ID,
    OPT_RAW,
    OPT_SECTOR,
    OPT_SLOT,
    OPT_THREADS,
    OPT_TO,
};

static const struct option options[] = {
    {"arch", required_argument, NULL, 'a'},
    {"backup", required_argument, NULL, OPT_BACKUP},
    {"base", required_argument, NULL, OPT_BASE},
    {"class", required_argument, NULL, 'c'},
    {"counter", required_argument, NULL, OPT_COUNTER},
    {"from-version", required_argument, NULL, OPT_FROM},
    {"full", no_argument, NULL, OPT_FULL},
    {"help", no_argument, NULL, 'h'},
    {"key", required_argument, NULL, 'k'},
    {"key-id", required_argument, NULL, OPT_KEY_ID},
    {"output", required_argument, NULL, 'o'},
    {"ram", required_argument, NULL, 'r'},
    {"raw", no_argument, NULL, OPT_RAW},
    {"sector", required_argument, NULL, OPT_SECTOR},
    {"slot", required_argument, NULL, OPT_SLOT},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"to-version", required_argument, NULL, OPT_TO},
    {0},
};

enum { THREADS_MAX = 1024 };

struct diff {
    struct build_options build;
    const char *output, *key;
    bool slot_given, sector_given, backup_given, raw;
};

static bool parse_ram(const char *text, uint8_t *kib)
{
    uint32_t bytes;

    if (!cli_parse_size(text, &bytes))
        return false;
    *kib = (uint8_t)(bytes / 1024);
    return bytes == 8192 || bytes == 16384 || bytes == 32768 || bytes == 65536;
}

static bool parse_base(struct diff *d, const char *text)
{
    d->build.base_given = true;
    return cli_parse_number(text, 0, UINT32_MAX, &d->build.base);
}

static bool parse_key_id(struct diff *d, const char *text)
{
    uint32_t id;

    if (!cli_parse_number(text, 0, 1, &id))
        return false;
    d->build.key_id = (uint8_t)id;
    return true;
}

static bool parse_option(struct diff *d, int option, const char *text)
{
    switch (option) {
    case 'a':
        return classes_parse_arch(text, &d->build.arch);
    case 'c':
        d->build.class_name = text;
        return true;
    case 'k':
        d->key = text;
        return true;
    case 'o':
        d->output = text;
        return true;
    case 'r':
        return parse_ram(text, &d->build.arena_kib);
    case OPT_BACKUP:
        d->backup_given = true;
        return cli_parse_size(text, &d->build.backup);
    case OPT_BASE:
        return parse_base(d, text);
    case OPT_COUNTER:
        return cli_parse_number(text, 0, UINT32_MAX, &d->build.counter);
    case OPT_FROM:
        d->build.from_version = text;
        return true;
    case OPT_FULL:
        d->build.full = true;
        return true;
    case OPT_KEY_ID:
        return parse_key_id(d, text);
    case OPT_RAW:
        d->raw = true;
        return true;
    case OPT_SECTOR:
        d->sector_given = true;
        return cli_parse_size(text, &d->build.sector);
    case OPT_SLOT:
        d->slot_given = true;
        return cli_parse_size(text, &d->build.slot);
    case OPT_THREADS:
        return cli_parse_number(text, 1, THREADS_MAX, &d->build.threads);
    case OPT_TO:
        d->build.to_version = text;
        return true;
    default:
        return false;
    }
}

static const char *option_name(int option)
{
    for (const struct option *o = options; o->name; o++) {
        if (o->val == option)
            return o->name;
    }
    return "";
}

/* returns an exit status, or -1: go on */
static int parse_line(struct diff *d, int argc, char **argv)
{
    const struct classes_geometry *g;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "a:c:hk:o:r:", options, NULL)) !=
           -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return CLI_DONE;
        }
        if (option == '?')
            return cli_usage_error("diff",
                                   "unknown option or missing value: %s",
                                   argv[optind - 1]);
        if (!parse_option(d, option, optarg))
            return cli_usage_error("diff", "--%s cannot be \"%s\"",
                                   option_name(option), optarg);
    }
    if (argc - optind != 2)
        return cli_usage_error("diff", "two images are needed, OLD and NEW");
    if (!d->output)
        return cli_usage_error("diff", "--output is missing");
    option =
        cli_check_output("diff", d->output, (const char **)argv + optind, 2);
    if (option)
        return option;
    g = classes_geometry_of(d->build.class_name);
    if (g && !d->slot_given)
        d->build.slot = g->slot;
    if (g && !d->sector_given)
        d->build.sector = g->sector;
    if (g && !d->backup_given)
        d->build.backup = g->backup;
    return -1;
}

static int explain(int err, const struct diff *d)
{
    if (err == DFOTA_E_ARG)
        log_error("diff: the geometry does not hold: sectors are a power of "
                  "two from 512 to 262144, slot and backup whole sectors, "
                  "images not empty");
    else if (err == DFOTA_E_SLOT)
        log_error("diff: an image is larger than the slot of %u bytes",
                  d->build.slot);
    else if (err == DFOTA_E_BACKUP)
        log_error("diff: with a backup of %u bytes the image has more than %d "
                  "windows; give a larger --backup",
                  d->build.backup, DFOTA_WINDOWS_MAX);
    else
        log_error("diff: %s", dfota_strerror(err));
    return err == DFOTA_E_ARG ? CLI_USAGE : CLI_FAILED;
}

/* 0 is also what converters write that know no address: then it is searched
 * for as in a raw image, which tries 0 too. */
static void suggest_base(struct diff *d, uint32_t base)
{
    if (d->build.base_given || base == 0)
        return;
    d->build.base_hinted = true;
    d->build.base_hint = base;
}

/* What the containers of both say about where and what they are. */
static int compare(struct diff *d, const struct image *old,
                   const struct image *image)
{
    if (old->has_family && image->has_family && old->family != image->family) {
        log_error("diff: the images are for different chips, UF2 families "
                  "0x%08X and 0x%08X",
                  old->family, image->family);
        return CLI_FAILED;
    }
    if (old->has_base && image->has_base && old->base != image->base)
        log_warn("diff: the images begin at different addresses, 0x%08X and "
                 "0x%08X: is one of them with a boot loader?",
                 old->base, image->base);
    else if (old->has_base)
        suggest_base(d, old->base);
    else if (image->has_base)
        suggest_base(d, image->base);
    return CLI_DONE;
}

static int make(struct diff *d, const char *old_path, const char *new_path,
                struct build_result *out)
{
    struct image_file old = {0}, image = {0};
    struct dfota_crypto crypto;
    struct build_signer signer;
    int status = keys_crypto(&crypto, NULL), err;

    if (!status && d->key)
        status = keys_signer(&signer, d->key);
    if (!status)
        status = image_file_read("old image", old_path, d->raw, &old);
    if (!status)
        status = image_file_read("new image", new_path, d->raw, &image);
    if (!status && (old.image.len == 0 || image.image.len == 0)) {
        log_error("%s: the image is empty",
                  old.image.len ? new_path : old_path);
        status = CLI_FAILED;
    }
    if (!status)
        status = compare(d, &old.image, &image.image);
    if (!status) {
        err = build_package(&d->build, old.image.bytes, old.image.len,
                            image.image.bytes, image.image.len, &crypto,
                            d->key ? &signer : NULL, out);
        status = err ? explain(err, d) : CLI_DONE;
    }
    image_file_release(&old);
    image_file_release(&image);
    return status;
}

int cmd_diff(int argc, char **argv)
{
    struct diff d = {
        .build = {.arch = BUILD_ARCH_AUTO,
                  .arena_kib = 16,
                  .sector = 4096,
                  .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)}};
    struct build_result out = {0};
    int status = parse_line(&d, argc, argv);

    if (status >= 0)
        return status;
    status = make(&d, argv[optind], argv[optind + 1], &out);
    if (!status)
        status = cli_write_file(d.output, out.bytes, out.len);
    if (!status)
        fprintf(strcmp(d.output, "-") == 0 ? stderr : stdout,
                "%s: %zu bytes, %.1f %% of %s, arch %s, ram %u\n", d.output,
                out.len, 100.0 * (double)out.len / out.p.m.target_len,
                argv[optind + 1], classes_arch_name(out.p.m.arch),
                out.p.m.arena_kib * 1024U);
    free(out.bytes);
    return status;
}
