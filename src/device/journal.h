/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The journal: what the updater has decided, on two mirrors of flash.
 *
 * Layer: device (freestanding). The journal area is halved into mirrors J0
 * and J1 of whole sectors. A mirror is
 *
 *   0     head      140 bytes
 *   140   table     24 bytes a window: digest 16 | package offset u32 |
 *                   CRC-32 of these 20
 *   ..    records   one a stride (16 bytes, or a program unit if larger)
 *
 * head:    "DJ" | version 1 | flags | u16 windows | u16 0 | u32 counter |
 *          u32 update id | 8 x u32 ids whose permit is used | manifest 80 |
 *          8 x 0 | u32 CRC-32, in 140 bytes, all little endian
 * record:  u32 sequence | u32 update id, xor CRC-32 of the notes if there
 *          are any | u8 type | u8 tries | u16 window | u32 CRC-32
 *
 * The records begin at the first whole program unit behind the table. A
 * mirror counts when head, table and state records are valid, and begins
 * with its state twice; mirror.h says which one is believed. Invariants 1 to
 * 5 of docs/invariants.md are kept in journal.c and mirror.c.
 */
#ifndef DFOTA_DEVICE_JOURNAL_H
#define DFOTA_DEVICE_JOURNAL_H

#include <stdbool.h>

#include "device/package.h"

#define DFOTA_RECORD_LEN 16
#define DFOTA_ENTRY_LEN 24  /* a window's in the table */
#define DFOTA_PERMITS_MAX 8 /* used ones remembered; then none is taken */
#define DFOTA_JOURNAL_HEAD_LEN 140
#define DFOTA_JOURNAL_RECORDS 64 /* room asked for in a mirror */
#define DFOTA_NOTES 34           /* 32 words of sector map, then two offsets */
#define DFOTA_NOTE_OFFSET 32     /* + window & 1: where its coded bytes begin */

enum dfota_record {
    DFOTA_RECORD_CLEAN = 1, /* no update; what runs is confirmed */
    DFOTA_RECORD_PENDING,   /* asked for; tries: begun before, window: flags */
    DFOTA_RECORD_ARMED,     /* manifest and table are in the heads */
    DFOTA_RECORD_READY,     /* backup holds the window; tries: some RESTORE */
    DFOTA_RECORD_RESTORE,   /* the slot is being written; tries: group */
    DFOTA_RECORD_DONE,      /* the slot holds the window */
    DFOTA_RECORD_FINISHED,  /* all windows done, not confirmed */
    DFOTA_RECORD_FAILED,    /* given up, the old image runs; tries: error */
    DFOTA_RECORD_HELD,      /* nothing may run; tries: error, bit 7: RESTORE */
    DFOTA_RECORD_NOTE,      /* one note: window is its index, id its value */
};

/* Flags of the head, and of PENDING's window field. */
#define DFOTA_JOURNAL_BROKEN 0x01 /* the slot held no image at the start */
#define DFOTA_JOURNAL_SINGLE                                                   \
    0x02 /* one window: a cut before READY discards                            \
          */

struct dfota_state {
    uint8_t type; /* enum dfota_record, never NOTE */
    uint8_t tries;
    uint16_t window; /* production order */
};

struct dfota_mirror {
    uint32_t seq;   /* newest record's */
    uint32_t pos;   /* offset in the mirror of the next record */
    uint8_t copies; /* valid state records, 0, 1, or 2 for more */
};

/* What a head says, beside its manifest's own fields. */
struct dfota_head {
    uint8_t flags;
    uint16_t windows; /* entries of the table */
    uint32_t counter; /* security counter */
    uint32_t permits[DFOTA_PERMITS_MAX];
    uint8_t manifest[DFOTA_MANIFEST_LEN];
};

struct dfota_journal {
    const struct dfota_flash *flash;
    struct dfota_mirror mirror[2];
    struct dfota_state state;
    struct dfota_head head;
    uint32_t seq; /* of the last record written or read */
    uint32_t id;  /* of the update the state is about */
    uint32_t notes[DFOTA_NOTES];
    bool fresh;   /* this boot has erased the mirrors itself */
    bool noted;   /* notes that flash does not hold yet */
    uint32_t out; /* a mirror in the making: flash offset of page */
    uint16_t fill;
    uint8_t page[256];
};

/**
 * Bytes of journal area that updates of up to that many windows need.
 *
 * windows  1 .. DFOTA_WINDOWS_MAX
 */
uint32_t dfota_journal_len(uint32_t erase_size, uint16_t prog_size,
                           uint32_t windows);

/** Windows the table of this journal has room for, 0 if none. */
uint32_t dfota_journal_windows(const struct dfota_journal *j);

/**
 * Find the newest state. Writes nothing. A journal without a valid mirror
 * is a new device's: CLEAN, counter 0.
 *
 * errors   E_ARG the area cannot hold a journal
 * cost     reads both mirrors whole
 */
int dfota_journal_open(struct dfota_journal *j, const struct dfota_flash *f);

/** True when both mirrors say the same, so that nothing needs repair. */
bool dfota_journal_whole(const struct dfota_journal *j);

/**
 * Record a state on both mirrors: the lagging one first, else J0; the other
 * when that has been read back. At the first record of a boot, and when a
 * mirror is full or torn, it is erased and begun anew.
 *
 * errors   E_FLASH; then only open() is legal
 * power    may be cut anywhere: docs/invariants.md 1 to 6
 */
int dfota_journal_put(struct dfota_journal *j, uint8_t type, uint8_t tries,
                      uint32_t window);

/** A note; the next put() writes all notes before its record. */
void dfota_journal_note(struct dfota_journal *j, uint32_t index,
                        uint32_t value);

/** Is a mirror large enough for all the notes there can be? */
bool dfota_journal_takes_notes(const struct dfota_journal *j);

/**
 * Begin new heads from j->head (set by the caller): recycles J0, J1 keeps
 * the old state. Then add() an entry a window, flush(), and commit() the
 * state that the new heads belong to.
 *
 * errors   E_FLASH; then only open() is legal
 */
int dfota_journal_begin(struct dfota_journal *j);
int dfota_journal_add(struct dfota_journal *j,
                      const uint8_t digest[DFOTA_DIGEST_LEN], uint32_t off);
int dfota_journal_flush(struct dfota_journal *j);
int dfota_journal_commit(struct dfota_journal *j, uint8_t type, uint8_t tries,
                         uint32_t window);

/**
 * Entry w of the table, from whichever mirror has it whole (J0 between
 * flush() and commit()).
 *
 * errors   E_FLASH
 */
int dfota_journal_entry(const struct dfota_journal *j, uint32_t w,
                        uint8_t digest[DFOTA_DIGEST_LEN], uint32_t *off);

#endif
