/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "delta/image_load.h"

/* A file in the making. */
struct made {
    uint8_t bytes[8192];
    size_t len;
};

static void add(struct made *m, const void *bytes, size_t len)
{
    assert_true(len <= sizeof m->bytes - m->len);
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static void add_zeros(struct made *m, size_t len)
{
    assert_true(len <= sizeof m->bytes - m->len);
    memset(m->bytes + m->len, 0, len);
    m->len += len;
}

static void add_le32(struct made *m, uint32_t v)
{
    uint8_t bytes[4];

    dfota_put_le32(bytes, v);
    add(m, bytes, sizeof bytes);
}

static void add_text(struct made *m, const char *text)
{
    add(m, text, strlen(text));
}

/* Load from memory of just that size, so that a sanitizer sees every read
 * behind it. */
static int load(const void *file, size_t len, struct image *image)
{
    uint8_t *copy = malloc(len ? len : 1);
    int err;

    assert_non_null(copy);
    memcpy(copy, file, len);
    err = image_load(copy, len, image);
    if (!err && !image->owned) {
        image->owned = copy;
        return err;
    }
    free(copy);
    return err;
}

static void refused(const struct made *m, int err, const char *why)
{
    struct image image;

    assert_int_equal(load(m->bytes, m->len, &image), err);
    print_message("%s\n", image.why);
    assert_non_null(strstr(image.why, why));
    assert_null(image.bytes);
    assert_null(image.owned);
    assert_int_equal(image.len, 0);
}

static void gives(const struct made *m, const char *format, uint32_t base,
                  const void *bytes, size_t len)
{
    struct image image;
    int err = load(m->bytes, m->len, &image);

    print_message("%s\n", image.why);
    assert_int_equal(err, 0);
    assert_true(image.container);
    assert_string_equal(image.format, format);
    assert_true(image.has_base);
    assert_int_equal(image.base, base);
    assert_int_equal(image.len, len);
    assert_memory_equal(image.bytes, bytes, len);
    image_release(&image);
}

static struct made text(const char *s)
{
    struct made m = {.len = 0};

    add_text(&m, s);
    return m;
}

/* ---- raw */

static void what_is_no_container_is_raw(void **state)
{
    static const char *const rows[] = {"",
                                       ":",
                                       ":1",
                                       ":100000",
                                       ":zz000000",
                                       ":0000000",
                                       ":00000009FF",
                                       "S",
                                       "S1",
                                       "S9030000FC",
                                       "S0 hello, world",
                                       "\177EL",
                                       "\177ELF",
                                       "UFD\x10",
                                       "DfuSe",
                                       "DfuSe\2.....",
                                       "UF2\n",
                                       "#!/bin/sh\n"};
    struct image image;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i]);
        assert_int_equal(
            image_load((const uint8_t *)rows[i], strlen(rows[i]), &image), 0);
        assert_false(image.container);
        assert_false(image.has_base);
        assert_string_equal(image.format, "raw");
        assert_ptr_equal(image.bytes, rows[i]);
        assert_int_equal(image.len, strlen(rows[i]));
        image_release(&image);
    }
}

static void raw_on_request_takes_a_container_as_it_is(void **state)
{
    static const char hex[] = ":00000001FF\n";
    struct image image;

    (void)state;
    image_load_raw((const uint8_t *)hex, 12, &image);
    assert_ptr_equal(image.bytes, hex);
    assert_int_equal(image.len, 12);
    assert_false(image.container);
    image_release(&image);
}

static void s_records_are_refused_with_a_way_out(void **state)
{
    struct made m = text("S00F000068656C6C6F202020202000003C\n");

    (void)state;
    refused(&m, DFOTA_E_UNSUPPORTED, "-I srec");
}

/* ---- Intel HEX */

