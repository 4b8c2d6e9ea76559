/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF, 32 and 64 bits, little endian: the loadable segments by physical
 * address, as much of them as is in the file (System V ABI, chapters 4, 5).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/image_parts.h"

enum {
    CLASS_32 = 1,
    CLASS_64 = 2,
    LITTLE_ENDIAN_DATA = 1,
    TYPE_EXEC = 2,
    TYPE_DYN = 3,
    SEGMENT_LOAD = 1,
    SEGMENT_EXECUTE = 1,
    SECTION_NOBITS = 8,
    SECTION_ALLOC = 2,
    COUNT_ELSEWHERE = 0xFFFF,
};

/* Where the fields are that this reader wants, for each class. */
struct layout {
    size_t phoff, shoff, phentsize, phnum, shentsize, shnum, header;
    size_t p_offset, p_vaddr, p_paddr, p_filesz, p_flags, segment;
    size_t s_flags, s_offset, s_size, section;
    size_t word;
};

/* clang-format off */
static const struct layout layouts[2] = {
    {.phoff = 28, .shoff = 32, .phentsize = 42, .phnum = 44,
     .shentsize = 46, .shnum = 48, .header = 52,
     .p_offset = 4, .p_vaddr = 8, .p_paddr = 12, .p_filesz = 16, .p_flags = 24,
     .segment = 32,
     .s_flags = 8, .s_offset = 16, .s_size = 20, .section = 40, .word = 4},
    {.phoff = 32, .shoff = 40, .phentsize = 54, .phnum = 56,
     .shentsize = 58, .shnum = 60, .header = 64,
     .p_offset = 8, .p_vaddr = 16, .p_paddr = 24, .p_filesz = 32, .p_flags = 4,
     .segment = 56,
     .s_flags = 8, .s_offset = 24, .s_size = 32, .section = 64, .word = 8},
};
/* clang-format on */

/* A table of equal entries, known to lie in the file. */
struct table {
    const uint8_t *first;
    size_t step, count;
};

struct elf {
    const uint8_t *file;
    size_t len;
    struct image *out;
    const struct layout *at;
    struct table segments, sections;
    bool virtual_only; /* no segment has a physical address */
    bool code;         /* parts->shift is of a segment with code */
    uint64_t largest;  /* and of so many bytes */
};

struct segment {
    uint64_t offset, vaddr, paddr, len;
    bool code;
};

static uint64_t word(const struct elf *e, const uint8_t *p)
{
    uint64_t low = dfota_get_le32(p);

    return e->at->word == 4 ? low : low | (uint64_t)dfota_get_le32(p + 4) << 32;
}

/* false: it is not inside the file */
static bool find_table(const struct elf *e, size_t off_field, size_t step_field,
                       size_t count_field, size_t entry, struct table *t)
{
    uint64_t off = word(e, e->file + off_field);

    t->step = dfota_get_le16(e->file + step_field);
    t->count = dfota_get_le16(e->file + count_field);
    if (t->count == 0)
        return true;
    if (t->step < entry || off > e->len ||
        t->step * t->count > e->len - (size_t)off)
        return false;
    t->first = e->file + off;
    return true;
}

static bool get_segment(const struct elf *e, size_t i, struct segment *s)
{
    const uint8_t *p = e->segments.first + i * e->segments.step;

    *s = (struct segment){
        word(e, p + e->at->p_offset), word(e, p + e->at->p_vaddr),
        word(e, p + e->at->p_paddr), word(e, p + e->at->p_filesz),
        (dfota_get_le32(p + e->at->p_flags) & SEGMENT_EXECUTE) != 0};
    return dfota_get_le32(p) == SEGMENT_LOAD && s->len > 0;
}

/* The lowest byte of a section with contents in offsets low .. end - 1 that
 * does not begin before low; end if there is none. */
static uint64_t first_section(const struct elf *e, uint64_t low, uint64_t end)
{
    uint64_t first = end;

    for (size_t i = 0; i < e->sections.count; i++) {
        const uint8_t *s = e->sections.first + i * e->sections.step;
        uint64_t off = word(e, s + e->at->s_offset);

        if ((word(e, s + e->at->s_flags) & SECTION_ALLOC) &&
            dfota_get_le32(s + 4) != SECTION_NOBITS &&
            word(e, s + e->at->s_size) > 0 && off >= low && off < first)
            first = off;
    }
    return first;
}

/* Linkers like to load the file's own headers with the first segment when
 * its page has room; a device never sees them. */
