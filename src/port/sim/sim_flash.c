/* SPDX-License-Identifier: Apache-2.0 */
#include "port/sim/sim_flash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "port/sim/sim_parts.h"

/* File: this header, cells, unit states, wear. */
struct header {
    char magic[8];
    uint32_t size;
    uint32_t erase_size;
    uint32_t prog_size;
    uint32_t erased_byte;
    uint32_t weak_count;
    uint32_t reserved;
};

static const char MAGIC[8] = "dfotaNOR";

uint64_t sim_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void sim_power_init(struct sim_power *p, uint64_t seed)
{
    memset(p, 0, sizeof(*p));
    p->seed = seed;
}

void sim_power_on(struct sim_power *p)
{
    static const struct sim_cut no_cut;
    static const struct sim_fault no_fault;

    p->ops = 0;
    p->reads = 0;
    p->boots++;
    p->off = false;
    p->cut = no_cut;
    p->fault = no_fault;
}

void sim_set_state(struct sim_flash *f, uint32_t unit, uint8_t state)
{
    if (f->states[unit] >= SIM_UNIT_TORN_BOOT)
        --*f->weak_count;
    f->states[unit] = state;
    if (state >= SIM_UNIT_TORN_BOOT)
        ++*f->weak_count;
}

static void violate(struct sim_flash *f, const char *what)
{
    if (f->power->violations++ == 0)
        f->power->violation = what;
}

static void call_hook(struct sim_flash *f, enum sim_op op, uint32_t off,
                      uint32_t len)
{
    if (f->power->hook)
        f->power->hook(f->power->ctx, f, op, off, len);
}

static bool is_now(const struct sim_fault *x, uint64_t n)
{
    return x->at != 0 && n >= x->at && n < x->at + (x->count ? x->count : 1);
}

static bool read_fails(struct sim_power *p)
{
    p->reads++;
    return p->fault.lie == SIM_LIE_READ && is_now(&p->fault, p->reads);
}

static int sim_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct sim_flash *f = ctx;
    uint32_t prog = f->flash.prog_size;

    call_hook(f, SIM_OP_READ, off, len);
    if (f->power->off)
        return DFOTA_E_FLASH;
    if (read_fails(f->power))
        return DFOTA_E_FLASH;
    if (off > f->flash.size || len > f->flash.size - off) {
        violate(f, "read past the end");
        return DFOTA_E_FLASH;
    }
    if (len && *f->weak_count) {
        for (uint32_t u = off / prog; u <= (off + len - 1) / prog; u++) {
            if (f->states[u] == SIM_UNIT_TORN_ERROR)
                return DFOTA_E_FLASH;
            if (f->states[u] == SIM_UNIT_TORN_READ)
                sim_roll(f, u, sim_settle(f));
        }
    }
    memcpy(buf, f->cells + off, len);
    return 0;
}

static void cut_now(struct sim_flash *f)
{
    f->power->off = true;
    if (f->power->on_cut)
        f->power->on_cut(f->power->ctx);
}

static enum sim_lie lie_now(const struct sim_power *p)
{
    return p->fault.lie != SIM_LIE_READ && is_now(&p->fault, p->ops)
               ? p->fault.lie
               : SIM_LIE_NONE;
}

static void do_prog(struct sim_flash *f, uint32_t off, const uint8_t *data,
                    uint32_t len)
{
    uint32_t prog = f->flash.prog_size;

    memcpy(f->cells + off, data, len);
    for (uint32_t k = 0; k < len; k += prog)
        sim_set_state(f, (off + k) / prog, SIM_UNIT_PROGRAMMED);
}

static void do_erase(struct sim_flash *f, uint32_t off)
{
    uint32_t units = f->flash.erase_size / f->flash.prog_size;

    memset(f->cells + off, f->flash.erased_byte, f->flash.erase_size);
    for (uint32_t k = 0; k < units; k++)
        sim_set_state(f, off / f->flash.prog_size + k, SIM_UNIT_ERASED);
}

/* The operation, whole, torn, or not at all, as planned. */
static int operate(struct sim_flash *f, uint32_t off, const uint8_t *data,
                   uint32_t len)
{
    struct sim_power *p = f->power;
    bool cut = p->cut.at && p->ops + 1 == p->cut.at;
    enum sim_lie lie;

    p->ops++;
    p->total++;
    lie = lie_now(p);
    if (!data)
        f->wear[off / f->flash.erase_size]++;
    if (cut && p->cut.when == SIM_CUT_TORN)
        sim_tear(f, &p->cut, off, data, len);
    else if (lie == SIM_LIE_NONE || lie == SIM_LIE_LATE)
        if (!cut || p->cut.when == SIM_CUT_AFTER) {
            if (data)
                do_prog(f, off, data, len);
            else
                do_erase(f, off);
        }
    if (cut)
        cut_now(f);
    return cut || lie == SIM_LIE_ERROR || lie == SIM_LIE_LATE ? DFOTA_E_FLASH
                                                              : 0;
}

