/* SPDX-License-Identifier: Apache-2.0 */
/* Every instruction set behind struct dfota_isa, against encodings made by
 * assemblers and by hand from the architecture manuals, and against itself
 * on random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "device/package.h"
#include "device/project.h"

enum { CALL = DFOTA_KIND_CALL, JUMP = DFOTA_KIND_JUMP };
enum { LITERAL = DFOTA_KIND_LITERAL, NONE = 0 };
/* Halves of addresses; the target of a second one is behind pc. */
enum {
    FIRST = LITERAL | DFOTA_FIRST << 4,
    SECOND = LITERAL | DFOTA_SECOND << 4
};

struct vector {
    uint8_t arch;
    const char *hex; /* the bytes in memory order */
    uint32_t pc;
    uint8_t kind, len; /* kind, with half << 4 */
    uint32_t target;
    uint32_t far; /* a target out of range; 0: all can be reached */
};

#define RV32 DFOTA_ARCH_RV32
#define RV64 DFOTA_ARCH_RV64
#define XTENSA DFOTA_ARCH_XTENSA

static const struct vector vectors[] = {
    /* jal ra, jal x0 */
    {RV32, "ef202134", 0x1002, CALL, 4, 0x13344, 0x201002},
    {RV32, "6ff0bfef", 0x1006, CALL, 4, 0xF00, 0x101006},
    /* beq a0,a1; bltu s1,t6 */
    {RV32, "630bb56e", 0x100A, JUMP, 4, 0x1700, 0x200A},
    {RV64, "63e9f4ff", 0x100E, JUMP, 4, 0x800, 0xC},
    /* auipc with jalr, addi, lw, sw */
    {RV32, "97200100e780c0ff", 0x1012, CALL, 8, 0x1300E, 0},
    {RV32, "97f7ffff1385f77f", 0x101A, FIRST, 4, 0x819, 0},
    {RV64, "1737000083260780", 0x1022, FIRST, 4, 0x3822, 0},
    {RV32, "9702040023aab200", 0x102A, FIRST, 4, 0x4103E, 0},
    /* lui with addi, lbu, sh; one instruction between */
    {RV32, "3705133c130505fe", 0x1032, FIRST, 4, 0x3C12FFE0, 0},
    {RV32, "b757c93f03c73712", 0x103A, FIRST, 4, 0x3FC95123, 0},
    {RV32, "b757c93f239fe7fe", 0x1042, FIRST, 4, 0x3FC94FFE, 0},
    {RV32, "b757c93f010003c73712", 0x103A, FIRST, 4, 0x3FC95123, 0},
    {RV32, "37030040e700c307", 0x104E, FIRST, 4, 0x4000007C, 0},
    /* the second reads another register; addi of the wrong funct3 */
    {RV32, "b757c93f03473712", 0, FIRST, 4, 0x3FC95000, 0},
    {RV32, "3705133c136505fe", 0, FIRST, 4, 0x3C130000, 0},
    /* the second halves */
    {RV32, "130505fe", 0x3C130000, SECOND, 4, 0x3C12FFE0, 0x3C130800},
    {RV32, "03c73712", 0x3FC95000, SECOND, 4, 0x3FC95123, 0x3FC94700},
    {RV32, "239fe7fe", 0x3FC95000, SECOND, 4, 0x3FC94FFE, 0x3FC95800},
    {RV64, "e700c307", 0x40000000, SECOND, 4, 0x4000007C, 0x40000800},
    /* a load relative to sp, and to x0 */
    {RV32, "83270101", 0, NONE, 4, 0, 0},
    {RV32, "83270001", 0, NONE, 4, 0, 0},
    /* c.j, c.jal (c.addiw on RV64), c.beqz, c.bnez */
    {RV32, "6da2", 0x1056, JUMP, 2, 0x1200, 0x1856},
    {RV32, "a537", 0x1058, JUMP, 2, 0xFC0, 0x856},
    {RV64, "a537", 0x1058, NONE, 2, 0, 0},
    {RV32, "59c1", 0x105A, JUMP, 2, 0x10E0, 0x115A},
    {RV64, "d5f8", 0x105C, JUMP, 2, 0x1010, 0xF5A},
    /* c.nop, addi */
    {RV32, "0100", 0, NONE, 2, 0, 0},
    /* call0 forward and back; j; l32r */
    {XTENSA, "c50200", 0x40201004, CALL, 3, 0x40201034, 0x40201036},
    {XTENSA, "c5fcff", 0x40201037, CALL, 3, 0x40201004, 0x40281038},
    {XTENSA, "460a00", 0x40201007, JUMP, 3, 0x40201034, 0x4022100B},
    {XTENSA, "21fdff", 0x4020100A, LITERAL, 3, 0x40201000, 0x4020100C},
    {XTENSA, "f1f2ff", 0x40201037, LITERAL, 3, 0x40201000, 0x40201002},
    /* beqz, bnez; beqi, bltui, beq, bbci */
    {XTENSA, "163302", 0x4020100D, JUMP, 3, 0x40201034, 0x40201811},
    {XTENSA, "5604ff", 0x40201010, JUMP, 3, 0x40201004, 0x40200813},
    {XTENSA, "26451d", 0x40201013, JUMP, 3, 0x40201034, 0x40201097},
    {XTENSA, "b645ea", 0x40201016, JUMP, 3, 0x40201004, 0x40200F99},
    {XTENSA, "371217", 0x40201019, JUMP, 3, 0x40201034, 0x4020109D},
    {XTENSA, "5762e4", 0x4020101C, JUMP, 3, 0x40201004, 0x40200F9F},
    /* loopnez, bt; beqz.n, bnez.n */
    {XTENSA, "769280", 0x40201000, JUMP, 3, 0x40201084, 0x40201003},
    {XTENSA, "761090", 0x40201000, JUMP, 3, 0x40200F94, 0x40201084},
    {XTENSA, "9c1300", 0x4020101F, JUMP, 2, 0x40201034, 0x40201022},
    {XTENSA, "ccf400", 0x40201021, JUMP, 2, 0x40201034, 0x40201065},
    /* entry; add; movi.n; ret.n */
    {XTENSA, "364100", 0, NONE, 3, 0, 0},
    {XTENSA, "402380", 0, NONE, 3, 0, 0},
    {XTENSA, "0c1300", 0, NONE, 2, 0, 0},
    {XTENSA, "0df000", 0, NONE, 2, 0, 0},
};