static int cut_headers(const struct elf *e, struct segment *s)
{
    uint64_t first, cut;

    if (s->offset >= e->at->header)
        return 0;
    if (e->sections.count == 0)
        return image_fail(e->out, DFOTA_E_UNSUPPORTED,
                          "its first segment begins with the ELF's own headers "
                          "and, stripped of sections, nothing says where the "
                          "firmware begins: use the .bin or .hex");
    first = first_section(e, e->at->header, s->offset + s->len);
    cut = first - s->offset;
    s->offset += cut;
    s->vaddr += cut;
    s->paddr += cut;
    s->len -= cut;
    return 0;
}

/* What pointers count from: the largest segment with code decides, the
 * largest at all if none has code. */
static void choose_shift(struct elf *e, const struct segment *s,
                         struct image_parts *p)
{
    if (s->code < e->code || (s->code == e->code && s->len <= e->largest))
        return;
    e->code = s->code;
    e->largest = s->len;
    p->shift = s->vaddr - s->paddr;
}

static int add_segment(struct elf *e, size_t i, struct segment *s,
                       struct image_parts *p)
{
    int err;

    if (s->offset > e->len || s->len > e->len - s->offset)
        return image_fail(e->out, DFOTA_E_SYNTAX,
                          "segment %zu of the ELF lies outside the file: it is "
                          "cut short",
                          i);
    err = cut_headers(e, s);
    if (err)
        return err;
    if (e->virtual_only)
        s->paddr = s->vaddr;
    choose_shift(e, s, p);
    return image_parts_add(e->out, p, s->paddr, e->file + s->offset,
                           (size_t)s->len);
}

static int add_segments(struct elf *e, struct image_parts *p)
{
    struct segment s;
    int err = 0;

    e->virtual_only = true;
    for (size_t i = 0; i < e->segments.count; i++) {
        if (get_segment(e, i, &s) && s.paddr != 0)
            e->virtual_only = false;
    }
    for (size_t i = 0; i < e->segments.count && !err; i++) {
        if (get_segment(e, i, &s))
            err = add_segment(e, i, &s, p);
    }
    return err;
}

static int check_head(struct elf *e)
{
    const uint8_t *file = e->file;
    unsigned type;

    if (file[5] != LITTLE_ENDIAN_DATA)
        return image_fail(e->out, DFOTA_E_UNSUPPORTED,
                          "a big-endian ELF is not read: convert it (objcopy "
                          "-O binary IN OUT)");
    if (file[4] != CLASS_32 && file[4] != CLASS_64)
        return image_fail(e->out, DFOTA_E_SYNTAX,
                          "the ELF has neither 32 nor 64 bits");
    e->at = &layouts[file[4] - CLASS_32];
    snprintf(e->out->format, sizeof e->out->format, "ELF%s",
             file[4] == CLASS_32 ? "32" : "64");
    if (e->len < e->at->header)
        return image_fail(e->out, DFOTA_E_SYNTAX,
                          "the ELF ends within its header");
    type = dfota_get_le16(file + 16);
    if (type != TYPE_EXEC && type != TYPE_DYN)
        return image_fail(e->out, DFOTA_E_UNSUPPORTED,
                          "the ELF is no linked program (type %u)", type);
    return 0;
}

static int find_tables(struct elf *e)
{
    const struct layout *at = e->at;

    if (dfota_get_le16(e->file + at->phnum) == COUNT_ELSEWHERE)
        return image_fail(e->out, DFOTA_E_UNSUPPORTED,
                          "the ELF has over 65534 segments");
    if (!find_table(e, at->phoff, at->phentsize, at->phnum, at->segment,
                    &e->segments) ||
        !find_table(e, at->shoff, at->shentsize, at->shnum, at->section,
                    &e->sections))
        return image_fail(e->out, DFOTA_E_SYNTAX,
                          "the ELF's tables lie outside the file: it is cut "
                          "short");
    return 0;
}

bool image_is_elf(const uint8_t *file, size_t len)
{
    return len >= 16 && memcmp(file, "\177ELF", 4) == 0;
}

int image_read_elf(const uint8_t *file, size_t len, struct image *out,
                   struct image_parts *p)
{
    struct elf e = {.file = file, .len = len, .out = out};
    int err;

    snprintf(out->format, sizeof out->format, "ELF");
    err = check_head(&e);
    if (!err)
        err = find_tables(&e);
    return err ? err : add_segments(&e, p);
}
