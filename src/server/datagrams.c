/* SPDX-License-Identifier: Apache-2.0 */
#include "server/datagrams.h"

#include <stdio.h>
#include <string.h>

#include "os/log.h"
#include "server/delivery/public.h"
#include "server/lwm2m/lwm2m_plans.h"

static int start_lwm2m(struct datagrams *d, const struct options *options,
                       struct node *node)
{
    struct lwm2m_service_config config = {.n_uris = options->n_lwm2m,
                                          .keys = options->lwm2m_keys,
                                          .ca = options->lwm2m_ca,
                                          .bootstrap = options->lwm2m_bootstrap,
                                          .node = node};
    int err;

    if (options->n_lwm2m == 0)
        return 0;
    memcpy(config.uris, options->lwm2m, sizeof config.uris);
    /* With certificates on their side there must be one on ours. */
    if (options->lwm2m_ca && options->n_certs > 0) {
        config.cert = options->pairs[0].cert;
        config.key = options->pairs[0].key;
    }
    err = lwm2m_service_start(&config, &d->lwm2m);
    for (unsigned i = 0; !err && lwm2m_service_name(d->lwm2m, i); i++)
        printf("dfotad: listening lwm2m %s\n", lwm2m_service_name(d->lwm2m, i));
    return err;
}

static int resolve(const void *ctx, const char *path, char *out, size_t room)
{
    return public_package_path(ctx, path, out, room);
}

/* As the other listeners are said: scheme, address. Where nothing else was
 * said, modules reach it there. */
static void say(struct datagrams *d, const struct options *options,
                struct node *node)
{
    const char *name;

    for (unsigned i = 0; (name = coap_packages_name(d->packages, i)); i++) {
        bool secure = strncmp(name, "coaps:", 6) == 0;
        const char *given =
            secure ? options->public_coaps : options->public_coap;

        printf("dfotad: listening %s %s\n", secure ? "coaps" : "coap",
               strstr(name, "://") + 3);
        if (node)
            snprintf(secure ? node->public_coaps : node->public_coap,
                     NODE_URL_ROOM, "%s", given ? given : name);
    }
}

static int start_packages(struct datagrams *d, const struct options *options,
                          const struct deliver *deliver, struct node *node,
                          bool own_cert)
{
    struct coap_packages_config config = {.coap = options->coap,
                                          .coaps = options->coaps,
                                          .keys = options->lwm2m_keys,
                                          .deliver = *deliver,
                                          .resolve = node ? resolve : NULL,
                                          .ctx = node};
    int err;

    if (!options->coap && !options->coaps)
        return 0;
    if (options->n_certs > 0 && !(own_cert && options->lwm2m_keys)) {
        config.ca = options->client_ca;
        config.cert = options->pairs[0].cert;
        config.key = options->pairs[0].key;
    }
    err = coap_packages_start(&config, &d->packages);
    if (!err)
        say(d, options, node);
    return err;
}

int datagrams_start(struct datagrams *d, const struct options *options,
                    const struct deliver *deliver, struct node *node,
                    bool own_cert)
{
    int err = start_lwm2m(d, options, node);

    if (!err)
        err = start_packages(d, options, deliver, node, own_cert);
    fflush(stdout);
    return err;
}

static int load_package(void *ctx, const char *sha256, uint8_t **data,
                        size_t *len)
{
    return vault_get(ctx, sha256, data, len);
}

int datagrams_lead(struct datagrams *d, const struct options *options,
                   struct node *node, struct vault *vault)
{
    const struct lwm2m_plans_config config = {
        .node = node,
        .load = load_package,
        .ctx = vault,
        .pushes = (unsigned)options->lwm2m_pushes};

    return d->lwm2m ? lwm2m_plans_start(d->lwm2m, &config) : 0;
}

void datagrams_reload(struct datagrams *d)
{
    if (d->lwm2m && lwm2m_service_reload(d->lwm2m) != 0)
        log_error("the keys of LwM2M stay as they were");
    if (!d->packages || !coap_packages_has_credentials(d->packages))
        return;
    if (coap_packages_reload(d->packages) == 0)
        log_info("keys and certificate of coaps read again");
    else
        log_error("keys and certificate of coaps stay as they were");
}

void datagrams_stop(struct datagrams *d)
{
    lwm2m_service_stop(d->lwm2m);
    coap_packages_stop(d->packages);
    *d = (struct datagrams){0};
}
