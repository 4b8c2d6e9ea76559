/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "delta/apply.h"
#include "delta/classes.h"
#include "delta/map_svg.h"
#include "server/depot/depot_priv.h"

enum { ARENA_KIB = 16, SECTOR = 4096 };

struct facts {
    char source[VAULT_HEX_ROOM], target[VAULT_HEX_ROOM];
};

static void copy(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text ? text : "");
}

static int read_facts(struct sql *sql, int64_t id, struct depot_images *out,
                      struct facts *facts)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        "SELECT k.tenant, k.state, k.sha256, t.counter, t.class, t.version, "
        "t.sha256, s.version, s.sha256 FROM package k JOIN firmware t ON "
        "t.id = k.target LEFT JOIN firmware s ON s.id = k.source "
        "WHERE k.id = $1",
        SQL_ARGS(SQL_INT(id)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        out->id = id;
        out->tenant = sql_int(&rows, 0);
        out->counter = sql_int(&rows, 3);
        copy(out->state, sizeof out->state, sql_text(&rows, 1));
        copy(out->sha256, sizeof out->sha256, sql_text(&rows, 2));
        copy(out->class_name, sizeof out->class_name, sql_text(&rows, 4));
        copy(out->to, sizeof out->to, sql_text(&rows, 5));
        copy(facts->target, sizeof facts->target, sql_text(&rows, 6));
        copy(out->from, sizeof out->from, sql_text(&rows, 7));
        copy(facts->source, sizeof facts->source, sql_text(&rows, 8));
    }
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}

static int load_images(struct depot *depot, const struct facts *facts,
                       struct depot_images *out)
{
    int err = vault_get(depot->config.vault, facts->target, &out->target,
                        &out->target_len);

    if (!err && facts->source[0])
        err = vault_get(depot->config.vault, facts->source, &out->source,
                        &out->source_len);
    return err;
}

int depot_load(struct depot *depot, int64_t id, struct depot_images *out)
{
    struct store *store = depot->config.node->store;
    struct facts facts;
    struct sql *sql;
    int err = store_read_begin(store, &sql);

    *out = (struct depot_images){0};
    if (err)
        return err;
    err = read_facts(sql, id, out, &facts);
    store_read_end(store, sql);
    return err ? err : load_images(depot, &facts, out);
}

void depot_unload(struct depot_images *images)
{
    free(images->source);
    free(images->target);
    *images = (struct depot_images){0};
}

static int sign(void *ctx, const uint8_t digest[DFOTA_HASH_LEN],
                uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    struct depot *depot = ctx;
    int err;

    pthread_mutex_lock(&depot->crypto);
    err = signer_sign(depot->signer, digest, signature);
    pthread_mutex_unlock(&depot->crypto);
    return err;
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static int build(struct depot *depot, const struct depot_images *images,
                 bool full, struct build_result *out)
{
    const struct classes_geometry *g =
        classes_geometry_of(or_null(images->class_name));
    const struct build_options options = {.arch = BUILD_ARCH_AUTO,
                                          .arena_kib = ARENA_KIB,
                                          .sector = g ? g->sector : SECTOR,
                                          .slot = g ? g->slot : 0,
                                          .backup = g ? g->backup : 0,
                                          .class_name =
                                              or_null(images->class_name),
                                          .from_version = or_null(images->from),
                                          .to_version = images->to,
                                          .counter = (uint32_t)images->counter,
                                          .full = full};
    const struct build_signer signer = {sign, depot};
    const uint8_t *old = full ? images->target : images->source;
    size_t old_len = full ? images->target_len : images->source_len;
    struct dfota_crypto crypto;
    struct psa_trust trust;
    int err;

    psa_trust_init(&trust);
    psa_trust_crypto(&trust, &crypto);
    err = build_package(&options, old, old_len, images->target,
                        images->target_len, &crypto,
                        depot->signer ? &signer : NULL, out);
    psa_trust_release(&trust);
    return err;
}

/* Images with nothing in common: what does not need the old one is better
 * then, as it fits every module. A delta that saves less than 3 % counts as
 * none (its map of nothing is some bytes shorter); one below half of the image
 * is not compared: the full one is not that small. */
int depot_build(struct depot *depot, const struct depot_images *images,
                struct build_result *out, bool *full)
{
    struct build_result whole = {0};
    int err;

    *full = !images->source;
    err = build(depot, images, *full, out);
    if (err || *full || out->len < images->target_len / 2)
        return err;
    err = build(depot, images, true, &whole);
    if (!err && whole.len * 97 <= out->len * 100) {
        free(out->bytes);
        *out = whole;
        *full = true;
    } else {
        free(whole.bytes);
    }
    return 0;
}

/* ---- signatures from elsewhere ---- */

static int built_package(struct depot *depot, struct sql *sql, int64_t tenant,
                         int64_t id, struct depot_images *images,
                         struct facts *facts, uint8_t **bytes, size_t *len)
{
    int err;

    *images = (struct depot_images){0};
    err = read_facts(sql, id, images, facts);
    if (!err && (images->tenant != tenant || !images->sha256[0] ||
                 (strcmp(images->state, "unsigned") != 0 &&
                  strcmp(images->state, "ready") != 0)))
        err = DFOTA_E_NOTFOUND;
    return err ? err
               : vault_get(depot->config.vault, images->sha256, bytes, len);
}

int depot_head(struct depot *depot, struct sql *sql, int64_t tenant, int64_t id,
               uint8_t **bytes, size_t *len)
{
    struct depot_images images;
    struct dfota_package p;
    struct dfota_reader in;
    struct facts facts;
    int err =
        built_package(depot, sql, tenant, id, &images, &facts, bytes, len);

    if (err)
        return err;
    in = apply_reader(*bytes, *len);
    err = dfota_package_open(&p, &in);
    if (err) {
        free(*bytes);
        *bytes = NULL;
    } else {
        *len = p.signature_off;
    }
    return err;
}

/* The library reads keys from files, so a key becomes a file in memory. */
static int trust_pem(struct psa_trust *trust, uint8_t key_id, const char *pem)
{
    int fd = memfd_create("key", MFD_CLOEXEC);
    char path[32];
    int err = DFOTA_E_IO;

    if (fd < 0)
        return DFOTA_E_NOMEM;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, pem, strlen(pem)) == (ssize_t)strlen(pem))
        err = psa_trust_load(trust, key_id, path);
    close(fd);
    return err;
}