static void hex_records_make_bytes_and_a_base(void **state)
{
    struct made m = text(":020000040800F2\r\n"
                         ":0400100001020304E2\r\n"
                         ":02001400AABB85\r\n"
                         ":0400000508000011DE\r\n"
                         ":00000001FF\r\n");

    (void)state;
    gives(&m, "Intel HEX", 0x08000010, "\1\2\3\4\xAA\xBB", 6);
}

static void hex_may_have_any_line_ends_case_and_order(void **state)
{
    static const char *const rows[] = {
        ":01000100AA54\r:01000000bb44\r:00000001FF",
        "\xEF\xBB\xBF\n\n :01000100aa54 \n\n:01000000BB44\n:00000001ff\n\x1A",
        ":01000100AA54\n:01000000BB44\n:00000001FF\n\n"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made m = text(rows[i]);

        gives(&m, "Intel HEX", 0, "\xBB\xAA", 2);
    }
}

static void hex_holes_are_erased_flash(void **state)
{
    struct made m = text(":01000000AA55\n:01000400BB40\n:00000001FF\n");

    (void)state;
    gives(&m, "Intel HEX", 0, "\xAA\xFF\xFF\xFF\xBB", 5);
}

static void hex_segments_are_sixteen_bytes_apart(void **state)
{
    struct made m = text(":020000021000EC\n:0100FF00AA56\n:00000001FF\n");

    (void)state;
    gives(&m, "Intel HEX", 0x100FF, "\xAA", 1);
}

static void hex_that_is_damaged_is_refused_by_line(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {":01000000AA55\n:01000100AA55\n:00000001FF\n", "line 2: the checksum"},
        {":01000000AA55\r\n\r\n:01000100AA55\r\n", "line 3: the checksum"},
        {":01000000AA55\r:01000100AA55\r", "line 2: the checksum"},
        {":01000000AA56\n:00000001FF\n", "(56, not 55)"},
        {":01000000AA55\n", "line 2: the end record is missing"},
        {":01000000AA55\n:0100010", "line 2: the record is cut short"},
        {":01000000AA55\n:01000100A", "line 2: the record is cut short"},
        {":01000000AA55\n:\n", "line 2: the record is cut short"},
        {":01000000xA55\n", "line 1: the record is cut short"},
        {":01000000AA55AA\n", "line 1: there is more"},
        {":01000000AA55\nnonsense\n", "line 2: a record begins"},
        {":01000000AA55\n:00000001FF\n:01000100AA54\n", "behind the end"},
        {":01000000AA55\n:00000006FA\n", "line 2: record type 06"},
        {":01000000AA55\n:00000004FC\n", "line 2: a record of type 04"},
        {":01000000AA55\n:020000050000F9\n", "line 2: a record of type 05"},
        {":00000001FF\n", "no bytes"},
        {":00000000 00\n:00000001FF\n", "line 1: the record is cut short"},
        {":020000021000EC\n:02FFFF00AABB9B\n", "line 2: the record runs"},
        {":02000004FFFFFC\n:02FFFF00AABB9B\n", "line 2: the record runs"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made m = text(rows[i].text);

        refused(&m, DFOTA_E_SYNTAX, rows[i].why);
    }
}

static void hex_with_an_address_twice_is_refused(void **state)
{
    struct made m = text(":020000001122CB\n:01000100AA54\n:00000001FF\n");

    (void)state;
    refused(&m, DFOTA_E_SYNTAX, "the byte at 0x1:");
}

static void two_bytes_far_apart_are_no_image(void **state)
{
    struct made near = text(":01000000AA55\n:02000004000FEB\n"
                            ":01FFFF00AA57\n:00000001FF\n");
    struct made far = text(":01000000AA55\n:020000040010EA\n"
                           ":01000000AA55\n:00000001FF\n");
    struct made end = text(":01000000AA55\n:02000004FFFFFC\n"
                           ":01FFFF00AA57\n:00000001FF\n");
    struct image image;

    (void)state;
    assert_int_equal(load(near.bytes, near.len, &image), 0);
    assert_int_equal(image.len, 1 << 20);
    image_release(&image);
    refused(&far, DFOTA_E_FULL, "from 0x0 to 0x100000");
    refused(&end, DFOTA_E_FULL, "from 0x0 to 0xFFFFFFFF");
}

