/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/package_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "at/family.h"
#include "base/err.h"
#include "server/fleet/token.h"

struct protocol {
    unsigned bit;
    const char *word;
};

/* The best one first. */
static const struct protocol protocols[] = {{PLAN_HTTPS, "https"},
                                            {PLAN_COAPS, "coaps"},
                                            {PLAN_HTTP, "http"},
                                            {PLAN_COAP, "coap"}};

enum { PROTOCOLS = 4 };

static const char *address_of(const struct node *node, unsigned bit)
{
    switch (bit) {
    case PLAN_HTTPS:
        return node->public_https;
    case PLAN_COAPS:
        return node->public_coaps;
    case PLAN_HTTP:
        return node->public_http;
    default:
        return node->public_coap;
    }
}

void package_url_name(const char *model, const char *version,
                      char out[PACKAGE_NAME_ROOM])
{
    size_t len = (size_t)snprintf(out, 44, "%.24s-%.16s", model, version);

    for (char *c = out; *c; c++) {
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789-_.",
                    *c))
            *c = '_';
    }
    if (out[0] == '.')
        out[0] = '_';
    snprintf(out + len, 5, ".pkg");
}

unsigned package_url_protocols(const struct node *node, unsigned mask)
{
    unsigned found = 0;

    for (int i = 0; i < PROTOCOLS; i++)
        if ((mask & protocols[i].bit) && address_of(node, protocols[i].bit)[0])
            found |= protocols[i].bit;
    return found;
}

int package_url_make(const struct node *node, unsigned may, const char *sha256,
                     int64_t until, const char *name,
                     char out[PACKAGE_URL_ROOM])
{
    char path[160];
    int err;

    may = package_url_protocols(node, may);
    if (!may)
        return DFOTA_E_NOTFOUND;
    err = token_sign_path(node, sha256, until, name, path, sizeof path);
    for (int i = 0; !err && i < PROTOCOLS; i++) {
        if (!(may & protocols[i].bit))
            continue;
        snprintf(out, PACKAGE_URL_ROOM, "%s%s",
                 address_of(node, protocols[i].bit), path);
        break;
    }
    return err;
}

/* ---- before a plan runs -------------------------------------------------- */

/* The dialect that a device class is named after; NULL: another. */
static const struct dfota_family *family_of(const char *class_name)
{
    return dfota_family_named(dfota_families, dfota_families_count, class_name);
}

unsigned package_url_loadable(const char *class_name, unsigned mask)
{
    const struct dfota_family *family = family_of(class_name);
    char url[16];
    unsigned found = 0;

    if (!family || !family->schemes)
        return mask;
    for (int i = 0; i < PROTOCOLS; i++) {
        snprintf(url, sizeof url, "%s://x", protocols[i].word);
        if (dfota_family_check_url(family, url) == DFOTA_MEANING_NONE)
            found |= protocols[i].bit;
    }
    return mask & found;
}

/* Where nobody but this machine comes. */
bool package_url_leads_nowhere(const char *address)
{
    static const char *const hosts[] = {"127.",    "localhost", "[::1]",
                                        "0.0.0.0", "[::]",      "*"};
    const char *host = strstr(address, "://");

    for (int i = 0; host && i < 6; i++)
        if (strncasecmp(host + 3, hosts[i], strlen(hosts[i])) == 0)
            return true;
    return false;
}

/* Any package: their URLs are of one length. */
static size_t url_len(const struct node *node, unsigned bit,
                      const struct package_kind *kind)
{
    static const char any[] = "00000000000000000000000000000000"
                              "00000000000000000000000000000000";
    char url[PACKAGE_URL_ROOM], name[PACKAGE_NAME_ROOM];
    int64_t now = clock_wall(node->clock);

    package_url_name(kind->model, kind->version, name);
    return package_url_make(node, bit, any, now, name, url) == 0 ? strlen(url)
                                                                 : 0;
}

static bool check_one(const struct node *node, const struct protocol *protocol,
                      const struct package_kind *kind, char *why, size_t room)
{
    const struct dfota_family *family = family_of(kind->class_name);
    unsigned max = family && family->schemes ? family->url_max : 255;
    const char *address = address_of(node, protocol->bit);
    size_t len = url_len(node, protocol->bit, kind);

    if (!node->loopback && package_url_leads_nowhere(address))
        snprintf(why, room,
                 "%s is reached from this machine alone: --public-%s, or "
                 "--public-loopback where that is meant",
                 address, protocol->word);
    else if (len > max)
        snprintf(why, room,
                 "the URL over %s would have %zu bytes and its modules take "
                 "%u: a shorter --public-%s",
                 protocol->word, len, max, protocol->word);
    else
        return true;
    return false;
}

static void tell_none(const struct package_kind *kind, unsigned wanted,
                      char *why, size_t room)
{
    char words[64];

    plan_transport_text(wanted, words, sizeof words);
    if (package_url_loadable(kind->class_name, wanted))
        snprintf(why, room,
                 "the server has no public address for the plan's transport "
                 "(%s): --public-http and so on",
                 words + 1);
    else
        snprintf(why, room, "modules of class %s cannot load over%s",
                 kind->class_name, words);
}

/* Who pulls over LwM2M, and a host, take what there is. */
bool package_url_check(const struct node *node, const struct package_kind *kind,
                       unsigned transport, char *why, size_t room)
{
    unsigned polled = transport & PLAN_POLLED, wanted = polled, found;

    if (transport & (PLAN_PULL | PLAN_HOST))
        wanted = PLAN_POLLED;
    if (transport == PLAN_PUSH)
        return true;
    found = package_url_protocols(
        node, package_url_loadable(kind->class_name, wanted));
    if (!found && !(transport & PLAN_PUSH)) {
        tell_none(kind, wanted, why, room);
        return false;
    }
    for (int i = 0; i < PROTOCOLS; i++)
        if ((found & protocols[i].bit) &&
            !check_one(node, &protocols[i], kind, why, room))
            return false;
    return true;
}