bool depot_is_public_key(const char *pem)
{
    struct psa_trust trust;
    int err = psa_port_init();

    psa_trust_init(&trust);
    if (!err)
        err = trust_pem(&trust, 0, pem);
    psa_trust_release(&trust);
    return !err;
}

static int trust_class(struct sql *sql, const struct depot_images *images,
                       struct psa_trust *trust)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        "SELECT pem FROM device_class WHERE tenant = $1 AND "
        "name = $2",
        SQL_ARGS(SQL_INT(images->tenant),
                 SQL_TEXT(images->class_name[0] ? images->class_name : "any")));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE)
        err = trust_pem(trust, 0, sql_text(&rows, 0));
    else if (!err)
        err = DFOTA_E_KEY;
    sql_done(&rows);
    return err;
}

/* Signature, then the whole package as a device would decode it. */
static int check(const struct depot_images *images, const uint8_t *bytes,
                 size_t len, const struct dfota_crypto *crypto)
{
    struct dfota_reader in = apply_reader(bytes, len);
    struct dfota_package p;
    uint8_t *image = NULL;
    int err = dfota_package_open(&p, &in);

    if (!err)
        err = dfota_package_verify(&p, &in, crypto);
    if (!err)
        err = apply_package(
            bytes, len, images->source ? images->source : images->target,
            images->source ? images->source_len : images->target_len, crypto,
            &p, &image);
    if (!err && (p.m.target_len != images->target_len ||
                 memcmp(image, images->target, images->target_len) != 0))
        err = DFOTA_E_TARGET;
    free(image);
    return err;
}

static int put_signature(uint8_t *bytes, size_t len, const uint8_t *signature)
{
    struct dfota_reader in = apply_reader(bytes, len);
    struct dfota_package p;
    int err = dfota_package_open(&p, &in);

    if (!err)
        memcpy(bytes + p.signature_off, signature, DFOTA_SIGNATURE_LEN);
    return err;
}

static int check_trusted(struct depot *depot, struct sql *sql,
                         const struct depot_images *images,
                         const uint8_t *bytes, size_t len)
{
    struct dfota_crypto crypto;
    struct psa_trust trust;
    int err;

    pthread_mutex_lock(&depot->crypto);
    psa_trust_init(&trust);
    err = trust_class(sql, images, &trust);
    if (!err) {
        psa_trust_crypto(&trust, &crypto);
        err = check(images, bytes, len, &crypto);
    }
    psa_trust_release(&trust);
    pthread_mutex_unlock(&depot->crypto);
    return err;
}

/* The picture of a package: which old bytes go where, and what is new. */
int depot_map(struct depot *depot, struct sql *sql, int64_t tenant, int64_t id,
              char **svg, size_t *len)
{
    struct depot_images images;
    struct package_map map = {0};
    uint8_t *bytes = NULL;
    struct facts facts;
    size_t n = 0;
    FILE *f;
    int err =
        built_package(depot, sql, tenant, id, &images, &facts, &bytes, &n);

    if (!err)
        err = package_map_read(&map, bytes, n);
    if (!err) {
        f = open_memstream(svg, len);
        err = f ? 0 : DFOTA_E_NOMEM;
        if (f) {
            map_svg_draw(f, &map);
            err = fclose(f) == 0 ? 0 : DFOTA_E_NOMEM;
        }
    }
    package_map_release(&map);
    free(bytes);
    return err;
}

int depot_sign(struct depot *depot, struct sql *sql, int64_t tenant, int64_t id,
               const uint8_t *signature, char sha256[VAULT_HEX_ROOM],
               int64_t *size)
{
    struct depot_images images;
    uint8_t *bytes = NULL;
    struct facts facts;
    size_t len = 0;
    int err =
        built_package(depot, sql, tenant, id, &images, &facts, &bytes, &len);

    if (!err)
        err = load_images(depot, &facts, &images);
    if (!err)
        err = put_signature(bytes, len, signature);
    if (!err)
        err = check_trusted(depot, sql, &images, bytes, len);
    if (!err)
        err = vault_put(depot->config.vault, bytes, len, sha256);
    if (!err)
        err = vault_publish(depot->config.vault, sha256);
    *size = (int64_t)len;
    depot_unload(&images);
    free(bytes);
    return err;
}