/* ---- UF2 */

static const uint32_t rp2040 = 0xE48BFF56, absolute = 0xE48BFF57;

static void add_block(struct made *m, uint32_t flags, uint32_t at,
                      const char *payload, uint32_t number, uint32_t blocks,
                      uint32_t family)
{
    size_t end = m->len + 508;

    add_le32(m, 0x0A324655);
    add_le32(m, 0x9E5D5157);
    add_le32(m, flags);
    add_le32(m, at);
    add_le32(m, (uint32_t)strlen(payload));
    add_le32(m, number);
    add_le32(m, blocks);
    add_le32(m, family);
    add_text(m, payload);
    add_zeros(m, end - m->len);
    add_le32(m, 0x0AB16F30);
}

static void uf2_blocks_make_bytes_and_a_base(void **state)
{
    struct made m = {.len = 0}, plain = {.len = 0};

    (void)state;
    add_block(&m, 0x2000, 0x10000004, "5678", 1, 3, rp2040);
    add_block(&m, 0x2000, 0x10000000, "1234", 0, 3, rp2040);
    add_block(&m, 0x2001, 0x10000000, "not for flash", 2, 3, rp2040);
    gives(&m, "UF2, family 0xE48BFF56", 0x10000000, "12345678", 8);
    add_block(&plain, 0, 0x2000, "1234", 0, 1, 4);
    gives(&plain, "UF2", 0x2000, "1234", 4);
}

static void uf2_of_several_families_gives_the_first(void **state)
{
    struct made each = {.len = 0}, all = {.len = 0};

    (void)state;
    add_block(&each, 0x2000, 0, "one", 0, 1, 1);
    add_block(&each, 0x2000, 0, "two.", 0, 2, 2);
    add_block(&each, 0x2000, 4, "two.", 1, 2, 2);
    gives(&each, "UF2, family 0x00000001, the first of several", 0, "one", 3);
    add_block(&all, 0x2000, 0, "one", 0, 2, 1);
    add_block(&all, 0x2000, 0, "two", 1, 2, 2);
    gives(&all, "UF2, family 0x00000001, the first of several", 0, "one", 3);
}

static void uf2_of_an_rp2350_begins_with_a_block_for_nobody(void **state)
{
    struct made m = {.len = 0};

    (void)state;
    add_block(&m, 0x2000, 0x10FFFF00, "filler", 0, 2, absolute);
    add_block(&m, 0x2000, 0x10000000, "1234", 0, 1, 0xE48BFF59);
    gives(&m, "UF2, family 0xE48BFF59", 0x10000000, "1234", 4);
}

static void uf2_says_which_family_it_is_for(void **state)
{
    struct made m = {.len = 0};
    struct image image;

    (void)state;
    add_block(&m, 0x2000, 0, "1", 0, 1, rp2040);
    assert_int_equal(load(m.bytes, m.len, &image), 0);
    assert_true(image.has_family);
    assert_int_equal(image.family, rp2040);
    image_release(&image);
    m.bytes[9] = 0; /* the flag */
    assert_int_equal(load(m.bytes, m.len, &image), 0);
    assert_false(image.has_family);
    image_release(&image);
}

static void uf2_with_blocks_of_nobody_in_between_is_refused(void **state)
{
    struct made a = {.len = 0}, b = {.len = 0};

    (void)state;
    add_block(&a, 0x2000, 0, "1", 0, 2, rp2040);
    add_block(&a, 0, 1, "2", 1, 2, 0);
    refused(&a, DFOTA_E_SYNTAX, "block 1: some blocks name a chip family");
    add_block(&b, 0, 1, "2", 1, 2, 0);
    add_block(&b, 0x2000, 0, "1", 0, 2, rp2040);
    refused(&b, DFOTA_E_SYNTAX, "block 1: some blocks name a chip family");
}

