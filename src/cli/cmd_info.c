/* SPDX-License-Identifier: Apache-2.0 */
/* dfota info: what is in a package. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/image_file.h"
#include "cli/keys.h"
#include "delta/apply.h"
#include "delta/audit.h"
#include "delta/classes.h"
#include "delta/map_svg.h"
#include "os/files.h"
#include "os/log.h"

static const char help[] =
    "Usage: dfota info PKG [--json] [--map FILE.svg] [--old OLD]\n"
    "\n"
    "Say what is in a package: manifest, sizes, windows, the copy map.\n"
    "\n"
    "  -j, --json          print one JSON object\n"
    "  -m, --map FILE.svg  draw which old range went where, and what is new\n"
    "  -o, --old OLD       decode it against OLD and say where the bits went\n"
    "  -h, --help          print this help\n";

static const struct option options[] = {
    {"help", no_argument, NULL, 'h'},
    {"json", no_argument, NULL, 'j'},
    {"map", required_argument, NULL, 'm'},
    {"old", required_argument, NULL, 'o'},
    {0},
};

static const char *hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return out;
}

static bool is_signed(const struct dfota_package *p, const uint8_t *package)
{
    for (int i = 0; i < DFOTA_SIGNATURE_LEN; i++) {
        if (package[p->signature_off + (uint32_t)i])
            return true;
    }
    return false;
}

/* A label is anybody's text: only what a terminal and JSON bear is shown. */
static void label_of(const struct dfota_package *p, const uint8_t *package,
                     char out[DFOTA_LABEL_MAX + 1])
{
    const char *label = (const char *)package + DFOTA_MANIFEST_LEN;
    json_t *utf8 = json_stringn(label, p->m.label_len);

    for (unsigned i = 0; i < p->m.label_len; i++) {
        uint8_t byte = (uint8_t)label[i];
        bool c1 = byte >= 0x80 && byte < 0xA0 && i > 0 &&
                  (uint8_t)label[i - 1] == 0xC2;

        out[i] = label[i];
        if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8))
            out[i] = '?';
        if (c1)
            out[i] = out[i - 1] = '?';
    }
    out[p->m.label_len] = '\0';
    json_decref(utf8);
}

static const char *order_of(const struct dfota_package *p)
{
    return p->m.flags & DFOTA_FLAG_DESCENDING ? "descending" : "ascending";
}

static void print_text(const char *path, const struct package_map *m,
                       const uint8_t *package, size_t len)
{
    const struct dfota_package *p = &m->package;
    char text[65], label[DFOTA_LABEL_MAX + 1];

    label_of(p, package, label);
    printf("package       %s, %zu bytes, %s\n", path, len,
           is_signed(p, package) ? "signed" : "not signed");
    printf("label         %s\n", label);
    printf("architecture  %s\n", classes_arch_name(p->m.arch));
    printf("source        %u bytes, SHA-256 %s..\n", p->m.source_len,
           hex(p->m.source_hash, sizeof p->m.source_hash, text));
    printf("target        %u bytes, SHA-256 %s\n", p->m.target_len,
           hex(p->m.target_hash, sizeof p->m.target_hash, text));
    if (p->permit_off)
        printf("permit        for the device whose id has SHA-256 %s\n",
               hex(package + p->permit_off, DFOTA_HASH_LEN, text));
    printf("class         %08x\n", p->m.class_id);
    printf("counter       %u\n", p->m.counter);
    printf("decoder       %u KiB of memory\n", p->m.arena_kib);
    printf("windows       %u of %u bytes, %s, sectors of %u\n", p->windows,
           p->window_len, order_of(p), 1U << p->m.sector_log2);
    printf("copied        %zu stretches, %u bytes; new %u bytes\n",
           m->segments.len, m->copied, p->m.target_len - m->copied);
    printf("bytes         %u head, %u copy map, %u windows\n", p->body_off,
           m->map_len, p->m.body_len - m->map_len);
}

static json_t *to_json(const struct package_map *m, const uint8_t *package,
                       size_t len)
{
    const struct dfota_package *p = &m->package;
    char source[65], target[65], label[DFOTA_LABEL_MAX + 1];

    label_of(p, package, label);
    return json_pack(
        "{s:I s:b s:b s:s s:s s:I s:s s:I s:s s:I s:I s:i s:i s:I s:s s:i s:i "
        "s:I"
        " s:{s:I s:I s:I}}",
        "size", (json_int_t)len, "signed", is_signed(p, package), "permit",
        p->permit_off != 0, "label", label, "arch",
        classes_arch_name(p->m.arch), "source_size",
        (json_int_t)p->m.source_len, "source_sha256_head",
        hex(p->m.source_hash, sizeof p->m.source_hash, source), "target_size",
        (json_int_t)p->m.target_len, "target_sha256",
        hex(p->m.target_hash, sizeof p->m.target_hash, target), "class_id",
        (json_int_t)p->m.class_id, "counter", (json_int_t)p->m.counter, "ram",
        p->m.arena_kib * 1024, "windows", (int)p->windows, "window_size",
        (json_int_t)p->window_len, "order", order_of(p), "sector",
        1 << p->m.sector_log2, "segments", (int)m->segments.len, "copied",
        (json_int_t)m->copied, "bytes", "head", (json_int_t)p->body_off, "map",
        (json_int_t)m->map_len, "windows",
        (json_int_t)(p->m.body_len - m->map_len));
}