enum { BYTES = DFOTA_LOOK_AHEAD, VECTORS = sizeof vectors / sizeof vectors[0] };

static const uint8_t architectures[] = {RV32, RV64, XTENSA, DFOTA_ARCH_THUMB2};

static const struct dfota_isa *find(unsigned arch)
{
    bool found;
    const struct dfota_isa *isa = dfota_isa_find(arch, &found);

    assert_true(found);
    assert_non_null(isa);
    return isa;
}

/* As a caller has it: halves are told by kind, targets are whole. */
static struct dfota_operand parse(unsigned arch, const uint8_t *p,
                                  uint32_t avail, uint32_t pc)
{
    struct dfota_operand op = {.reg = DFOTA_REG_NONE, .writes = DFOTA_REG_NONE};

    find(arch)->parse(p, avail, pc, &op);
    if (op.kind == NONE)
        return op;
    if (op.half == DFOTA_SECOND)
        op.target += pc;
    op.kind = (uint8_t)(op.kind | op.half << 4);
    return op;
}

static uint32_t unhex(const char *hex, uint8_t out[BYTES])
{
    uint32_t len = (uint32_t)strlen(hex) / 2;
    unsigned byte;

    memset(out, 0, BYTES);
    for (uint32_t i = 0; i < len; i++) {
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return len;
}

static void every_encoding_names_its_target(void **state)
{
    (void)state;
    for (int i = 0; i < VECTORS; i++) {
        const struct vector *v = &vectors[i];
        uint8_t p[BYTES];
        uint32_t len = unhex(v->hex, p);
        struct dfota_operand op = parse(v->arch, p, len, v->pc);

        if (op.kind != v->kind || (op.kind && op.target != v->target))
            print_error("%u: %s at %x: %x\n", v->arch, v->hex, v->pc,
                        op.target);
        assert_int_equal(op.kind, v->kind);
        assert_int_equal(op.len, v->len);
        if (op.kind != NONE)
            assert_int_equal(op.target, v->target);
    }
}

static void an_instruction_cut_short_names_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < VECTORS; i++) {
        const struct vector *v = &vectors[i];
        uint8_t p[BYTES];
        struct dfota_operand op;

        unhex(v->hex, p);
        for (uint32_t avail = 0; v->kind && avail < v->len; avail++) {
            op = parse(v->arch, p, avail, v->pc);
            assert_true(op.kind == NONE || op.len <= avail);
        }
    }
}

static void written_in_another_place_the_target_stays(void **state)
{
    (void)state;
    for (int i = 0; i < VECTORS; i++) {
        const struct vector *v = &vectors[i];
        const struct dfota_isa *isa = find(v->arch);
        struct dfota_operand op;
        uint8_t p[BYTES];

        unhex(v->hex, p);
        /* A first half keeps no more than a part of its target. */
        if (v->kind == NONE || v->kind == FIRST)
            continue;
        assert_true(isa->write(p, v->pc + 8, v->target));
        op = parse(v->arch, p, v->len, v->pc + 8);
        assert_int_equal(op.kind, v->kind);
        assert_int_equal(op.target, v->target);
        assert_true(isa->write(p, v->pc + 8, v->target + 8));
        op = parse(v->arch, p, v->len, v->pc + 8);
        assert_int_equal(op.target, v->target + 8);
    }
}

static void out_of_range_nothing_is_written(void **state)
{
    (void)state;
    for (int i = 0; i < VECTORS; i++) {
        const struct vector *v = &vectors[i];
        uint8_t p[BYTES], was[BYTES];

        unhex(v->hex, p);
        memcpy(was, p, sizeof p);
        if (v->far == 0)
            continue;
        assert_false(find(v->arch)->write(p, v->pc, v->far));
        assert_memory_equal(p, was, sizeof p);
    }
}