static void uf2_that_is_damaged_is_refused(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
        const char *why;
    } rows[] = {
        {512, 0, "block 1: a magic number"},
        {516, 0, "block 1: a magic number"},
        {1020, 0, "block 1: a magic number"},
        {512 + 17, 0x02, "block 1: it claims more bytes"},
        {512 + 19, 0xFF, "block 1: it claims more bytes"},
        {512 + 16, 0xC5, "block 1: it claims more bytes"}, /* MD5 */
        {512 + 20, 0x02, "block 1: its number is over"},
        {512 + 24, 0x03, "block 1: it counts other blocks"},
        {512 + 12, 0x00, "the byte at 0x0"},
        {512 + 9, 0x30, "carries files"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made m = {.len = 0};

        add_block(&m, 0x2000, 0, "1234", 0, 2, rp2040);
        add_block(&m, 0x2000, 4, "1234", 1, 2, rp2040);
        if (rows[i].byte == 0xC5) { /* 453 bytes and an MD5 */
            m.bytes[512 + 9] |= 0x40;
            m.bytes[512 + 17] = 1;
        }
        m.bytes[rows[i].at] = rows[i].byte;
        refused(&m,
                i == sizeof rows / sizeof *rows - 1 ? DFOTA_E_UNSUPPORTED
                                                    : DFOTA_E_SYNTAX,
                rows[i].why);
    }
}

static void uf2_that_is_cut_short_is_refused(void **state)
{
    struct made m = {.len = 0};

    (void)state;
    add_block(&m, 0x2000, 0, "1234", 0, 2, rp2040);
    refused(&m, DFOTA_E_SYNTAX, "1 of 2 blocks");
    m.len = 8;
    refused(&m, DFOTA_E_SYNTAX, "whole blocks");
}

/* ---- ELF */

struct load {
    uint64_t offset, vaddr, paddr, len;
};

static void add_word(struct made *m, bool wide, uint64_t v)
{
    add_le32(m, (uint32_t)v);
    if (wide)
        add_le32(m, (uint32_t)(v >> 32));
}

static void add_two(struct made *m, unsigned a, unsigned b)
{
    add_le32(m, a | b << 16);
}

/* read, write in the RAM of a Cortex-M, else read, execute */
static uint32_t flags_of(const struct load *l)
{
    return l->vaddr >> 28 == 2 ? 6 : 5;
}

/* Header, program headers, section headers; contents come behind. */
static struct made elf(bool wide, const struct load *loads, unsigned n,
                       const struct load *sections, unsigned ns)
{
    struct made m = {.len = 0};
    unsigned header = wide ? 64 : 52, segment = wide ? 56 : 32;

    add(&m, "\177ELF", 4);
    add(&m, wide ? "\2\1\1" : "\1\1\1", 3);
    add_zeros(&m, 9);
    add_two(&m, 2, 40); /* an executable for ARM */
    add_le32(&m, 1);
    add_word(&m, wide, 0x08000001);
    add_word(&m, wide, header);
    add_word(&m, wide, ns ? header + n * segment : 0);
    add_le32(&m, 0);
    add_two(&m, header, segment);
    add_two(&m, n, wide ? 64 : 40);
    add_two(&m, ns, 0);
    for (unsigned i = 0; i < n; i++) {
        add_le32(&m, 1);
        if (wide)
            add_le32(&m, flags_of(&loads[i]));
        add_word(&m, wide, loads[i].offset);
        add_word(&m, wide, loads[i].vaddr);
        add_word(&m, wide, loads[i].paddr);
        add_word(&m, wide, loads[i].len);
        add_word(&m, wide, loads[i].len + 64); /* in memory: zeros behind */
        if (!wide)
            add_le32(&m, flags_of(&loads[i]));
        add_word(&m, wide, 4);
    }
    for (unsigned i = 0; i < ns; i++) {
        add_le32(&m, 0);
        add_le32(&m, 1); /* with contents */
        add_word(&m, wide, 2);
        add_word(&m, wide, sections[i].vaddr);
        add_word(&m, wide, sections[i].offset);
        add_word(&m, wide, sections[i].len);
        add_zeros(&m, wide ? 24 : 16);
    }
    return m;
}

