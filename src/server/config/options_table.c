/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/options_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/fleet/units.h"

#define AT(field) .place = offsetof(struct options, field)
#define LIST(first, n, step, most)                                             \
    AT(first), .count = offsetof(struct options, n), .stride = (step),         \
               .max = (most)

enum { DAY_S = 86400 };
#define CENTURY_S (INT64_C(36500) * DAY_S)

const struct option_row option_rows[] = {
    {"data", AT(data), .fallback = "data", .argument = "DIR",
     .help = "where the server keeps all it has (./data)"},
    {"database", AT(database), .secret = true, .argument = "URL",
     .help = "sqlite:PATH or postgresql://.. (a file in DIR)"},
    {"http", AT(http), .argument = "ADDR:PORT",
     .help = "packages over HTTP; port 0 is a free one"},
    {"https", AT(https), .argument = "ADDR:PORT",
     .help = "packages and the device API over HTTPS"},
    {"coap", AT(coap), .argument = "ADDR:PORT",
     .help = "packages over CoAP; 5683 is its port"},
    {"coaps", AT(coaps), .argument = "ADDR:PORT",
     .help = "packages over CoAPS; 5684 is its port"},
    {"device-api-plain", .kind = OPTION_FLAG, AT(device_api_plain),
     .help = "the device API over HTTP, too"},
    {"public-http", AT(public_http), .argument = "URL",
     .help = "how modules reach --http: http://HOST:PORT"},
    {"public-https", AT(public_https), .argument = "URL",
     .help = "how modules reach --https"},
    {"public-coap", AT(public_coap), .argument = "URL",
     .help = "how modules reach --coap: coap://HOST:PORT"},
    {"public-coaps", AT(public_coaps), .argument = "URL",
     .help = "how modules reach --coaps"},
    {"api", AT(api), .argument = "ADDR:PORT",
     .help = "the interface for people and scripts"},
    {"admin", AT(admin), .argument = "ADDR:PORT",
     .help = "/live, /ready and /metrics, for those who watch"},
    {"node", AT(node), .argument = "NAME",
     .help = "this node's name (the machine's)"},
    {"signing", .kind = OPTION_WORD, AT(signing), .argument = "external|key",
     .help = "who signs packages: `dfotactl delta sign`, or\n"
             "this server by its --signing-key (external,\n"
             "unless there is one)"},
    {"signing-key", AT(signing_key), .secret = true, .argument = "KEY",
     .help = "PEM file or pkcs11: URI, or as systemd's\n"
             "credential of that name"},
    {"workers", .kind = OPTION_NUMBER, AT(workers), .low = 1, .high = 8,
     .fallback = "1", .argument = "N",
     .help = "packages that are built at a time (1)"},
    {"approve-self", .kind = OPTION_FLAG, AT(approve_self),
     .help = "who makes a plan may approve it"},
    {"public-loopback", .kind = OPTION_FLAG, AT(public_loopback),
     .help = "modules are on this machine: a plan may send\n"
             "them to its loopback addresses"},
    {"webhooks-local", .kind = OPTION_FLAG, AT(webhooks_local),
     .help = "web hooks may lead to this machine or its link"},
    {"keep-telemetry", .kind = OPTION_DURATION, AT(keep_telemetry),
     .low = DAY_S, .high = CENTURY_S, .fallback = "90d", .argument = "TIME",
     .help = "battery, signal and such of modules that are\n"
             "silent since: 90d, or forever (90d)"},
    {"keep-results", .kind = OPTION_DURATION, AT(keep_results), .low = DAY_S,
     .high = CENTURY_S, .fallback = "forever", .argument = "TIME",
     .help = "results of plans that ended (forever)"},
    {"keep-audit", .kind = OPTION_DURATION, AT(keep_audit), .low = DAY_S,
     .high = CENTURY_S, .fallback = "forever", .argument = "TIME",
     .help = "the audit log (forever)"},
    {"serve-dir", AT(serve_dir), .argument = "DIR",
     .help = "only deliver the packages in DIR"},
    {"tls-cert",
     LIST(pairs[0].cert, n_certs, sizeof(struct tls_pair), OPTIONS_PAIRS_MAX),
     .argument = "FILE", .help = "certificate, PEM, with those that follow it"},
    {"tls-key",
     LIST(pairs[0].key, n_keys, sizeof(struct tls_pair), OPTIONS_PAIRS_MAX),
     .argument = "FILE",
     .help = "the certificate's key, PEM; a second pair may\n"
             "follow, say RSA beside ECDSA"},
    {"client-ca", AT(client_ca), .argument = "FILE",
     .help = "HTTPS, and CoAPS without a key, only for clients\n"
             "whose certificate follows from this one, PEM"},
    {"client-crl", AT(client_crl), .argument = "FILE",
     .help = "which of those are revoked, PEM"},
    {"trusted-proxies",
     LIST(trusted_proxies[0], n_trusted_proxies, sizeof(char *),
          PROXY_NETS_MAX),
     .argument = "NET",
     .help = "addresses or networks of proxies that end TLS\n"
             "before --http and --api; may be given again"},
    {"proxy-certificate-header", AT(proxy_certificate_header),
     .fallback = "X-Client-Cert", .argument = "NAME",
     .help = "where those put clients' certificates\n"
             "(X-Client-Cert)"},
    {"lwm2m", LIST(lwm2m[0], n_lwm2m, sizeof(char *), OPTIONS_LWM2M_MAX),
     .argument = "URI",
     .help = "LwM2M clients register at coap://ADDR:PORT\n"
             "(no security) or coaps://ADDR:PORT; may be\n"
             "given again"},
    {"lwm2m-keys", AT(lwm2m_keys), .argument = "FILE",
     .help = "their pre-shared keys, and those of --coaps:\n"
             "lines endpoint:hexkey"},
    {"lwm2m-ca", AT(lwm2m_ca), .argument = "FILE",
     .help = "who signs their certificates, PEM"},
    {"lwm2m-pushes", .kind = OPTION_NUMBER, AT(lwm2m_pushes), .low = 1,
     .high = 1000, .fallback = "64", .argument = "N",
     .help = "packages that plans write at a time (64)"},
    {"lwm2m-bootstrap", AT(lwm2m_bootstrap), .argument = "URI",
     .help = "what those who bootstrap here are told of"},
    {"config", AT(config), .flag_only = true, .argument = "FILE",
     .help = "YAML with these words; the environment wins"},
    {"check-config", .kind = OPTION_HOW, AT(check_config),
     .help = "read everything, say what is wrong, and end"},
    {"dump-config", .kind = OPTION_HOW, AT(dump_config),
     .help = "print the configuration and where each value\n"
             "comes from, as a file, and end"},
    {"migrate-to", AT(migrate_to), .flag_only = true, .argument = "URL",
     .help = "copy the database to another, empty one, and end"},
    {"restore", AT(restore), .flag_only = true, .argument = "DIR",
     .help = "make the data folder of a backup, and end"},
    {"verbose", .letter = 'v', .kind = OPTION_FLAG, AT(verbose),
     .help = "a line on standard error for every request"},
    {"help", .letter = 'h', .kind = OPTION_HOW, AT(help), .help = "this text"},
    {"version", .letter = 'V', .kind = OPTION_HOW, AT(version),
     .help = "the version"},
    {.name = NULL}};