/* ---- where the bits went ------------------------------------------------- */

static const char *const kind_names[8] = {
    [DFOTA_KIND_PLAIN] = "plain",     [DFOTA_KIND_CALL] = "call",
    [DFOTA_KIND_JUMP] = "jump",       [DFOTA_KIND_LITERAL] = "literal",
    [DFOTA_KIND_POINTER] = "pointer", [DFOTA_KIND_DATA] = "data",
};

static double bytes_of(uint64_t cost)
{
    return (double)cost / (8 * 65536.0);
}

static void print_costs(const struct body_costs *costs)
{
    printf("new bytes     %.1f bytes\n", bytes_of(costs->literals));
    for (unsigned i = 0; i < 16; i++) {
        const struct body_kind *k = &costs->kind[i];

        if (k->units == 0)
            continue;
        printf("%-9s %-3s %u units, %u not as predicted; flags %.1f, "
               "corrections %.1f bytes\n",
               kind_names[i & 7] ? kind_names[i & 7] : "other",
               i & DFOTA_KIND_DIFFERS ? "new" : "old", k->units, k->misses,
               bytes_of(k->flags), bytes_of(k->bytes));
    }
}

static json_t *costs_json(const struct body_costs *costs)
{
    json_t *kinds = json_array();

    for (unsigned i = 0; i < 16; i++) {
        const struct body_kind *k = &costs->kind[i];

        if (k->units > 0)
            json_array_append_new(
                kinds,
                json_pack("{s:s s:b s:I s:I s:f s:f}", "kind",
                          kind_names[i & 7] ? kind_names[i & 7] : "other",
                          "differs_from_old", (i & DFOTA_KIND_DIFFERS) != 0,
                          "units", (json_int_t)k->units, "misses",
                          (json_int_t)k->misses, "flag_bytes",
                          bytes_of(k->flags), "correction_bytes",
                          bytes_of(k->bytes)));
    }
    return json_pack("{s:f s:o}", "literal_bytes", bytes_of(costs->literals),
                     "kinds", kinds);
}

/* Decode against the old image. returns an exit status */
static int read_costs(const struct package_map *m, const uint8_t *package,
                      size_t len, const char *path, struct body_costs *costs)
{
    struct image_file old = {0};
    struct dfota_crypto crypto;
    int status = keys_crypto(&crypto, NULL), err;

    if (!status)
        status = image_file_read("old image", path, false, &old);
    if (!status) {
        err = apply_check_source(&m->package, old.image.bytes, old.image.len,
                                 &crypto);
        if (!err)
            err = audit_package(&m->package, package, len, old.image.bytes,
                                old.image.len, costs);
        status = cli_status_of(err);
        if (err)
            log_error("%s: %s", path, dfota_strerror(err));
    }
    image_file_release(&old);
    return status;
}

static int print_json(const struct package_map *m, const uint8_t *package,
                      size_t len, const struct body_costs *costs)
{
    json_t *all = to_json(m, package, len);
    int bad;

    if (all && costs)
        json_object_set_new(all, "bits", costs_json(costs));
    bad = !all || json_dumpf(all, stdout, JSON_INDENT(2)) != 0;

    if (!bad)
        putchar('\n');
    else
        log_error("info: the JSON cannot be printed");
    json_decref(all);
    return bad ? CLI_FAILED : CLI_DONE;
}

static int write_map(const struct package_map *m, const char *path)
{
    struct files_writer w;
    int err = files_begin(&w, path);

    if (!err) {
        map_svg_draw(w.file, m);
        err = files_commit(&w);
    }
    if (!err)
        return CLI_DONE;
    log_error("%s: %s; nothing was written", path,
              err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
    return CLI_FAILED;
}

static int info(const char *path, bool json, const char *svg, const char *old)
{
    uint8_t *package = NULL;
    size_t len = 0;
    struct package_map m = {0};
    struct body_costs costs = {0};
    bool only_map = svg && strcmp(svg, "-") == 0;
    int status = cli_read_file("package", path, &package, &len), err;

    if (!status) {
        err = package_map_read(&m, package, len);
        status = cli_status_of(err);
        if (err)
            log_error("%s: %s", path, dfota_strerror(err));
    }
    if (!status && old)
        status = read_costs(&m, package, len, old, &costs);
    if (!status && svg)
        status = write_map(&m, svg);
    if (!status && json)
        status = print_json(&m, package, len, old ? &costs : NULL);
    else if (!status && !only_map)
        print_text(path, &m, package, len);
    if (!status && !json && !only_map && old)
        print_costs(&costs);
    package_map_release(&m);
    free(package);
    return status;
}

int cmd_info(int argc, char **argv)
{
    const char *svg = NULL, *old = NULL, *inputs[2];
    bool json = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "hjm:o:", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            fputs(help, stdout);
            return CLI_DONE;
        case 'j':
            json = true;
            break;
        case 'm':
            svg = optarg;
            break;
        case 'o':
            old = optarg;
            break;
        default:
            return cli_usage_error("info",
                                   "unknown option or missing value: %s",
                                   argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return cli_usage_error("info", "one package is needed");
    if (json && svg && strcmp(svg, "-") == 0)
        return cli_usage_error("info", "--json and --map - both want standard "
                                       "output");
    inputs[0] = argv[optind];
    inputs[1] = old;
    option = cli_check_output("info", svg, inputs, old ? 2 : 1);
    if (option)
        return option;
    return info(argv[optind], json, svg, old);
}