enum { CONTENTS = 1024 };

static void add_contents(struct made *m)
{
    add_zeros(m, CONTENTS - m->len);
    add_text(m, "codedata");
}

static void elf_segments_lie_at_their_physical_address(void **state)
{
    static const struct load loads[] = {
        {CONTENTS + 4, 0x20000000, 0x08000008, 4},
        {CONTENTS, 0x08000002, 0x08000002, 4},
        {0, 0x20000100, 0x20000100, 0}, /* .bss */
    };

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct made m = elf(wide, loads, 3, NULL, 0);

        add_contents(&m);
        gives(&m, wide ? "ELF64" : "ELF32", 0x08000002,
              "code\xFF\xFF"
              "data",
              10);
    }
}

static void elf_base_is_what_pointers_of_the_code_count_from(void **state)
{
    static const struct load loads[] = {{CONTENTS, 0x80001000, 0x1000, 2},
                                        {CONTENTS + 2, 0x80001002, 0x1002, 1},
                                        {CONTENTS + 3, 0x20000000, 0x1003, 5}};
    struct made m = elf(false, loads, 3, NULL, 0);

    (void)state;
    add_contents(&m);
    gives(&m, "ELF32", 0x80001000, "codedata", 8);
}

static void elf_base_over_four_gigabytes_is_not_told(void **state)
{
    static const struct load loads[] = {
        {CONTENTS, 0xFFFFFFFF80000000, 0x1000000, 8}};
    struct made m = elf(true, loads, 1, NULL, 0);
    struct image image;

    (void)state;
    add_contents(&m);
    assert_int_equal(load(m.bytes, m.len, &image), 0);
    assert_false(image.has_base);
    assert_int_equal(image.len, 8);
    image_release(&image);
}

static void elf_without_physical_addresses_lies_at_virtual_ones(void **state)
{
    static const struct load loads[] = {{CONTENTS, 0x10000, 0, 4},
                                        {CONTENTS + 4, 0x10004, 0, 4}};
    struct made m = elf(false, loads, 2, NULL, 0);

    (void)state;
    add_contents(&m);
    gives(&m, "ELF32", 0x10000, "codedata", 8);
}

static void elf_headers_in_a_segment_are_no_firmware(void **state)
{
    static const struct load loads[] = {{0, 0x8000, 0x8000, CONTENTS + 4},
                                        {CONTENTS + 4, 0x8406, 0x8406, 4}};
    static const struct load sections[] = {{CONTENTS + 4, 0x8406, 0, 4},
                                           {CONTENTS, 0x8400, 0, 4}};

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct made m = elf(wide, loads, 2, sections, 2);

        add_contents(&m);
        gives(&m, wide ? "ELF64" : "ELF32", 0x8400,
              "code\xFF\xFF"
              "data",
              10);
        m = elf(wide, loads, 2, NULL, 0);
        add_contents(&m);
        refused(&m, DFOTA_E_UNSUPPORTED, "use the .bin");
    }
}

static void elf_of_another_kind_is_refused_with_a_way_out(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
        int err;
        const char *why;
    } rows[] = {
        {4, 3, DFOTA_E_SYNTAX, "neither 32 nor 64"},
        {5, 2, DFOTA_E_UNSUPPORTED, "big-endian"},
        {16, 1, DFOTA_E_UNSUPPORTED, "no linked program"},
        {16, 4, DFOTA_E_UNSUPPORTED, "no linked program"},
    };
    static const struct load loads[] = {{CONTENTS, 0, 0, 8}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made m = elf(false, loads, 1, NULL, 0);

        add_contents(&m);
        m.bytes[rows[i].at] = rows[i].byte;
        refused(&m, rows[i].err, rows[i].why);
    }
}

