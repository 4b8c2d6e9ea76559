/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Projection: what an operand of the old image becomes in the new one.
 *
 * Layer: device (freestanding), shared by decoder and generator. T tells
 * where old content went; the architecture tells which bytes of an
 * instruction name an address. Nothing here is trusted: a wrong projection
 * is a wrong guess, and a guess costs bits, never safety.
 *
 * Addresses and offsets: a region gives the images' bytes their addresses,
 * address = offset + bias, and the biases of old and new may differ.
 * source   docs/format.md 5
 */
#ifndef DFOTA_DEVICE_PROJECT_H
#define DFOTA_DEVICE_PROJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_REGIONS_MAX 8

/* How a unit was predicted; DIFFERS is or'ed in when the prediction is not
 * simply the old bytes. */
enum dfota_kind {
    DFOTA_KIND_PLAIN,            /* the old bytes */
    DFOTA_KIND_CALL,             /* a branch or call of long range */
    DFOTA_KIND_JUMP,             /* a branch of short range */
    DFOTA_KIND_LITERAL,          /* an address or a load relative to the PC */
    DFOTA_KIND_POINTER,          /* an absolute address in the image */
    DFOTA_KIND_DATA,             /* an absolute address elsewhere, learnt */
    DFOTA_KIND_LITERAL_BYTE = 7, /* not predicted at all */
    DFOTA_KIND_DIFFERS = 8,
};

#define DFOTA_UNIT_MAX 8    /* bytes a unit may have */
#define DFOTA_LOOK_AHEAD 24 /* old bytes it may look at, from its start */

struct dfota_region {
    uint32_t off, len; /* in the old image */
    uint32_t old_bias; /* address = offset + bias */
    uint32_t new_bias;
};

/* An entry of T: from this old offset on, content moved by shift. */
struct dfota_shift {
    uint32_t start;
    uint32_t shift; /* modulo 2^32 */
};

/* An old address whose new value has been seen. */
struct dfota_known {
    uint32_t from, to;
};

/* A ring of known addresses; the oldest makes room. */
struct dfota_memory {
    struct dfota_known *entry;
    uint16_t len, cap, next;
};

#define DFOTA_FIRSTS 8 /* a power of two */

/* What a first half loaded, in the old image and in the new one. */
struct dfota_first {
    uint8_t reg; /* DFOTA_REG_NONE: nothing */
    uint32_t from, to;
};

struct dfota_project {
    const struct dfota_isa *isa; /* NULL: raw */
    uint8_t regions;
    uint8_t data_top; /* high byte of data addresses, 0: none */
    uint16_t t_len, t_cap;
    struct dfota_shift *t;    /* sorted by start */
    struct dfota_memory code; /* targets of operands */
    struct dfota_memory data; /* words that are not in the image */
    struct dfota_first first[DFOTA_FIRSTS]; /* by register, low bits */
    struct dfota_region region[DFOTA_REGIONS_MAX];
};

/* An address may be put together by two instructions: the first loads a
 * register, the second, some way behind, adds the rest. */
enum dfota_half { DFOTA_WHOLE, DFOTA_FIRST, DFOTA_SECOND };

#define DFOTA_REG_NONE 0xFF
#define DFOTA_REG_ALL 0xFE

/* An instruction: the operand it has, and what it does to registers. */
struct dfota_operand {
    uint8_t kind;   /* enum dfota_kind; 0: it names no address */
    uint8_t len;    /* bytes, 1 .. DFOTA_UNIT_MAX; 0: not known */
    uint8_t half;   /* enum dfota_half */
    uint8_t reg;    /* that a half loads or adds to */
    uint8_t writes; /* register overwritten, also by what has no operand */
    /* The address; a second half: what it adds to the value loaded. */
    uint32_t target;
    uint32_t value; /* a first half: what it loads */
};

/* One instruction set. Both functions are pure. */
struct dfota_isa {
    uint8_t align; /* of instructions, bytes */
    uint8_t state; /* bits of a code address that are no place: Thumb's 0 */
    /* The instruction at p, which is at pc. avail bytes are there: a first
     * half may look among them for its second one. out is 0 but for the
     * registers, DFOTA_REG_NONE. */
    void (*parse)(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out);
    /* Put target into the instruction at p, now at pc; for a second half pc
     * is the value that the first one loads now. DFOTA_UNIT_MAX bytes are
     * there, those behind the instruction may be anything. false: out
     * of its range, p is as it was. */
    bool (*write)(uint8_t *p, uint32_t pc, uint32_t target);
};

/** The instruction set of an architecture; NULL: raw. found: out. Firmware may
 * define it itself, with its own set alone. */
const struct dfota_isa *dfota_isa_find(unsigned arch, bool *found);

extern const struct dfota_isa dfota_isa_thumb2;
extern const struct dfota_isa dfota_isa_a32;
extern const struct dfota_isa dfota_isa_a64;
extern const struct dfota_isa dfota_isa_rv32;
extern const struct dfota_isa dfota_isa_rv64;
extern const struct dfota_isa dfota_isa_xtensa;
extern const struct dfota_isa dfota_isa_avr;
extern const struct dfota_isa dfota_isa_8051;
extern const struct dfota_isa dfota_isa_x86;

/** Enter a segment into T: old bytes from start on moved by shift.
 * false: T is full. */
bool dfota_project_enter(struct dfota_project *p, uint32_t start,
                         uint32_t shift);

/** Where the old offset went, by T. */
uint32_t dfota_project_offset(const struct dfota_project *p, uint32_t off);

/** The old address lies in a region. */
bool dfota_project_covers(const struct dfota_project *p, uint32_t address);

/** Forget the addresses learnt. */
void dfota_project_reset(struct dfota_project *p);

/* A unit: where it is copied from and to, what is foretold, what is true. */
struct dfota_unit {
    uint8_t kind;                  /* enum dfota_kind */
    uint8_t len;                   /* bytes */
    uint8_t made[DFOTA_UNIT_MAX];  /* the new bytes */
    uint8_t bytes[DFOTA_UNIT_MAX]; /* as predicted */
    const uint8_t *old;            /* DFOTA_LOOK_AHEAD old bytes */
    uint32_t o, n;                 /* offset of those, of the new ones */
    uint32_t old_pc, new_pc;       /* their addresses */
    uint32_t from;                 /* old address named; 0 for PLAIN */
};

/**
 * Predict the unit that copies u->old (offset u->o) to offset u->n: fills in
 * the rest but the bytes made.
 *
 * avail    bytes the unit may have, at least 1
 */
void dfota_project_unit(struct dfota_project *p, struct dfota_unit *u,
                        uint32_t avail);

/** Learn from the unit's true bytes. */
void dfota_project_learn(struct dfota_project *p, const struct dfota_unit *u);

#ifdef __cplusplus
}
#endif

#endif
