/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"
#include "server/config/config_file.h"
#include "server/config/options_table.h"

enum { FIRST_LONG = 256, LIST_ITEM_ROOM = 1024 };

/* ---- help ---- */

static const char help_head[] =
    "Usage: dfotad [OPTION]...\n"
    "       dfotad --serve-dir DIR [OPTION]...\n"
    "Keep firmware, modules and plans, and deliver packages over HTTP(S) and "
    "CoAP(S).\n";
static const char help_tail[] =
    "Without an address for packages it serves on 127.0.0.1:8080 and\n"
    "127.0.0.1:8443, and without --api on 127.0.0.1:8090. Without --tls-cert\n"
    "it makes a self-signed certificate for localhost in DIR, once.\n"
    "\n"
    "Each option but the last ones is also a word of the file, and a "
    "variable:\n"
    "DFOTA_PUBLIC_HTTPS for --public-https. The command line wins over the\n"
    "environment, that over the file. Options without a value are true or\n"
    "false there.\n"
    "\n"
    "Example: dfotad --serve-dir packages --https 0.0.0.0:443\n";

static void print_row(const struct option_row *row)
{
    char words[48], letter[8] = "";
    const char *help = row->help;

    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(words, sizeof words, "%4s--%s %s", letter, row->name,
             row->argument ? row->argument : "");
    printf("  %-25s", words);
    for (;;) {
        size_t len = strcspn(help, "\n");

        printf(" %.*s\n", (int)len, help);
        if (help[len] == '\0')
            break;
        help += len + 1;
        printf("  %-25s", "");
    }
}

static void print_help(void)
{
    puts(help_head);
    for (const struct option_row *row = option_rows; row->name; row++)
        print_row(row);
    putchar('\n');
    fputs(help_tail, stdout);
}

/* ---- what fits together ---- */

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

static unsigned row_named(const char *name)
{
    unsigned i = 0;

    while (option_rows[i].name && strcmp(option_rows[i].name, name) != 0)
        i++;
    return i;
}

/* What it is because nobody said otherwise. */
static void set_default(struct options *options, const char *name,
                        const char *value)
{
    char why[OPTION_WHY_ROOM];

    option_set(options, row_named(name), value, OPTIONS_DEFAULT, why);
}

/* systemd puts LoadCredential=signing-key:.. where only this process sees
 * it. */
static void take_credential(struct options *options)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[1024];
    int len;

    if (!folder || options->signing_key)
        return;
    len = snprintf(path, sizeof path, "%s/signing-key", folder);
    if (len > 0 && len < (int)sizeof path && access(path, F_OK) == 0)
        set_default(options, "signing-key", path);
}

static enum options_verdict complete_signing(struct options *options)
{
    bool external;

    if (!options->signing || strcmp(options->signing, "key") == 0)
        take_credential(options);
    if (!options->signing)
        set_default(options, "signing",
                    options->signing_key ? "key" : "external");
    external = strcmp(options->signing, "external") == 0;
    if (external && options->signing_key)
        return refuse("signing is external, but there is a signing-key");
    if (!external && !options->signing_key)
        return refuse("signing: key needs --signing-key, or "
                      "LoadCredential=signing-key:FILE in the unit");
    return OPTIONS_RUN;
}

static enum options_verdict complete_addresses(struct options *options)
{
    if (!is_address(options->public_http, "http://") ||
        !is_address(options->public_https, "https://") ||
        !is_address(options->public_coap, "coap://") ||
        !is_address(options->public_coaps, "coaps://"))
        return refuse("a public address is SCHEME://HOST:PORT without a path, "
                      "with the scheme of its listener");
    if (!options->http && !options->https && !options->coap &&
        !options->coaps) {
        set_default(options, "http", "127.0.0.1:8080");
        set_default(options, "https", "127.0.0.1:8443");
    }
    if (!options->serve_dir && !options->api)
        set_default(options, "api", "127.0.0.1:8090");
    return OPTIONS_RUN;
}