static void elf_that_points_outside_itself_is_refused(void **state)
{
    static const struct load rows[] = {
        {CONTENTS, 0, 4, 9},
        {CONTENTS + 8, 0, 4, 1},
        {UINT64_MAX, 0, 4, 1},
        {UINT64_MAX, 0, 4, UINT64_MAX},
        {CONTENTS, 0, 4, UINT64_MAX - CONTENTS + 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made m = elf(true, &rows[i], 1, NULL, 0);

        add_contents(&m);
        refused(&m, DFOTA_E_SYNTAX, "segment 0 of the ELF");
    }
}

static void elf_with_tables_outside_itself_is_refused(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } rows[] = {{31, 0x80}, {28, 0xFF}, {29, 0x7F}, {42, 31},
                {43, 0x7F}, {45, 0x7F}, {49, 0x7F}, {46, 39}};
    static const struct load loads[] = {{CONTENTS, 0, 4, 8}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made m = elf(false, loads, 1, loads, 1);

        add_contents(&m);
        if (rows[i].at == 28)
            m.bytes[29] = 4; /* 0x4FF */
        m.bytes[rows[i].at] = rows[i].byte;
        refused(&m, DFOTA_E_SYNTAX, "tables lie outside");
    }
}

static void elf_with_segments_on_each_other_or_none_is_refused(void **state)
{
    static const struct load twice[] = {{CONTENTS, 0, 0x1000, 4},
                                        {CONTENTS + 4, 0, 0x1003, 4}};
    struct made m = elf(false, twice, 2, NULL, 0), none, end;
    static const struct load last[] = {
        {CONTENTS, UINT64_MAX - 2, UINT64_MAX - 2, 8}};

    (void)state;
    add_contents(&m);
    refused(&m, DFOTA_E_SYNTAX, "the byte at 0x1003");
    none = elf(false, NULL, 0, NULL, 0);
    refused(&none, DFOTA_E_SYNTAX, "no bytes");
    end = elf(true, last, 1, NULL, 0);
    add_contents(&end);
    refused(&end, DFOTA_E_SYNTAX, "over the end of memory");
}

/* ---- DFU, DfuSe */

static void add_suffix(struct made *m, unsigned version)
{
    add_two(m, 0xFFFF, 0xDF11);
    add_two(m, 0x0483, version);
    add(m, "UFD\x10", 4);
    add_le32(m, ~dfota_crc32(0, m->bytes, m->len));
}

static void dfu_suffix_is_taken_off(void **state)
{
    struct made m = text("firmware");
    struct image image;

    (void)state;
    add_suffix(&m, 0x0100);
    assert_int_equal(load(m.bytes, m.len, &image), 0);
    assert_string_equal(image.format, "DFU");
    assert_false(image.has_base);
    assert_int_equal(image.len, 8);
    assert_memory_equal(image.bytes, "firmware", 8);
    image_release(&image);
}

/* Made with dfu-suffix of dfu-util 0.11 from "firmware". */
static void dfu_suffix_of_another_program_is_understood(void **state)
{
    static const uint8_t file[] = "firmware"
                                  "\xFF\xFF\x11\xDF\x83\x04\x00\x01"
                                  "UFD\x10\xA2\x53\xAF\xB8";
    struct image image;

    (void)state;
    assert_int_equal(load(file, sizeof file - 1, &image), 0);
    assert_string_equal(image.format, "DFU");
    assert_int_equal(image.len, 8);
    image_release(&image);
}

static void dfu_that_is_damaged_is_refused(void **state)
{
    struct made m = text("firmware"), none = {.len = 0}, long_suffix;

    (void)state;
    add_suffix(&m, 0x0100);
    m.bytes[3] ^= 1;
    refused(&m, DFOTA_E_SYNTAX, "CRC");
    add_suffix(&none, 0x0100);
    refused(&none, DFOTA_E_SYNTAX, "no bytes");
    long_suffix = text("firmware");
    add_suffix(&long_suffix, 0x0100);
    long_suffix.bytes[long_suffix.len - 5] = 25;
    dfota_put_le32(long_suffix.bytes + long_suffix.len - 4,
                   ~dfota_crc32(0, long_suffix.bytes, long_suffix.len - 4));
    refused(&long_suffix, DFOTA_E_SYNTAX, "longer than the file");
}

