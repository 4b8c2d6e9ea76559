/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"

#define HEAD_LEN 16u
#define MAGIC 0x314B5653u /* "SVK1" */
#define RECORD_MAX (8 + SETTINGS_KEY_MAX + SETTINGS_VALUE_MAX)

struct record {
    char key[SETTINGS_KEY_MAX + 1];
    char value[SETTINGS_VALUE_MAX + 1];
    uint32_t len; /* bytes on flash */
};

static uint32_t padded(uint32_t n)
{
    return (n + 7) & ~7u;
}

static uint32_t base(const struct settings *s)
{
    return s->sector * s->flash->erase_size;
}

static int write_head(struct settings *s, uint32_t sector, uint32_t generation)
{
    uint8_t head[HEAD_LEN];

    memset(head, 0, sizeof(head));
    dfota_put_le32(head, MAGIC);
    dfota_put_le32(head + 4, generation);
    dfota_put_le32(head + 8, dfota_crc32(0, head, 8));
    return s->flash->prog(s->flash->ctx, sector * s->flash->erase_size, head,
                          sizeof(head));
}

static bool read_head(const struct dfota_flash *f, uint32_t sector,
                      uint32_t *generation)
{
    uint8_t head[HEAD_LEN];

    if (f->read(f->ctx, sector * f->erase_size, head, sizeof(head)))
        return false;
    *generation = dfota_get_le32(head + 4);
    return dfota_get_le32(head) == MAGIC &&
           dfota_get_le32(head + 8) == dfota_crc32(0, head, 8);
}

/* The record at an offset: 1, 0 at the end of the log, or an error. A
 * record that is torn ends the log, too. */
static int read_record(struct settings *s, uint32_t off, struct record *r)
{
    uint8_t b[RECORD_MAX];
    uint32_t klen, vlen;

    if (off + 8 > s->flash->erase_size)
        return 0;
    if (s->flash->read(s->flash->ctx, base(s) + off, b, 8))
        return DFOTA_E_FLASH;
    klen = b[0];
    vlen = b[1];
    if ((b[0] ^ b[2]) != 0xFF || (b[1] ^ b[3]) != 0xFF || klen == 0 ||
        klen > SETTINGS_KEY_MAX || vlen > SETTINGS_VALUE_MAX)
        return 0;
    r->len = padded(8 + klen + vlen);
    if (off + r->len > s->flash->erase_size)
        return 0;
    if (s->flash->read(s->flash->ctx, base(s) + off + 8, b + 8, klen + vlen))
        return DFOTA_E_FLASH;
    if (dfota_get_le32(b + 4) != dfota_crc32(0, b + 8, klen + vlen))
        return 0;
    memcpy(r->key, b + 8, klen);
    r->key[klen] = '\0';
    memcpy(r->value, b + 8 + klen, vlen);
    r->value[vlen] = '\0';
    return 1;
}

/* Bytes of a text without its NUL: the record knows the length. */
static void copy_text(uint8_t *out, const char *text, uint32_t len)
{
    memcpy(out, text, len);
}

static int write_record(struct settings *s, const char *key, const char *value)
{
    uint8_t b[RECORD_MAX + 8];
    uint32_t klen = (uint32_t)strlen(key), vlen = (uint32_t)strlen(value);
    uint32_t len = padded(8 + klen + vlen);
    int err;

    memset(b, 0, sizeof(b));
    b[0] = (uint8_t)klen;
    b[1] = (uint8_t)vlen;
    b[2] = (uint8_t)~b[0];
    b[3] = (uint8_t)~b[1];
    copy_text(b + 8, key, klen);
    copy_text(b + 8 + klen, value, vlen);
    dfota_put_le32(b + 4, dfota_crc32(0, b + 8, klen + vlen));
    err = s->flash->prog(s->flash->ctx, base(s) + s->end, b, len);
    if (err == 0)
        s->end += len;
    return err;
}

static int format(struct settings *s, uint32_t sector, uint32_t generation)
{
    int err = s->flash->erase(s->flash->ctx, sector * s->flash->erase_size);

    if (err == 0)
        err = write_head(s, sector, generation);
    s->sector = sector;
    s->generation = generation;
    s->end = HEAD_LEN;
    return err;
}

