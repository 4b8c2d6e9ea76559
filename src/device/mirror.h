/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One mirror of the journal: its bytes, and nothing about the other one.
 *
 * Layer: device (freestanding), inside the updater. journal.h has the
 * layout; docs/invariants.md 2 to 4.
 */
#ifndef DFOTA_DEVICE_MIRROR_H
#define DFOTA_DEVICE_MIRROR_H

#include "device/journal.h"

/** Bytes of a mirror, whole sectors. */
uint32_t dfota_mirror_len(const struct dfota_journal *j);

/** Bytes from one record to the next. */
uint32_t dfota_mirror_stride(const struct dfota_flash *f);

/** Offset of the first record in a mirror with j->head's table. */
uint32_t dfota_mirror_records(const struct dfota_journal *j);

/** CRC-32 of the notes, 0 when there are none: it ties the records that
 * live by the notes to them. */
uint32_t dfota_notes_crc(const uint32_t notes[DFOTA_NOTES]);

/** Drop the notes that a state of that type does not keep. */
void dfota_notes_forget(uint32_t notes[DFOTA_NOTES], uint8_t type);

/** Do so many records still fit? */
bool dfota_mirror_has_room(const struct dfota_journal *j, unsigned i,
                           uint32_t records);

/**
 * Read mirror i whole and set j->mirror[i].
 *
 * adopt    take head, state, notes and sequence into j when this mirror is
 *          the truth; J0 must be scanned before J1
 */
void dfota_mirror_scan(struct dfota_journal *j, unsigned i, bool adopt);

/**
 * Which mirror to believe, as far as they have been scanned; the other one
 * is erased first (invariant 5):
 *
 * - one with both copies of a state before one with a single copy: that may
 *   be the record whose program was cut, right today and wrong tomorrow
 * - of two with both copies the newer one
 * - of two with a single one the older: it was whole when the newer one was
 *   begun anew, so what is left of it is solid
 */
unsigned dfota_mirror_truth(const struct dfota_journal *j);

/** Append {j->seq, id, type, tries, window} and read it back. E_FLASH */
int dfota_mirror_append(struct dfota_journal *j, unsigned i, uint32_t id,
                        const struct dfota_state *s);

/** Erase mirror i and begin it with j->head. */
int dfota_mirror_erase(struct dfota_journal *j, unsigned i);

/** Bytes behind what was written before; full pages go to flash. */
int dfota_mirror_write(struct dfota_journal *j, const void *data, uint32_t len);

/** Fill the last unit up and let records follow. */
int dfota_mirror_flush(struct dfota_journal *j, unsigned i);

/** Entry w as it stands in mirror i; E_FLASH also when its CRC is wrong. */
int dfota_mirror_entry(const struct dfota_journal *j, unsigned i, uint32_t w,
                       uint8_t entry[DFOTA_ENTRY_LEN]);

/** Sequence numbers wrap: a newer than b? */
static inline bool dfota_seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

#endif