static int sim_prog(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    struct sim_flash *f = ctx;
    uint32_t prog = f->flash.prog_size;

    call_hook(f, SIM_OP_PROG, off, len);
    if (f->power->off)
        return DFOTA_E_FLASH;
    if (off > f->flash.size || len > f->flash.size - off || len == 0 ||
        off % prog || len % prog) {
        violate(f, "program of a range that is not whole units");
        return DFOTA_E_FLASH;
    }
    for (uint32_t k = 0; k < len; k += prog) {
        if (f->states[(off + k) / prog] == SIM_UNIT_PROGRAMMED)
            violate(f, "program of a unit that was programmed");
        else if (f->states[(off + k) / prog] != SIM_UNIT_ERASED)
            violate(f, "program of a unit that was torn");
    }
    return operate(f, off, buf, len);
}

static int sim_erase(void *ctx, uint32_t off)
{
    struct sim_flash *f = ctx;

    call_hook(f, SIM_OP_ERASE, off, f->flash.erase_size);
    if (f->power->off)
        return DFOTA_E_FLASH;
    if (off >= f->flash.size || off % f->flash.erase_size) {
        violate(f, "erase of a range that is not a sector");
        return DFOTA_E_FLASH;
    }
    return operate(f, off, NULL, f->flash.erase_size);
}

static int sim_sync(void *ctx)
{
    const struct sim_flash *f = ctx;

    return f->power->off ? DFOTA_E_FLASH : 0;
}

static bool geometry_valid(const struct sim_geometry *g)
{
    return g->erase_size >= 512 && !(g->erase_size & (g->erase_size - 1)) &&
           g->prog_size >= 1 && g->prog_size <= 256 &&
           !(g->prog_size & (g->prog_size - 1)) && g->size > 0 &&
           g->size % g->erase_size == 0 && g->size <= 0x40000000;
}

static size_t file_len(const struct sim_geometry *g)
{
    return sizeof(struct header) + g->size / g->erase_size * sizeof(uint32_t) +
           g->size + g->size / g->prog_size;
}

/* The header of a process that was killed before it had written it. */
static bool is_unwritten(const struct header *h)
{
    return memcmp(h->magic, "\0\0\0\0\0\0\0\0", sizeof(h->magic)) == 0;
}

static int judge(const struct sim_geometry *g, const struct header *h,
                 size_t len)
{
    struct sim_geometry its = {h->size, h->erase_size, (uint16_t)h->prog_size,
                               (uint8_t)h->erased_byte};

    if (is_unwritten(h))
        return len == file_len(g) ? 0 : DFOTA_E_CORRUPT;
    if (memcmp(h->magic, MAGIC, sizeof(MAGIC)) != 0 || h->prog_size > 256 ||
        h->erased_byte > 255 || !geometry_valid(&its) || len != file_len(&its))
        return DFOTA_E_CORRUPT;
    return its.size == g->size && its.erase_size == g->erase_size &&
                   its.prog_size == g->prog_size &&
                   its.erased_byte == g->erased_byte
               ? 0
               : DFOTA_E_ARG;
}

int sim_flash_check(const struct sim_geometry *g, const char *path)
{
    struct header h;
    struct stat st;
    int err = DFOTA_E_IO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return errno == ENOENT ? 0 : DFOTA_E_IO;
    if (fstat(fd, &st) == 0 && (got = pread(fd, &h, sizeof(h), 0)) >= 0) {
        if (st.st_size == 0)
            err = 0;
        else if (got < (ssize_t)sizeof(h))
            err = DFOTA_E_CORRUPT;
        else
            err = judge(g, &h, (size_t)st.st_size);
    }
    (void)close(fd);
    return err;
}

/* A store into a mapping that has no room on the disk is a SIGBUS, so the
 * room is taken while that is an error. */
static bool reserve(int fd, size_t len)
{
    int err = posix_fallocate(fd, 0, (off_t)len);

    if (err && ftruncate(fd, 0) != 0)
        return false;
    errno = err;
    return err == 0;
}

static int map_file(struct sim_flash *f, const char *path, bool *fresh)
{
    struct stat st;
    int err = DFOTA_E_IO;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0)
        return err;
    if (fstat(fd, &st) != 0)
        goto out;
    *fresh = st.st_size == 0;
    if (*fresh && !reserve(fd, f->memory_len))
        goto out;
    if (!*fresh && st.st_size != (off_t)f->memory_len) {
        err = DFOTA_E_ARG;
        goto out;
    }
    f->memory =
        mmap(NULL, f->memory_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    f->mapped = f->memory != MAP_FAILED;
    if (f->mapped)
        err = 0;
    else
        f->memory = NULL;
out:
    (void)close(fd);
    return err;
}