_Static_assert(sizeof option_rows / sizeof option_rows[0] <= OPTIONS_MAX,
               "options.origin has a place for each");

/* Every text that was ever given lives on, so that all may borrow it. */
struct options_text {
    struct options_text *next;
    char text[];
};

static const char *keep(struct options *options, const char *text)
{
    size_t len = strlen(text) + 1;
    struct options_text *kept = malloc(sizeof *kept + len);

    if (!kept)
        return NULL;
    memcpy(kept->text, text, len);
    kept->next = options->texts;
    options->texts = kept;
    return kept->text;
}

void options_release(struct options *options)
{
    while (options->texts) {
        struct options_text *first = options->texts;

        options->texts = first->next;
        free(first);
    }
}

void option_variable(const struct option_row *row, char name[48])
{
    snprintf(name, 48, "DFOTA_%s", row->name);
    for (char *c = name + 6; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

/* ---- one function a kind; false: refused ---- */

static void *place_of(struct options *options, const struct option_row *row)
{
    return (char *)options + row->place;
}

static bool set_text(struct options *options, const struct option_row *row,
                     const char *value, bool anew, char why[OPTION_WHY_ROOM])
{
    char *place = place_of(options, row);
    unsigned *count;

    if (row->secret && strstr(value, OPTION_MASKED)) {
        snprintf(why, OPTION_WHY_ROOM,
                 "--dump-config left the password out; put it in");
        return false;
    }
    if (option_is_list(row)) {
        count = (unsigned *)((char *)options + row->count);
        if (anew)
            *count = 0;
        if (*count >= row->max) {
            snprintf(why, OPTION_WHY_ROOM, "at most %u of them", row->max);
            return false;
        }
        place += row->stride * (*count)++;
    }
    if (!*value && !option_is_list(row)) { /* undoes what was said elsewhere */
        value = NULL;
        memcpy(place, &value, sizeof value);
        return true;
    }
    value = keep(options, value);
    memcpy(place, &value, sizeof value);
    snprintf(why, OPTION_WHY_ROOM, "no memory is left");
    return value != NULL;
}

static bool set_word(struct options *options, const struct option_row *row,
                     const char *value, char why[OPTION_WHY_ROOM])
{
    const char *word = row->argument;

    while (*word) {
        size_t len = strcspn(word, "|");

        if (strlen(value) == len && strncmp(word, value, len) == 0)
            return set_text(options, row, value, true, why);
        word += len;
        word += *word == '|';
    }
    snprintf(why, OPTION_WHY_ROOM, "\"%.60s\" is none of %s", value,
             row->argument);
    return false;
}

static bool set_flag(struct options *options, const struct option_row *row,
                     const char *value, char why[OPTION_WHY_ROOM])
{
    if (units_bool(value, place_of(options, row)))
        return true;
    snprintf(why, OPTION_WHY_ROOM, "\"%.60s\" is neither true nor false",
             value);
    return false;
}

static bool set_number(struct options *options, const struct option_row *row,
                       const char *value, char why[OPTION_WHY_ROOM])
{
    if (units_number(value, row->low, row->high, place_of(options, row)))
        return true;
    snprintf(why, OPTION_WHY_ROOM,
             "\"%.60s\" is no whole number from %lld to %lld", value,
             (long long)row->low, (long long)row->high);
    return false;
}

static bool set_duration(struct options *options, const struct option_row *row,
                         const char *value, char why[OPTION_WHY_ROOM])
{
    int64_t *place = place_of(options, row);

    if (strcmp(value, "forever") == 0) {
        *place = 0;
        return true;
    }
    if (units_duration(value, row->low, row->high, place))
        return true;
    snprintf(why, OPTION_WHY_ROOM,
             "\"%.60s\" is neither a time from %lldd, such as 90d, nor forever",
             value, (long long)(row->low / DAY_S));
    return false;
}

bool option_set(struct options *options, unsigned row, const char *value,
                enum options_origin origin, char why[OPTION_WHY_ROOM])
{
    const struct option_row *r = &option_rows[row];
    bool anew = options->origin[row] != origin;
    bool done = false;

    switch (r->kind) {
    case OPTION_TEXT:
        done = set_text(options, r, value, anew, why);
        break;
    case OPTION_WORD:
        done = set_word(options, r, value, why);
        break;
    case OPTION_FLAG:
    case OPTION_HOW:
        done = set_flag(options, r, value, why);
        break;
    case OPTION_NUMBER:
        done = set_number(options, r, value, why);
        break;
    case OPTION_DURATION:
        done = set_duration(options, r, value, why);
        break;
    }
    if (done)
        options->origin[row] = (unsigned char)origin;
    return done;
}
