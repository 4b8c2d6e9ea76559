/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/chip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "modem/chip_areas.h"
#include "os/log.h"
#include "port/psa/psa_crypto_port.h"

/* Sectors looked at, or steps made, between two rests. */
enum { REST_EVERY = 64 };

struct chip_parts {
    struct chip_areas areas;
    struct psa_trust trust;
    struct dfota_crypto crypto;
    struct dfota_updater_config config;
    struct dfota_updater updater;
    uint32_t *arena;
};

static void on_progress(void *ctx, enum dfota_stage stage, uint32_t done,
                        uint32_t total)
{
    struct chip_progress *p = ctx;

    if (stage > DFOTA_STAGE_FINISHED)
        return;
    p->stage = stage;
    p->done[stage] = done;
    p->total[stage] = total;
}

static int init_updater(struct chip *c, const struct chip_config *config)
{
    struct chip_parts *p = c->parts;
    struct dfota_updater_config *u = &p->config;
    int err;

    *u = (struct dfota_updater_config){
        .slot = chip_area(&p->areas, AREA_SLOT),
        .backup = chip_area(&p->areas, AREA_BACKUP),
        .package = chip_area(&p->areas, AREA_PACKAGE),
        .journal = chip_area(&p->areas, AREA_JOURNAL),
        .crypto = &p->crypto,
        .arena_len = config->ram,
        .class_id = psa_string_id(config->class_name),
        .progress = on_progress,
        .progress_ctx = &c->progress,
    };
    p->arena = calloc(1, config->ram + 4);
    if (!p->arena)
        return DFOTA_E_NOMEM;
    u->arena = p->arena;
    err = psa_sha256(config->device_id, strlen(config->device_id), u->id_hash);
    if (!err)
        dfota_updater_init(&p->updater, u);
    return err;
}

