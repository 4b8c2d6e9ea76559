/* SPDX-License-Identifier: Apache-2.0 */
/* Every instruction set behind struct dfota_isa, against encodings made by
 * assemblers and by hand from the architecture manuals, and against itself
 * on random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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
    const char *hex; /* the bytes in memory order */
    unsigned arch;
    uint32_t pc;
    unsigned kind, len; /* kind, with half << 4 */
    uint32_t target;
    uint32_t far; /* a target out of range; 0: all can be reached */
};

#define RV32 DFOTA_ARCH_RV32
#define RV64 DFOTA_ARCH_RV64
#define XTENSA DFOTA_ARCH_XTENSA
#define A64 DFOTA_ARCH_A64
#define A32 DFOTA_ARCH_A32
#define AVR DFOTA_ARCH_AVR
#define M51 DFOTA_ARCH_8051
#define X86 DFOTA_ARCH_X86
#define THUMB2 DFOTA_ARCH_THUMB2

static const struct vector vectors[] = {
    /* jal ra, jal x0 */
    {"ef202134", RV32, 0x1002, CALL, 4, 0x13344, 0x201002},
    {"6ff0bfef", RV32, 0x1006, CALL, 4, 0xF00, 0x101006},
    /* beq a0,a1; bltu s1,t6 */
    {"630bb56e", RV32, 0x100A, JUMP, 4, 0x1700, 0x200A},
    {"63e9f4ff", RV64, 0x100E, JUMP, 4, 0x800, 0xC},
    /* auipc with jalr, addi, lw, sw */
    {"97200100e780c0ff", RV32, 0x1012, CALL, 8, 0x1300E, 0},
    {"97f7ffff1385f77f", RV32, 0x101A, FIRST, 4, 0x819, 0},
    {"1737000083260780", RV64, 0x1022, FIRST, 4, 0x3822, 0},
    {"9702040023aab200", RV32, 0x102A, FIRST, 4, 0x4103E, 0},
    /* lui with addi, lbu, sh; one instruction between */
    {"3705133c130505fe", RV32, 0x1032, FIRST, 4, 0x3C12FFE0, 0},
    {"b757c93f03c73712", RV32, 0x103A, FIRST, 4, 0x3FC95123, 0},
    {"b757c93f239fe7fe", RV32, 0x1042, FIRST, 4, 0x3FC94FFE, 0},
    {"b757c93f010003c73712", RV32, 0x103A, FIRST, 4, 0x3FC95123, 0},
    {"37030040e700c307", RV32, 0x104E, FIRST, 4, 0x4000007C, 0},
    /* the second reads another register; addi of the wrong funct3 */
    {"b757c93f03473712", RV32, 0, FIRST, 4, 0x3FC95000, 0},
    {"3705133c136505fe", RV32, 0, FIRST, 4, 0x3C130000, 0},
    /* the second halves */
    {"130505fe", RV32, 0x3C130000, SECOND, 4, 0x3C12FFE0, 0x3C130800},
    {"03c73712", RV32, 0x3FC95000, SECOND, 4, 0x3FC95123, 0x3FC94700},
    {"239fe7fe", RV32, 0x3FC95000, SECOND, 4, 0x3FC94FFE, 0x3FC95800},
    {"e700c307", RV64, 0x40000000, SECOND, 4, 0x4000007C, 0x40000800},
    /* a load relative to sp, and to x0 */
    {"83270101", RV32, 0, NONE, 4, 0, 0},
    {"83270001", RV32, 0, NONE, 4, 0, 0},
    /* c.j, c.jal (c.addiw on RV64), c.beqz, c.bnez */
    {"6da2", RV32, 0x1056, JUMP, 2, 0x1200, 0x1856},
    {"a537", RV32, 0x1058, JUMP, 2, 0xFC0, 0x856},
    {"a537", RV64, 0x1058, NONE, 2, 0, 0},
    {"59c1", RV32, 0x105A, JUMP, 2, 0x10E0, 0x115A},
    {"d5f8", RV64, 0x105C, JUMP, 2, 0x1010, 0xF5A},
    /* c.nop, addi */
    {"0100", RV32, 0, NONE, 2, 0, 0},
    /* call0 forward and back; j; l32r */
    {"c50200", XTENSA, 0x40201004, CALL, 3, 0x40201034, 0x40201036},
    {"c5fcff", XTENSA, 0x40201037, CALL, 3, 0x40201004, 0x40281038},
    {"460a00", XTENSA, 0x40201007, JUMP, 3, 0x40201034, 0x4022100B},
    {"21fdff", XTENSA, 0x4020100A, LITERAL, 3, 0x40201000, 0x4020100C},
    {"f1f2ff", XTENSA, 0x40201037, LITERAL, 3, 0x40201000, 0x40201002},
    /* beqz, bnez; beqi, bltui, beq, bbci */
    {"163302", XTENSA, 0x4020100D, JUMP, 3, 0x40201034, 0x40201811},
    {"5604ff", XTENSA, 0x40201010, JUMP, 3, 0x40201004, 0x40200813},
    {"26451d", XTENSA, 0x40201013, JUMP, 3, 0x40201034, 0x40201097},
    {"b645ea", XTENSA, 0x40201016, JUMP, 3, 0x40201004, 0x40200F99},
    {"371217", XTENSA, 0x40201019, JUMP, 3, 0x40201034, 0x4020109D},
    {"5762e4", XTENSA, 0x4020101C, JUMP, 3, 0x40201004, 0x40200F9F},
    /* loopnez, bt; beqz.n, bnez.n */
    {"769280", XTENSA, 0x40201000, JUMP, 3, 0x40201084, 0x40201003},
    {"761090", XTENSA, 0x40201000, JUMP, 3, 0x40200F94, 0x40201084},
    {"9c1300", XTENSA, 0x4020101F, JUMP, 2, 0x40201034, 0x40201022},
    {"ccf400", XTENSA, 0x40201021, JUMP, 2, 0x40201034, 0x40201065},
    /* entry; add; movi.n; ret.n */
    {"364100", XTENSA, 0, NONE, 3, 0, 0},
    {"402380", XTENSA, 0, NONE, 3, 0, 0},
    {"0c1300", XTENSA, 0, NONE, 2, 0, 0},
    {"0df000", XTENSA, 0, NONE, 2, 0, 0},
    /* bl, b; b.ne, cbz, cbnz; tbz, tbnz */
    {"ff3f0094", A64, 0x80004, CALL, 4, 0x90000, 0x8080004},
    {"fefeff17", A64, 0x80008, CALL, 4, 0x7FC00, 0x7FC02},
    {"a17f0054", A64, 0x8000C, JUMP, 4, 0x81000, 0x18000C},
    {"81fbffb4", A64, 0x80010, JUMP, 4, 0x7FF80, 0x180010},
    {"62ff0135", A64, 0x80014, JUMP, 4, 0x84000, 0x180014},
    {"430740b6", A64, 0x80018, JUMP, 4, 0x80100, 0x88018},
    {"247f1f37", A64, 0x8001C, JUMP, 4, 0x7F000, 0x78018},
    /* ldr of x, s and sw; adr */
    {"05ff0058", A64, 0x80020, LITERAL, 4, 0x82000, 0x82001},
    {"e67eff1c", A64, 0x80024, LITERAL, 4, 0x7F000, 0x180024},
    {"c7000098", A64, 0x80028, LITERAL, 4, 0x80040, 0x180028},
    {"c8180930", A64, 0x8002C, LITERAL, 4, 0x92345, 0x18002C},
    /* adrp with add, ldr, a str behind another instruction */
    {"090900f0298d0491", A64, 0x80030, FIRST, 4, 0x1A3123, 0x0},
    {"cafffff04bfd47f9", A64, 0x80038, FIRST, 4, 0x7BFF8, 0x0},
    {"0c000090e10302aa830504b9", A64, 0x80040, FIRST, 4, 0x80404, 0x0},
    {"0c000090e10302aa", A64, 0x80040, FIRST, 4, 0x80000, 0x0},
    /* add, ldr, str, ldr of q, strb */
    {"298d0491", A64, 0x1A3000, SECOND, 4, 0x1A3123, 0x1A4000},
    {"4bfd47f9", A64, 0x7B000, SECOND, 4, 0x7BFF8, 0x7B004},
    {"830504b9", A64, 0x80000, SECOND, 4, 0x80404, 0x80402},
    {"8041c03d", A64, 0x80000, SECOND, 4, 0x80100, 0x80108},
    {"83111039", A64, 0x80000, SECOND, 4, 0x80404, 0x7FC00},
    /* relative to sp; ret; movz */
    {"ff430091", A64, 0x0, NONE, 4, 0x0, 0x0},
    {"e00740f9", A64, 0x0, NONE, 4, 0x0, 0x0},
    {"c0035fd6", A64, 0x0, NONE, 4, 0x0, 0x0},
    {"800080d2", A64, 0x0, NONE, 4, 0x0, 0x0},
    /* bl, bne, blx */
    {"fd3f00eb", A32, 0x8004, CALL, 4, 0x18000, 0x200800C},
    {"fcfeff1a", A32, 0x8008, CALL, 4, 0x7C00, 0x7C02},
    {"fb0000fb", A32, 0x800C, CALL, 4, 0x8402, 0x8401},
    /* ldr, ldrb, vldr of s and d */
    {"e8519fe5", A32, 0x8010, LITERAL, 4, 0x8200, 0x9018},
    {"1c605fe5", A32, 0x8014, LITERAL, 4, 0x8000, 0x701C},
    {"090a9fed", A32, 0x8018, LITERAL, 4, 0x8044, 0x8042},
    {"091b1fed", A32, 0x801C, LITERAL, 4, 0x8000, 0x8424},
    /* movw, movt; one of another register */
    {"783605e3003042e3", A32, 0x8020, FIRST, 4, 0x20005678, 0x0},
    {"344201e30100a0e1004840e3", A32, 0x8028, FIRST, 4, 0x8001234, 0x0},
    {"003042e3", A32, 0x5678, SECOND, 4, 0x20005678, 0x20005679},
    {"783605e3004042e3", A32, 0x0, NONE, 4, 0x0, 0x0},
    /* str, ldr relative to others */
    {"04008fe5", A32, 0x0, NONE, 4, 0x0, 0x0},
    {"040091e5", A32, 0x0, NONE, 4, 0x0, 0x0},
    /* call, jmp, rcall, rjmp; breq, brcc */
    {"0e941a09", AVR, 0x0, CALL, 4, 0x1234, 0x800000},
    {"0c94ffff", AVR, 0x0, CALL, 4, 0x1FFFE, 0x1FFFF},
    {"0d940100", AVR, 0x0, CALL, 4, 0x20002, 0x1000000},
    {"80d0", AVR, 0x100, CALL, 2, 0x202, 0x1102},
    {"c0cf", AVR, 0x100, CALL, 2, 0x82, 0x83},
    {"81f0", AVR, 0x100, JUMP, 2, 0x122, 0x182},
    {"80f7", AVR, 0x100, JUMP, 2, 0xE2, 0x7E},
    /* lds, sts; ldi of r30 and r31, of a small number */
    {"00912301", AVR, 0x0, LITERAL, 4, 0x800123, 0x810000},
    {"10934503", AVR, 0x0, LITERAL, 4, 0x800345, 0x7FFFFF},
    {"e4e3f2e1", AVR, 0x0, LITERAL, 4, 0x801234, 0x8000FF},
    /* subi r30, sbci r31: 0x1AE is added; sbci of another register */
    {"e255fe4f", AVR, 0, LITERAL, 4, 0x8001AE, 0x8000FF},
    {"e255ee4f", AVR, 0, NONE, 2, 0, 0},
    {"84e390e0", AVR, 0x0, NONE, 2, 0x0, 0x0},
    {"e4e392e1", AVR, 0x0, NONE, 2, 0x0, 0x0},
    {"010c0000", AVR, 0x0, NONE, 2, 0x0, 0x0},
    /* lcall, ljmp, mov dptr; acall, ajmp */
    {"121234", M51, 0x100, CALL, 3, 0x1234, 0x10000},
    {"02abcd", M51, 0x100, CALL, 3, 0xABCD, 0x10000},
    {"901f00", M51, 0x100, LITERAL, 3, 0x1F00, 0x10000},
    {"f110", M51, 0x100, JUMP, 2, 0x710, 0x810},
    {"0180", M51, 0x7FE, JUMP, 2, 0x880, 0x7F0},
    /* mov a,#; cjne; ret; djnz r1; mov dir,# */
    {"740500", M51, 0x0, NONE, 2, 0x0, 0x0},
    {"b40512", M51, 0x0, NONE, 3, 0x0, 0x0},
    {"220000", M51, 0x0, NONE, 1, 0x0, 0x0},
    {"d9fe00", M51, 0x0, NONE, 2, 0x0, 0x0},
    {"758920", M51, 0x0, NONE, 3, 0x0, 0x0},
    /* call, jmp, je */
    {"e8fb0f0000", X86, 0x1000, CALL, 5, 0x2000, 0x1101005},
    {"e9fbefffff", X86, 0x1000, CALL, 5, 0x0, 0x2000000},
    {"0f84fa000000", X86, 0x1000, CALL, 6, 0x1100, 0x2000000},
    /* lea, mov relative to rip; relative to rbp; far beyond */
    {"488d05f9000000", X86, 0x1000, LITERAL, 7, 0x1100, 0x2000000},
    {"4c8b0df9ffffff", X86, 0x1000, LITERAL, 7, 0x1000, 0x2000000},
    {"488d45f9000000", X86, 0x1000, NONE, 0, 0x0, 0x0},
    {"e800000040", X86, 0x1000, NONE, 0, 0x0, 0x0},
    /* bl, b.w; bne.w, b, beq, cbz, cbnz */
    {"0ff0fdff", THUMB2, 0x8002, CALL, 4, 0x18000, 0x1008006},
    {"fff7fbbd", THUMB2, 0x8006, CALL, 4, 0x7C00, 0x2000000},
    {"40f0f987", THUMB2, 0x800A, JUMP, 4, 0x9000, 0x10800E},
    {"f7e0", THUMB2, 0x800E, JUMP, 2, 0x8200, 0x8812},
    {"d6d0", THUMB2, 0x8010, JUMP, 2, 0x7FC0, 0x8114},
    {"a9b1", THUMB2, 0x8012, JUMP, 2, 0x8040, 0x8014},
    {"22bb", THUMB2, 0x8014, JUMP, 2, 0x8060, 0x8098},
    /* ldr of 8 bits, ldr and ldrh of 12 */
    {"3b4b", THUMB2, 0x8016, LITERAL, 2, 0x8104, 0x8106},
    {"5ff81c40", THUMB2, 0x8018, LITERAL, 4, 0x8000, 0x901C},
    {"bff8dc57", THUMB2, 0x801C, LITERAL, 4, 0x87FC, 0x7020},
    /* movw, movt; one behind another instruction */
    {"45f27863c2f20003", THUMB2, 0x8020, FIRST, 4, 0x20005678, 0x0},
    {"41f634040846c0f60004", THUMB2, 0x8028, FIRST, 4, 0x8001834, 0x0},
    {"c2f20003", THUMB2, 0x5678, SECOND, 4, 0x20005678, 0x20005679},
    /* movw alone; mov, adds, ldr, udf */
    {"45f27863c2f20004", THUMB2, 0x8020, NONE, 4, 0x0, 0x0},
    {"0846", THUMB2, 0x0, NONE, 2, 0x0, 0x0},
    {"8818", THUMB2, 0x0, NONE, 2, 0x0, 0x0},
    {"4868", THUMB2, 0x0, NONE, 2, 0x0, 0x0},
    {"00de", THUMB2, 0x0, NONE, 2, 0x0, 0x0},
};

