/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The depot's workers (depot.c) and what they do (depot_build.c).
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DEPOT_DEPOT_PRIV_H
#define DFOTA_SERVER_DEPOT_DEPOT_PRIV_H

#include <pthread.h>

#include "delta/build.h"
#include "port/psa/psa_crypto_port.h"
#include "server/depot/depot.h"

enum { DEPOT_WORKERS_MAX = 8 };

struct depot {
    struct depot_config config;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_mutex_t crypto; /* the key slots of the PSA library */
    pthread_t threads[DEPOT_WORKERS_MAX];
    unsigned n_threads;
    bool stopping, awake, has_signer;
    struct psa_signer signer;
};

/* The two images of a package and what is said about them. */
struct depot_images {
    int64_t id, tenant;
    int64_t counter;
    char state[16], sha256[VAULT_HEX_ROOM]; /* of the package */
    char class_name[72], from[72], to[72];
    uint8_t *source, *target; /* source: NULL for a full image */
    size_t source_len, target_len;
};

/** depot_unload() in any case. errors: E_NOTFOUND, those of the vault */
int depot_load(struct depot *depot, int64_t id, struct depot_images *out);
void depot_unload(struct depot_images *images);

/** errors: those of build_package() */
int depot_build(struct depot *depot, const struct depot_images *images,
                struct build_result *out);

#endif