static int load_key(struct chip_parts *p, uint8_t key_id, const char *path)
{
    int err = path ? psa_trust_load(&p->trust, key_id, path) : 0;

    if (err)
        log_error("%s: %s", path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
    return err;
}

static int open_trust(struct chip_parts *p, const struct chip_config *config)
{
    int err = psa_port_init();

    psa_trust_init(&p->trust);
    if (err)
        log_error("crypto: %s", dfota_strerror(err));
    if (!err)
        err = load_key(p, 0, config->cert);
    if (!err)
        err = load_key(p, DFOTA_KEY_PERMIT, config->permit_cert);
    if (err)
        return err;
    if (!config->cert)
        log_warn("no --cert: signatures of packages are not checked");
    psa_trust_crypto(&p->trust, &p->crypto);
    return 0;
}

int chip_open(struct chip *c, const struct chip_config *config)
{
    int err;

    c->parts = calloc(1, sizeof *c->parts);
    if (!c->parts)
        return DFOTA_E_NOMEM;
    err = chip_areas_open(&c->parts->areas, config->folder, config->memory,
                          config->renew, config->seed);
    if (!err)
        err = open_trust(c->parts, config);
    if (err)
        return err;
    err = init_updater(c, config);
    if (err)
        log_error("%s: the updater does not take this geometry: %s",
                  config->folder, dfota_strerror(err));
    return err;
}

void chip_close(struct chip *c)
{
    if (!c->parts)
        return;
    chip_areas_close(&c->parts->areas);
    psa_trust_release(&c->parts->trust);
    free(c->parts->arena);
    free(c->parts);
    c->parts = NULL;
}

bool chip_is_empty(struct chip *c)
{
    return chip_is_blank(chip_area(&c->parts->areas, AREA_SLOT), 0);
}

static int erase_all(const struct dfota_flash *f)
{
    int err = 0;

    for (uint32_t off = 0; !err && off < f->size; off += f->erase_size) {
        if (!chip_is_blank(f, off))
            err = f->erase(f->ctx, off);
    }
    return err;
}

/* The last program unit is filled up with erased bytes. */
static int program(const struct dfota_flash *f, uint32_t off,
                   const uint8_t *data, uint32_t len)
{
    uint32_t whole = len / f->prog_size * f->prog_size;
    uint8_t unit[256];
    int err = 0;

    if (whole > 0)
        err = f->prog(f->ctx, off, data, whole);
    if (err || whole == len)
        return err;
    memset(unit, f->erased_byte, sizeof unit);
    memcpy(unit, data + whole, len - whole);
    return f->prog(f->ctx, off + whole, unit, f->prog_size);
}

int chip_install(struct chip *c, const uint8_t *image, uint32_t len)
{
    struct chip_areas *a = &c->parts->areas;
    const struct dfota_flash *slot = chip_area(a, AREA_SLOT);
    int err = len > slot->size ? DFOTA_E_SLOT : 0;

    for (int i = 0; !err && i < AREA_COUNT; i++)
        err = erase_all(chip_area(a, (enum chip_area_name)i));
    return err ? err : sim_flash_load(&a->flash[AREA_SLOT], 0, image, len);
}

int chip_boot(struct chip *c, enum dfota_action *action, bool *resumed)
{
    struct chip_parts *p = c->parts;

    /* Nothing of the updater's memory outlives a reset. */
    memset(&c->progress, 0, sizeof c->progress);
    memset(&p->updater, 0, sizeof p->updater);
    for (int i = 0; i < AREA_COUNT; i++)
        sim_flash_reboot(&p->areas.flash[i]);
    chip_areas_rest(&p->areas);
    dfota_updater_init(&p->updater, &p->config);
    return dfota_updater_boot(&p->updater, action, resumed);
}

int chip_check(struct chip *c, uint32_t len)
{
    struct dfota_reader in = c->parts->updater.io.package;
    struct dfota_package p;
    int err;

    /* An area has more room than a package; what came has an end. */
    in.size = len < in.size ? len : in.size;
    err = dfota_package_open(&p, &in);
    if (!err && p.body_off + p.m.body_len != len)
        err = DFOTA_E_CORRUPT;
    return err ? err : dfota_updater_check(&c->parts->updater);
}

int chip_start(struct chip *c)
{
    return dfota_updater_start(&c->parts->updater);
}

int chip_poll(struct chip *c)
{
    if (++c->polls % REST_EVERY == 0)
        chip_areas_rest(&c->parts->areas);
    return dfota_updater_poll(&c->parts->updater);
}

int chip_confirm(struct chip *c)
{
    return dfota_updater_confirm(&c->parts->updater);
}

bool chip_finished(struct chip *c, uint32_t *len)
{
    const struct dfota_journal *j = &c->parts->updater.journal;

    if (j->state.type != DFOTA_RECORD_FINISHED)
        return false;
    *len = j->head.package.m.target_len;
    return true;
}

static unsigned permille(const struct chip_progress *p, enum dfota_stage s)
{
    if (p->total[s] == 0)
        return 0;
    return (unsigned)((uint64_t)p->done[s] * 1000 / p->total[s]);
}

unsigned chip_restore_permille(const struct chip *c)
{
    return permille(&c->progress, DFOTA_STAGE_COPY);
}

/* The dry run is the first fifth, when there is one; decoding and copying
 * share the rest. After a resume the count starts from the work left. */
unsigned chip_permille(struct chip *c, bool in_updating)
{
    struct chip_progress *p = &c->progress;
    unsigned work = permille(p, DFOTA_STAGE_DECODE);
    unsigned dry = permille(p, DFOTA_STAGE_PREPARE);
    unsigned all;

    if (in_updating)
        work = (work + permille(p, DFOTA_STAGE_COPY)) / 2;
    if (p->stage == DFOTA_STAGE_PREPARE)
        p->prepares = true;
    all = p->prepares ? dry / 5 + work * 4 / 5 : work;
    if (!p->based && p->stage != DFOTA_STAGE_IDLE) {
        p->base = all;
        p->based = true;
    }
    if (p->base >= 1000 || all <= p->base)
        return 0;
    return (all - p->base) * 1000 / (1000 - p->base);
}

int chip_package_begin(struct chip *c)
{
    const struct dfota_flash *f = chip_area(&c->parts->areas, AREA_PACKAGE);

    c->package_at = c->tail_len = 0;
    return f->erase(f->ctx, 0);
}

/* Sectors are erased when the first byte of them comes; the first one was
 * erased by begin(). */
static int put_unit(struct chip *c, const struct dfota_flash *f,
                    const uint8_t *data, uint32_t len)
{
    int err = 0;

    if (c->package_at > 0 && c->package_at % f->erase_size == 0)
        err = f->erase(f->ctx, c->package_at);
    if (!err)
        err = program(f, c->package_at, data, len);
    c->package_at += len;
    return err;
}

int chip_package_write(struct chip *c, const void *data, size_t len)
{
    const struct dfota_flash *f = chip_area(&c->parts->areas, AREA_PACKAGE);
    const uint8_t *in = data;
    int err = 0;

    if (len > f->size - c->package_at - c->tail_len)
        return DFOTA_E_FULL;
    while (!err && len > 0) {
        uint32_t take = CHIP_UNIT - c->tail_len;

        if (take > len)
            take = (uint32_t)len;
        memcpy(c->tail + c->tail_len, in, take);
        c->tail_len += take;
        in += take;
        len -= take;
        if (c->tail_len == CHIP_UNIT) {
            err = put_unit(c, f, c->tail, CHIP_UNIT);
            c->tail_len = 0;
        }
    }
    return err;
}

int chip_package_end(struct chip *c)
{
    const struct dfota_flash *f = chip_area(&c->parts->areas, AREA_PACKAGE);
    uint32_t off;
    int err = 0;

    if (c->tail_len > 0)
        err = put_unit(c, f, c->tail, c->tail_len);
    c->tail_len = 0;
    off = (c->package_at + f->erase_size - 1) / f->erase_size * f->erase_size;
    if (off == 0)
        off = f->erase_size;
    for (; !err && off < f->size; off += f->erase_size) {
        if (!chip_is_blank(f, off))
            err = f->erase(f->ctx, off);
        if (off / f->erase_size % REST_EVERY == 0)
            chip_areas_rest(&c->parts->areas);
    }
    return err ? err : f->sync(f->ctx);
}

int chip_package_resume(struct chip *c, uint32_t off)
{
    const struct dfota_flash *f = chip_area(&c->parts->areas, AREA_PACKAGE);

    if (off == 0 || off % f->erase_size != 0 || off >= f->size)
        return DFOTA_E_ARG;
    c->package_at = off;
    c->tail_len = 0;
    return 0;
}

uint32_t chip_package_kept(const struct chip *c)
{
    const struct dfota_flash *f = chip_area(&c->parts->areas, AREA_PACKAGE);

    return c->package_at / f->erase_size * f->erase_size;
}

int chip_package_read(const struct chip *c, uint32_t off, void *buf,
                      uint32_t len)
{
    const struct dfota_flash *f = chip_area(&c->parts->areas, AREA_PACKAGE);

    if (off > f->size || len > f->size - off)
        return DFOTA_E_ARG;
    return f->read(f->ctx, off, buf, len);
}

int chip_package_erase(struct chip *c)
{
    int err = chip_package_begin(c);

    return err ? err : chip_package_end(c);
}

/* The marker and what follows it, NUL-terminated and printable. */
static bool find_marker(const uint8_t *image, uint32_t len, char *out,
                        size_t room)
{
    static const char marker[] = "DFOTAVER";
    const size_t marker_len = sizeof marker - 1;
    const uint8_t *at = memmem(image, len, marker, marker_len);

    while (at) {
        const uint8_t *text = at + marker_len;
        size_t max = (size_t)(image + len - text), n = 0;

        while (n < max && n < room && text[n] > 0x20 && text[n] < 0x7F)
            n++;
        if (n > 0 && n < room && n < max && text[n] == '\0') {
            memcpy(out, text, n + 1);
            return true;
        }
        at = memmem(text, max, marker, marker_len);
    }
    return false;
}

int chip_version(struct chip *c, uint32_t len, char *out, size_t room)
{
    const struct dfota_flash *f = chip_area(&c->parts->areas, AREA_SLOT);
    uint8_t digest[DFOTA_HASH_LEN];
    bool known = len > 0 && len <= f->size;
    uint8_t *image;
    int err;

    if (!known)
        len = f->size;
    image = malloc(len);
    if (!image)
        return DFOTA_E_NOMEM;
    err = f->read(f->ctx, 0, image, len);
    while (!err && !known && len > 0 && image[len - 1] == f->erased_byte)
        len--;
    if (!err && !find_marker(image, len, out, room)) {
        err = psa_sha256(image, len, digest);
        if (!err)
            snprintf(out, room, "%02x%02x%02x%02x", digest[0], digest[1],
                     digest[2], digest[3]);
    }
    free(image);
    return err;
}

uint64_t chip_operations(const struct chip *c)
{
    return c->parts->areas.power.ops;
}

uint64_t chip_take_time_us(struct chip *c)
{
    uint64_t us = c->parts->areas.time_us;

    c->parts->areas.time_us = 0;
    return us;
}

int chip_cut_at(struct chip *c, const char *area, uint64_t n, enum chip_cut how)
{
    return chip_areas_cut_at(&c->parts->areas, area, n, how);
}