static enum options_verdict complete_proxies(struct options *options)
{
    struct proxies *proxies = &options->proxies;
    char why[200];

    proxies->n = 0;
    proxies->certificate_header = options->proxy_certificate_header;
    if (!proxies->certificate_header ||
        !proxy_header_fits(proxies->certificate_header))
        return refuse("--proxy-certificate-header: a name for a header of its "
                      "own is wanted, such as X-Client-Cert");
    for (unsigned i = 0; i < options->n_trusted_proxies; i++) {
        int err = proxy_net_parse(options->trusted_proxies[i],
                                  &proxies->nets[proxies->n++]);

        if (!err)
            continue;
        snprintf(why, sizeof why,
                 err == DFOTA_E_ARG
                     ? "--trusted-proxies: \"%.60s\" would trust everybody"
                     : "--trusted-proxies: \"%.60s\" is neither an address "
                       "nor a network, as 192.0.2.7 or 192.0.2.0/24 is",
                 options->trusted_proxies[i]);
        return refuse(why);
    }
    return OPTIONS_RUN;
}

static enum options_verdict complete(struct options *options)
{
    enum options_verdict verdict;

    if (options->serve_dir &&
        (options->api || options->database || options->device_api_plain))
        return refuse("--serve-dir only delivers: no --api, --database or "
                      "--device-api-plain");
    if (options->serve_dir && options->n_lwm2m > 0)
        return refuse("--serve-dir only delivers: no --lwm2m");
    if (options->n_certs != options->n_keys)
        return refuse("every --tls-cert needs its --tls-key");
    if (options->client_crl && !options->client_ca)
        return refuse("--client-crl needs its --client-ca");
    if (options->migrate_to && options->restore)
        return refuse("either --migrate-to or --restore");
    verdict = complete_proxies(options);
    if (verdict == OPTIONS_RUN)
        verdict = complete_signing(options);
    return verdict == OPTIONS_RUN ? complete_addresses(options) : verdict;
}

/* ---- the file ---- */

static bool take_from_file(void *ctx, const char *name, const char *value,
                           char why[CONFIG_WHY_ROOM])
{
    return option_set(ctx, row_named(name), value, OPTIONS_FILE, why);
}

static bool read_file(const char *path, struct options *options)
{
    struct config_key keys[OPTIONS_MAX + 1] = {{0}};
    unsigned n = 0;

    for (const struct option_row *row = option_rows; row->name; row++) {
        if (!row->flag_only && row->kind != OPTION_HOW)
            keys[n++] = (struct config_key){row->name, option_is_list(row)};
    }
    return config_file_read(path, keys, take_from_file, options) == 0;
}

/* ---- the environment ---- */

/* Lists are parted by commas. */
static bool set_items(struct options *options, unsigned row, const char *value,
                      char why[OPTION_WHY_ROOM])
{
    char item[LIST_ITEM_ROOM];

    for (;;) {
        size_t len = strcspn(value, ",");

        if (len == 0 || len >= sizeof item) {
            snprintf(why, OPTION_WHY_ROOM, "an item is empty or too long");
            return false;
        }
        snprintf(item, sizeof item, "%.*s", (int)len, value);
        if (!option_set(options, row, item, OPTIONS_ENVIRONMENT, why))
            return false;
        if (value[len] == '\0')
            return true;
        value += len + 1;
    }
}

static bool read_environment(struct options *options)
{
    char name[48], why[OPTION_WHY_ROOM];

    for (unsigned i = 0; option_rows[i].name; i++) {
        const struct option_row *row = &option_rows[i];
        const char *value;

        if (row->flag_only || row->kind == OPTION_HOW)
            continue;
        option_variable(row, name);
        value = getenv(name);
        if (!value || !*value)
            continue;
        if (option_is_list(row)
                ? set_items(options, i, value, why)
                : option_set(options, i, value, OPTIONS_ENVIRONMENT, why))
            continue;
        log_error("%s: %s", name, why);
        return false;
    }
    return true;
}