/* Both halves of an address are written, then read together again. */
static void a_pair_gets_a_new_address(void **state)
{
    static const struct {
        uint8_t arch;
        const char *hex;
        uint8_t second; /* where the second half is */
    } pairs[] = {
        {RV32, "97f7ffff1385f77f", 4},
        {RV64, "1737000083260780", 4},
        {RV32, "9702040023aab200", 4},
        {RV32, "b757c93f010003c73712", 6},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const struct dfota_isa *isa = find(pairs[i].arch);
        uint8_t p[BYTES], *second = p + pairs[i].second;
        uint32_t len = unhex(pairs[i].hex, p);

        for (uint32_t to = 0x40101234; to < 0x40109234; to += 0x238) {
            struct dfota_operand op;

            assert_true(isa->write(p, 0x40110000, to));
            op = parse(pairs[i].arch, p, 4, 0x40110000);
            assert_int_equal(op.kind, FIRST);
            assert_true(isa->write(second, op.value, to));
            op = parse(pairs[i].arch, p, len, 0x40110000);
            assert_int_equal(op.target, to);
        }
    }
}

static uint32_t xorshift(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

/* Parse, then write the same target: the bytes must come back, none behind
 * the unit may change, and a moved target is either read back or refused. */
static void check_bytes(unsigned arch, const struct dfota_isa *isa,
                        const uint8_t *bytes, uint32_t pc, uint32_t delta)
{
    struct dfota_operand op, again;
    uint8_t p[BYTES];

    delta &= ~(isa->align - 1U);
    memcpy(p, bytes, sizeof p);
    op = parse(arch, p, BYTES, pc);
    if (op.kind == NONE)
        return;
    assert_in_range(op.len, 1, DFOTA_UNIT_MAX);
    if (!isa->write(p, pc, op.target) || memcmp(p, bytes, sizeof p) != 0)
        print_error("arch %u: %02x%02x%02x%02x %02x%02x%02x%02x at %x\n", arch,
                    bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5],
                    bytes[6], bytes[7], pc);
    assert_memory_equal(p, bytes, sizeof p);
    if (!isa->write(p, pc, op.target + delta)) {
        assert_memory_equal(p, bytes, sizeof p);
        return;
    }
    assert_memory_equal(p + op.len, bytes + op.len, sizeof p - op.len);
    again = parse(arch, p, BYTES, pc);
    if (again.kind != op.kind ||
        (op.kind != FIRST && again.target != op.target + delta))
        print_error("arch %u: %02x%02x%02x%02x %02x%02x%02x%02x at %x + %x\n",
                    arch, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                    bytes[5], bytes[6], bytes[7], pc, delta);
    assert_int_equal(again.kind, op.kind);
    assert_int_equal(again.len, op.len);
    if (op.kind != FIRST)
        assert_int_equal(again.target, op.target + delta);
}

static void every_first_halfword_is_read_and_written_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof architectures; i++) {
        const struct dfota_isa *isa = find(architectures[i]);
        uint32_t x = 0x12345678;

        for (uint32_t half = 0; half < 0x20000; half++) {
            uint8_t p[BYTES];
            uint32_t pc = (xorshift(&x) & 0x3FFFFFFF) & ~(isa->align - 1U);

            for (unsigned k = 0; k < sizeof p; k += 4)
                dfota_put_le32(p + k, xorshift(&x));
            dfota_put_le16(p, (uint16_t)half);
            check_bytes(architectures[i], isa, p, pc,
                        xorshift(&x) >> (x >> 12 & 31));
        }
    }
}

/* Bytes as code has them: halves of pairs behind each other. */
static void pairs_are_read_and_written_back(void **state)
{
    (void)state;
    for (int i = 0; i < VECTORS; i++) {
        const struct vector *v = &vectors[i];
        uint32_t x = 0x9E3779B9U + (uint32_t)i;
        uint8_t was[BYTES], p[BYTES] = {0};

        if (v->kind == NONE)
            continue;
        unhex(v->hex, was);
        for (int round = 0; round < 3000; round++) {
            memcpy(p, was, sizeof was);
            for (unsigned flips = xorshift(&x) % 6; flips > 0; flips--) {
                unsigned bit = xorshift(&x) % (8U * v->len);

                p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
            check_bytes(v->arch, find(v->arch), p, v->pc,
                        xorshift(&x) >> (x >> 12 & 31));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoding_names_its_target),
        cmocka_unit_test(an_instruction_cut_short_names_nothing),
        cmocka_unit_test(written_in_another_place_the_target_stays),
        cmocka_unit_test(out_of_range_nothing_is_written),
        cmocka_unit_test(a_pair_gets_a_new_address),
        cmocka_unit_test(every_first_halfword_is_read_and_written_back),
        cmocka_unit_test(pairs_are_read_and_written_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