static void add_element(struct made *m, uint32_t at, const char *bytes)
{
    add_le32(m, at);
    add_le32(m, (uint32_t)strlen(bytes));
    add_text(m, bytes);
}

static void begin_dfuse(struct made *m, uint8_t targets)
{
    add(m, "DfuSe\1\0\0\0\0", 10);
    add(m, &targets, 1);
}

static size_t begin_target(struct made *m, uint8_t setting, uint32_t elements)
{
    size_t at = m->len;

    add(m, "Target", 6);
    add(m, &setting, 1);
    add_zeros(m, 4 + 255 + 4);
    add_le32(m, elements);
    return at;
}

static void end_target(struct made *m, size_t at)
{
    dfota_put_le32(m->bytes + at + 266, (uint32_t)(m->len - at - 274));
}

static void end_dfuse(struct made *m)
{
    dfota_put_le32(m->bytes + 6, (uint32_t)m->len);
    add_suffix(m, 0x011A);
}

static struct made dfuse(uint8_t first, uint8_t second)
{
    struct made m = {.len = 0};
    size_t target;

    begin_dfuse(&m, 2);
    target = begin_target(&m, first, 2);
    add_element(&m, 0x08000000, "vectors");
    add_element(&m, 0x08000009, "code");
    end_target(&m, target);
    target = begin_target(&m, second, 1);
    add_element(&m, 0x0800000D, "more");
    end_target(&m, target);
    end_dfuse(&m);
    return m;
}

static void dfuse_elements_make_bytes_and_a_base(void **state)
{
    static const char bytes[] = "vectors\xFF\xFF"
                                "codemore";
    struct made m = dfuse(0, 0);

    (void)state;
    gives(&m, "DfuSe", 0x08000000, bytes, 17);
    dfota_put_le32(m.bytes + 6, (uint32_t)m.len); /* as dfuse-pack counts */
    dfota_put_le32(m.bytes + m.len - 4, ~dfota_crc32(0, m.bytes, m.len - 4));
    gives(&m, "DfuSe", 0x08000000, bytes, 17);
}

static void dfuse_for_several_memories_is_refused(void **state)
{
    struct made m = dfuse(0, 1);

    (void)state;
    refused(&m, DFOTA_E_UNSUPPORTED, "alternate settings 0 and 1");
}

static void dfuse_with_lengths_that_lie_is_refused(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } rows[] = {
        {6, 0}, /* length of the file */
        {9, 0x80},
        {10, 1},
        {10, 3},   /* targets */
        {11, 't'}, /* "Target" */
        {11 + 266, 0},
        {11 + 269, 0x80}, /* its length */
        {11 + 270, 1},
        {11 + 273, 0x80}, /* its elements */
        {11 + 274 + 4, 99},
        {11 + 274 + 7, 0xFF}, /* an element's length */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made m = dfuse(0, 0);

        m.bytes[rows[i].at] = rows[i].byte;
        dfota_put_le32(m.bytes + m.len - 4,
                       ~dfota_crc32(0, m.bytes, m.len - 4));
        refused(&m, DFOTA_E_SYNTAX, "points outside");
    }
}

static void dfuse_without_its_suffix_is_refused(void **state)
{
    struct made m = dfuse(0, 0);

    (void)state;
    m.len -= 16;
    refused(&m, DFOTA_E_SYNTAX, "no DFU suffix");
}

/* ---- all */

/* Each file cut at every length and with every byte changed: it loads or is
 * refused with a reason, and the sanitizers see no stray read. */