/* The header is zero or was judged. */
static void attach(struct sim_flash *f, const struct sim_geometry *g,
                   bool fresh)
{
    struct header *h = f->memory;
    uint32_t units = g->size / g->prog_size;

    f->weak_count = &h->weak_count;
    f->wear = (uint32_t *)(h + 1);
    f->cells = (uint8_t *)(f->wear + g->size / g->erase_size);
    f->states = f->cells + g->size;
    if (fresh || is_unwritten(h)) {
        memset(f->cells, g->erased_byte, g->size);
        memset(f->states, SIM_UNIT_ERASED, units);
        h->size = g->size;
        h->erase_size = g->erase_size;
        h->prog_size = g->prog_size;
        h->erased_byte = g->erased_byte;
        memcpy(h->magic, MAGIC, sizeof(MAGIC));
    }
}

/* A file does not say what its torn units were to be. */
static int remember_torn(struct sim_flash *f)
{
    f->before = calloc(2, f->flash.size);
    if (!f->before)
        return DFOTA_E_NOMEM;
    f->wanted = f->before + f->flash.size;
    if (*f->weak_count) {
        memcpy(f->before, f->cells, f->flash.size);
        memcpy(f->wanted, f->cells, f->flash.size);
    }
    return 0;
}

int sim_flash_create(struct sim_flash *f, const char *name, struct sim_power *p,
                     const struct sim_geometry *g, const char *path)
{
    bool fresh = true;
    int err = 0;

    memset(f, 0, sizeof(*f));
    if (!geometry_valid(g))
        return DFOTA_E_ARG;
    f->name = name;
    f->power = p;
    f->flash = (struct dfota_flash){
        sim_read, sim_prog,      sim_erase,    sim_sync,      f,
        g->size,  g->erase_size, g->prog_size, g->erased_byte};
    f->memory_len = file_len(g);
    if (path)
        err = sim_flash_check(g, path);
    if (!err && path)
        err = map_file(f, path, &fresh);
    if (!path && !(f->memory = calloc(1, f->memory_len)))
        err = DFOTA_E_NOMEM;
    if (!err) {
        attach(f, g, fresh);
        err = remember_torn(f);
    }
    if (err)
        sim_flash_destroy(f);
    return err;
}

void sim_flash_destroy(struct sim_flash *f)
{
    int saved = errno;

    if (f->mapped)
        (void)munmap(f->memory, f->memory_len);
    else
        free(f->memory);
    free(f->before);
    f->before = NULL;
    f->memory = NULL;
    f->mapped = false;
    errno = saved;
}

/* The cells of a sector settle together as often as one by one. */
void sim_flash_reboot(struct sim_flash *f)
{
    uint32_t units = f->flash.size / f->flash.prog_size;
    enum sim_settle how = SIM_SETTLE_SAME;
    bool together = false;

    if (*f->weak_count == 0)
        return;
    for (uint32_t u = 0; u < units; u++) {
        if (u % (f->flash.erase_size / f->flash.prog_size) == 0) {
            together = sim_random(&f->power->seed) & 1;
            how = sim_settle(f);
        }
        if (f->states[u] == SIM_UNIT_TORN_BOOT)
            sim_roll(f, u, together ? how : sim_settle(f));
        if (f->states[u] == SIM_UNIT_TORN_SWING)
            sim_swing(f, u);
    }
}

int sim_flash_load(struct sim_flash *f, uint32_t off, const void *data,
                   size_t len)
{
    uint32_t prog = f->flash.prog_size;
    size_t end = off + len;

    if (off % f->flash.erase_size || end > f->flash.size)
        return DFOTA_E_ARG;
    for (uint32_t at = off; at < end; at += f->flash.erase_size)
        do_erase(f, at);
    memcpy(f->cells + off, data, len);
    for (size_t at = off; at < end; at += prog)
        sim_set_state(f, (uint32_t)(at / prog), SIM_UNIT_PROGRAMMED);
    return 0;
}

void sim_flash_copy(struct sim_flash *dst, const struct sim_flash *src)
{
    memcpy(dst->memory, src->memory, src->memory_len);
    if (*src->weak_count)
        memcpy(dst->before, src->before, (size_t)2 * src->flash.size);
}

void sim_flash_rot(struct sim_flash *f, uint32_t off, unsigned bit)
{
    f->cells[off] ^= (uint8_t)(1u << (bit & 7));
}

uint64_t sim_flash_erases(const struct sim_flash *f, uint32_t *worst)
{
    uint64_t sum = 0;

    *worst = 0;
    for (uint32_t s = 0; s < f->flash.size / f->flash.erase_size; s++) {
        sum += f->wear[s];
        if (f->wear[s] > *worst)
            *worst = f->wear[s];
    }
    return sum;
}