enum { BYTES = DFOTA_LOOK_AHEAD, VECTORS = sizeof vectors / sizeof vectors[0] };

static const uint8_t architectures[] = {
    RV32, RV64, XTENSA, A64, A32, AVR, M51, X86, THUMB2,
};

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

    memset(out, 0, BYTES);
    for (size_t i = 0; i < len; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], 0};

        out[i] = (uint8_t)strtoul(digits, NULL, 16);
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
        /* A half keeps no more than a part of its target. */
        if (v->kind == NONE || v->kind == FIRST || v->kind == SECOND)
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
        const char *hex;
        unsigned arch, second; /* where the second half is */
    } pairs[] = {
        {"41f634040846c0f60004", THUMB2, 6},
        {"97f7ffff1385f77f", RV32, 4},
        {"1737000083260780", RV64, 4},
        {"9702040023aab200", RV32, 4},
        {"b757c93f010003c73712", RV32, 6},
        {"090900f0298d0491", A64, 4},
        {"0c000090e10302aa830504b9", A64, 8},
        {"344201e30100a0e1004840e3", A32, 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const struct dfota_isa *isa = find(pairs[i].arch);
        uint8_t p[BYTES], *second = p + pairs[i].second;
        uint32_t len = unhex(pairs[i].hex, p);

        for (uint32_t to = 0x40101234; to < 0x40109234; to += 0x244) {
            struct dfota_operand op;

            assert_true(isa->write(p, 0x40110000, to));
            op = parse(pairs[i].arch, p, 4, 0x40110000);
            assert_int_equal(op.half, DFOTA_FIRST);
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