static void every_cut_and_every_changed_byte_is_survived(void **state)
{
    static const struct load loads[] = {{0, 0x8000, 0x8000, CONTENTS + 8}};
    static const struct load sections[] = {{CONTENTS, 0x8400, 0, 8}};
    struct made files[5] = {{.len = 0}};
    struct image image;

    (void)state;
    files[0] = text(":020000040800F2\n:0400100001020304E2\n:00000001FF\n");
    add_block(&files[1], 0x2000, 4, "5678", 1, 2, rp2040);
    add_block(&files[1], 0x2000, 0, "1234", 0, 2, rp2040);
    files[2] = elf(false, loads, 1, sections, 1);
    add_contents(&files[2]);
    files[3] = elf(true, loads, 1, sections, 1);
    add_contents(&files[3]);
    files[4] = dfuse(0, 0);
    for (size_t f = 0; f < 5; f++) {
        struct made *m = &files[f];

        for (size_t i = 0; i < 2 * m->len; i++) {
            size_t len = i < m->len ? i : m->len;
            uint8_t was = m->bytes[i % m->len];
            int err;

            if (i >= m->len)
                m->bytes[i % m->len] ^= (uint8_t)(1 + i % 255);
            err = load(m->bytes, len, &image);
            assert_true((err != 0) == (image.why[0] != '\0'));
            image_release(&image);
            m->bytes[i % m->len] = was;
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_container_is_raw),
        cmocka_unit_test(raw_on_request_takes_a_container_as_it_is),
        cmocka_unit_test(s_records_are_refused_with_a_way_out),
        cmocka_unit_test(hex_records_make_bytes_and_a_base),
        cmocka_unit_test(hex_may_have_any_line_ends_case_and_order),
        cmocka_unit_test(hex_holes_are_erased_flash),
        cmocka_unit_test(hex_segments_are_sixteen_bytes_apart),
        cmocka_unit_test(hex_that_is_damaged_is_refused_by_line),
        cmocka_unit_test(hex_with_an_address_twice_is_refused),
        cmocka_unit_test(two_bytes_far_apart_are_no_image),
        cmocka_unit_test(uf2_blocks_make_bytes_and_a_base),
        cmocka_unit_test(uf2_of_several_families_gives_the_first),
        cmocka_unit_test(uf2_of_an_rp2350_begins_with_a_block_for_nobody),
        cmocka_unit_test(uf2_says_which_family_it_is_for),
        cmocka_unit_test(uf2_with_blocks_of_nobody_in_between_is_refused),
        cmocka_unit_test(uf2_that_is_damaged_is_refused),
        cmocka_unit_test(uf2_that_is_cut_short_is_refused),
        cmocka_unit_test(elf_segments_lie_at_their_physical_address),
        cmocka_unit_test(elf_base_is_what_pointers_of_the_code_count_from),
        cmocka_unit_test(elf_base_over_four_gigabytes_is_not_told),
        cmocka_unit_test(elf_without_physical_addresses_lies_at_virtual_ones),
        cmocka_unit_test(elf_headers_in_a_segment_are_no_firmware),
        cmocka_unit_test(elf_of_another_kind_is_refused_with_a_way_out),
        cmocka_unit_test(elf_that_points_outside_itself_is_refused),
        cmocka_unit_test(elf_with_tables_outside_itself_is_refused),
        cmocka_unit_test(elf_with_segments_on_each_other_or_none_is_refused),
        cmocka_unit_test(dfu_suffix_is_taken_off),
        cmocka_unit_test(dfu_suffix_of_another_program_is_understood),
        cmocka_unit_test(dfu_that_is_damaged_is_refused),
        cmocka_unit_test(dfuse_elements_make_bytes_and_a_base),
        cmocka_unit_test(dfuse_for_several_memories_is_refused),
        cmocka_unit_test(dfuse_with_lengths_that_lie_is_refused),
        cmocka_unit_test(dfuse_without_its_suffix_is_refused),
        cmocka_unit_test(every_cut_and_every_changed_byte_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
