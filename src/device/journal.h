/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The journal: what the updater has decided, on two mirrors of flash.
 *
 * Layer: device (freestanding). The journal area is halved into mirrors J0
 * and J1 of whole sectors. A mirror is
 *
 *   0     head      struct dfota_head, with the manifest and the counter
 *   ..    table     struct dfota_entry, one a window
 *   ..    records   struct dfota_state with as much of the map as the head
 *                   says, in whole program units, from a whole unit on
 *
 * in the device's own byte order: nobody else reads it. Each of the three
 * begins with the CRC-32 of the bytes behind it; that of entries and records
 * goes on from the head's, so that what an erase that lied has left of another
 * update is not valid.
 *
 * A mirror counts when head, table and state records are valid, and begins
 * with its state twice. Invariants 1 to 5 of docs/invariants.md are kept in
 * journal.c.
 */
#ifndef DFOTA_DEVICE_JOURNAL_H
#define DFOTA_DEVICE_JOURNAL_H

#include <stdbool.h>

#include "device/package.h"
#include "device/pages.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_PERMITS_MAX 8      /* used ones remembered; then none is taken */
#define DFOTA_JOURNAL_RECORDS 64 /* room asked for in a mirror */
#define DFOTA_MAP_WORDS 16       /* most: 512 granules a window */
#define DFOTA_RECORD_LEN 20      /* bytes of struct dfota_state but the map */

enum dfota_record {
    DFOTA_RECORD_CLEAN = 1, /* no update; what runs is confirmed */
    DFOTA_RECORD_FAILED,    /* given up, the old image runs; tries: error */
    DFOTA_RECORD_FINISHED,  /* all windows done, not confirmed */
    /* These four have no table; the others have. */
    DFOTA_RECORD_PENDING, /* asked for; tries: begun before */
    DFOTA_RECORD_ARMED,   /* manifest and table are in the heads */
    DFOTA_RECORD_READY,   /* backup holds the window; tries: some RESTORE */
    DFOTA_RECORD_RESTORE, /* the slot is being written; tries: group */
    DFOTA_RECORD_DONE,    /* the slot holds all windows before this one */
    DFOTA_RECORD_HELD,    /* nothing may run; tries: error, bit 7: RESTORE */
};

/* Flags of the head. */
#define DFOTA_JOURNAL_BROKEN 0x01 /* the slot held no image at the start */
#define DFOTA_JOURNAL_SELF 0x02   /* several windows that cannot be run dry */
#define DFOTA_JOURNAL_ROLL 0x04   /* a cut before READY discards */

/* A record: what has been decided last. */
struct dfota_state {
    uint32_t crc;
    uint8_t type;    /* enum dfota_record */
    uint8_t tries;   /* of the window, or what the type says */
    uint16_t window; /* that is being made, production order */
    uint32_t seq;
    uint32_t off;  /* in the package: the window's coded bytes */
    uint32_t next; /* the next one's, once this one has been decoded */
    /* READY, RESTORE: a bit for each granule that the slot holds already and
     * the backup therefore does not. */
    uint32_t map[DFOTA_MAP_WORDS];
};

/* What holds for a whole update. */
struct dfota_head {
    uint32_t crc;
    uint8_t version;
    uint8_t flags;
    uint8_t granule_log2; /* bytes of image a bit of the map is for */
    uint8_t map_words;
    uint32_t windows; /* entries of the table */
    uint32_t counter; /* security counter */
    struct dfota_package package;
    uint32_t permits[DFOTA_PERMITS_MAX]; /* CRC-32 of their manifests */
};

/* A window's entry of the table. */
struct dfota_entry {
    uint32_t crc;
    uint32_t off; /* of its coded bytes in the package, 0: not known */
    uint8_t digest[DFOTA_DIGEST_LEN];
};

struct dfota_mirror {
    uint32_t off;    /* of it in the area */
    uint32_t pos;    /* of the next record in the area; 0: begin it anew */
    uint32_t seq;    /* newest record's */
    uint32_t copies; /* valid state records, 0, 1, or 2 for more */
};

/* Thumb reaches a byte in the first 32 of a struct, a word in the first 128,
 * by one instruction: what is used most comes first. */
struct dfota_journal {
    struct dfota_state state;
    const struct dfota_flash *flash;
    uint32_t len;  /* of a mirror */
    uint32_t seed; /* of the CRC-32: another head's records are not valid */
    struct dfota_mirror mirror[2];
    struct dfota_pages pages;
    struct dfota_head head;
    uint8_t unread; /* bit i: some of mirror i could not be read */
    bool making;    /* J0 has a new head and table, its state is to come */
    uint32_t page[DFOTA_PAGE_LEN / 4];
};

/**
 * Bytes of journal area that updates of up to that many windows need.
 *
 * windows  1 .. DFOTA_WINDOWS_MAX
 */
uint32_t dfota_journal_len(uint32_t erase_size, uint16_t prog_size,
                           uint32_t windows);

/** Does an update of so many windows with such a map fit? */
bool dfota_journal_fits(const struct dfota_journal *j, uint32_t windows,
                        uint32_t map_words);

/**
 * Find the newest state. Writes nothing. A journal without a valid mirror
 * is a new device's: CLEAN, counter 0.
 *
 * errors   E_ARG the area cannot hold a journal; E_FLASH there is none, and
 *          both mirrors had places that could not be read: no cut does that.
 *          The state is HELD then, and nothing may be put.
 * cost     reads both mirrors whole, twice
 */
int dfota_journal_open(struct dfota_journal *j, const struct dfota_flash *f);

/** True when both mirrors say the same, so that nothing needs repair. A new
 * device's do not: nothing tells them from mirrors that read otherwise
 * tomorrow. */
bool dfota_journal_whole(const struct dfota_journal *j);

/**
 * Record j->state with that type and those tries on both mirrors: the lagging
 * one first, the other when that has been read back. At the first record of
 * a boot, for a type without table, and when a mirror is full or torn, it is
 * erased and begun anew with j->head.
 *
 * errors   E_FLASH; then only open() is legal
 * power    may be cut anywhere: docs/invariants.md 1 to 5
 */
int dfota_journal_put(struct dfota_journal *j, uint8_t type, uint32_t tries);

/**
 * Begin a new table with j->head (set by the caller): recycles J0, J1 keeps
 * the old state. Then add() an entry a window with j->state.off, flush
 * j->pages, and put(ARMED). What fails shows there.
 */
void dfota_journal_begin(struct dfota_journal *j);
void dfota_journal_add(struct dfota_journal *j, const uint8_t *digest);

/**
 * Entry w of the table, from whichever mirror has it whole.
 *
 * errors   E_FLASH
 */
int dfota_journal_entry(struct dfota_journal *j, uint32_t w,
                        struct dfota_entry *e);

/**
 * Which mirror to believe, as far as they have been read; the other one
 * is erased first (invariant 5):
 *
 * - one with both copies of a state before one with a single copy: that may
 *   be the record whose program was cut, right today and wrong tomorrow
 * - of two with both copies the newer one
 * - of two with a single one the older: it was whole when the newer one was
 *   begun anew, so what is left of it is solid
 */
unsigned dfota_journal_truth(const struct dfota_journal *j);

#ifdef __cplusplus
}
#endif

#endif