static int erased(struct settings *s)
{
    uint8_t b[8];

    if (s->end + sizeof(b) > s->flash->erase_size)
        return 1;
    if (s->flash->read(s->flash->ctx, base(s) + s->end, b, sizeof(b)))
        return DFOTA_E_FLASH;
    for (size_t i = 0; i < sizeof(b); i++)
        if (b[i] != s->flash->erased_byte)
            return 0;
    return 1;
}

int settings_open(struct settings *s, const struct dfota_flash *flash)
{
    uint32_t g[2];
    bool ok[2];
    struct record r;
    int got;

    s->flash = flash;
    ok[0] = read_head(flash, 0, &g[0]);
    ok[1] = read_head(flash, 1, &g[1]);
    if (!ok[0] && !ok[1])
        return format(s, 0, 1);
    s->sector = ok[1] && (!ok[0] || g[1] > g[0]);
    s->generation = g[s->sector];
    s->end = HEAD_LEN;
    while ((got = read_record(s, s->end, &r)) == 1)
        s->end += r.len;
    if (got < 0)
        return got;
    got = erased(s);
    if (got == 0) /* a torn record: nothing may be added behind it */
        s->end = flash->erase_size;
    return got < 0 ? got : 0;
}

int settings_get(struct settings *s, const char *key, char *out, size_t cap)
{
    struct record r;
    uint32_t off = HEAD_LEN;
    int got, found = DFOTA_E_NOTFOUND;

    while ((got = read_record(s, off, &r)) == 1) {
        off += r.len;
        if (strcmp(r.key, key) != 0)
            continue;
        found = r.value[0] ? (int)strlen(r.value) : DFOTA_E_NOTFOUND;
        if (found >= 0 && (size_t)found < cap)
            memcpy(out, r.value, (size_t)found + 1);
        else if (found >= 0)
            found = DFOTA_E_ARG;
    }
    return got < 0 ? got : found;
}

long settings_number(struct settings *s, const char *key, long other)
{
    char value[SETTINGS_VALUE_MAX + 1], *end;
    long n;

    if (settings_get(s, key, value, sizeof(value)) < 0)
        return other;
    n = strtol(value, &end, 0);
    return *end ? other : n;
}

/* True when no later record has the same key. */
static bool is_last(struct settings *s, uint32_t off, const char *key)
{
    struct record r;

    while (read_record(s, off, &r) == 1) {
        if (strcmp(r.key, key) == 0)
            return false;
        off += r.len;
    }
    return true;
}

int settings_each(struct settings *s,
                  int (*visit)(void *ctx, const char *key, const char *value),
                  void *ctx)
{
    struct record r;
    uint32_t off = HEAD_LEN;
    int stop = 0;

    while (stop == 0 && read_record(s, off, &r) == 1) {
        off += r.len;
        if (r.value[0] && is_last(s, off, r.key))
            stop = visit(ctx, r.key, r.value);
    }
    return stop;
}

static int copy_pair(void *ctx, const char *key, const char *value)
{
    return write_record(ctx, key, value);
}

static int compact(struct settings *s)
{
    struct settings to = *s;
    int err;

    to.sector = s->sector ^ 1;
    to.end = HEAD_LEN;
    err = s->flash->erase(s->flash->ctx, base(&to));
    if (err == 0)
        err = settings_each(s, copy_pair, &to);
    if (err == 0)
        err = write_head(&to, to.sector, s->generation + 1);
    if (err)
        return err;
    to.generation++;
    *s = to;
    return 0;
}

int settings_set(struct settings *s, const char *key, const char *value)
{
    size_t klen = strlen(key), vlen = strlen(value);
    uint32_t need;
    int err;

    if (klen == 0 || klen > SETTINGS_KEY_MAX || vlen > SETTINGS_VALUE_MAX)
        return DFOTA_E_ARG;
    need = padded((uint32_t)(8 + klen + vlen));
    if (s->end + need > s->flash->erase_size) {
        err = compact(s);
        if (err)
            return err;
    }
    if (s->end + need > s->flash->erase_size)
        return DFOTA_E_FULL;
    return write_record(s, key, value);
}

uint32_t settings_free(const struct settings *s)
{
    return s->flash->erase_size - s->end;
}