/* ---- the command line ---- */

struct line {
    struct option longs[OPTIONS_MAX + 1];
    char letters[OPTIONS_MAX + 1];
};

/* A flag may have a value, "=false", to undo what file or environment say. */
static void spell(struct line *line)
{
    unsigned n_letters = 0;

    *line = (struct line){0};
    for (unsigned i = 0; option_rows[i].name; i++) {
        const struct option_row *row = &option_rows[i];

        line->longs[i] =
            (struct option){row->name,
                            row->kind == OPTION_HOW    ? no_argument
                            : row->kind == OPTION_FLAG ? optional_argument
                                                       : required_argument,
                            NULL, FIRST_LONG + (int)i};
        if (row->letter)
            line->letters[n_letters++] = row->letter;
    }
}

static unsigned row_of(int option)
{
    unsigned i = 0;

    if (option >= FIRST_LONG)
        return (unsigned)option - FIRST_LONG;
    while (option_rows[i].letter != option)
        i++;
    return i;
}

static bool read_line(struct options *options, int argc, char **argv,
                      const struct line *line)
{
    char why[OPTION_WHY_ROOM];
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, line->letters, line->longs,
                                 NULL)) != -1) {
        if (option == '?') {
            fputs("Try 'dfotad --help'.\n", stderr);
            return false;
        }
        if (option_set(options, row_of(option), optarg ? optarg : "true",
                       OPTIONS_FLAG, why))
            continue;
        log_error("--%s: %s", option_rows[row_of(option)].name, why);
        return false;
    }
    if (optind < argc) {
        refuse("dfotad takes options only");
        return false;
    }
    return true;
}

/* The file's name may come from the environment or the command line. */
static const char *find_file(int argc, char **argv, const struct line *line)
{
    const char *path = getenv("DFOTA_CONFIG");
    int option, config = FIRST_LONG + (int)row_named("config");

    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, line->letters, line->longs,
                                 NULL)) != -1) {
        if (option == config)
            path = optarg;
    }
    opterr = 1;
    return path && *path ? path : NULL;
}

/* ---- all of it ---- */

static bool set_defaults(struct options *options)
{
    char why[OPTION_WHY_ROOM];

    *options = (struct options){0};
    for (unsigned i = 0; option_rows[i].name; i++) {
        if (option_rows[i].fallback &&
            !option_set(options, i, option_rows[i].fallback, OPTIONS_DEFAULT,
                        why))
            return false;
    }
    return true;
}

static enum options_verdict answer(const struct options *options)
{
    if (options->help)
        print_help();
    else if (options->version)
        puts("dfotad " DFOTA_PROGRAM_VERSION);
    else if (options->dump_config)
        options_dump(options);
    else if (options->check_config)
        puts("dfotad: the configuration is fine");
    else
        return OPTIONS_RUN;
    return OPTIONS_DONE;
}

enum options_verdict options_parse(int argc, char **argv,
                                   struct options *options)
{
    struct options asked = {0};
    enum options_verdict verdict;
    const char *path;
    struct line line;
    bool wants_text;

    spell(&line);
    /* Help has to be there whatever the file says. */
    if (!read_line(&asked, argc, argv, &line)) {
        options_release(&asked);
        return OPTIONS_USAGE;
    }
    wants_text = asked.help || asked.version;
    verdict = wants_text ? answer(&asked) : OPTIONS_RUN;
    options_release(&asked);
    if (wants_text)
        return verdict;
    path = find_file(argc, argv, &line);
    if (!set_defaults(options) || (path && !read_file(path, options)) ||
        !read_environment(options) || !read_line(options, argc, argv, &line))
        return OPTIONS_USAGE;
    if (!options->config)
        options->config = path;
    verdict = complete(options);
    return verdict == OPTIONS_RUN ? answer(options) : verdict;
}
