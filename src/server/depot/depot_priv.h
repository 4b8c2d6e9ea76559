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
#include "port/pkcs11/signer.h"
#include "port/psa/psa_crypto_port.h"
#include "server/depot/depot.h"

enum { DEPOT_WORKERS_MAX = 8 };

struct depot {
    struct depot_config config;
    pthread_mutex_t lock; /* of what follows, to n_threads */
    pthread_cond_t wake;  /* work, or the end */
    pthread_cond_t room;  /* memory came back */
    pthread_cond_t end;   /* stopping */
    bool stopping, awake, places[DEPOT_WORKERS_MAX];
    size_t taken;                        /* bytes that builds may use now */
    int64_t building[DEPOT_WORKERS_MAX]; /* packages; 0: none */
    pthread_t threads[DEPOT_WORKERS_MAX], renewer;
    unsigned n_threads;
    bool has_renewer;
    pthread_mutex_t crypto; /* the key slots of PSA, and the signer */
    struct signer *signer;  /* NULL: packages are signed elsewhere */
};

/** The threads; ctx: struct depot. One renews the claims of the others. */
void *depot_work(void *ctx);
void *depot_renew(void *ctx);

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

/**
 * Build, signed if there is a signer. A delta that is no smaller than the full
 * image is one.
 *
 * full     out: it needs no old image
 * errors   those of build_package()
 */
int depot_build(struct depot *depot, const struct depot_images *images,
                struct build_result *out, bool *full);

#endif
