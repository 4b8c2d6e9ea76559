/* SPDX-License-Identifier: Apache-2.0 */
#include "device/journal.h"

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/mirror.h"

uint32_t dfota_journal_len(uint32_t erase_size, uint16_t prog_size,
                           uint32_t windows)
{
    uint32_t stride =
        prog_size > DFOTA_RECORD_LEN ? prog_size : DFOTA_RECORD_LEN;
    uint32_t len = DFOTA_JOURNAL_HEAD_LEN + windows * DFOTA_ENTRY_LEN +
                   DFOTA_JOURNAL_RECORDS * stride + stride - 1;

    return 2 * ((len + erase_size - 1) & ~(erase_size - 1));
}

/* Eight records are the least an update gets along with. */
uint32_t dfota_journal_windows(const struct dfota_journal *j)
{
    uint32_t len = dfota_mirror_len(j);
    uint32_t fixed = DFOTA_JOURNAL_HEAD_LEN + 9 * dfota_mirror_stride(j->flash);
    uint32_t windows = 0;

    for (; fixed + DFOTA_ENTRY_LEN <= len && windows < DFOTA_WINDOWS_MAX;
         fixed += DFOTA_ENTRY_LEN)
        windows++;
    return windows;
}

int dfota_journal_open(struct dfota_journal *j, const struct dfota_flash *f)
{
    memset(j, 0, sizeof(*j));
    j->flash = f;
    j->state.type = DFOTA_RECORD_CLEAN;
    if (dfota_journal_windows(j) == 0)
        return DFOTA_E_ARG;
    dfota_mirror_scan(j, 0, true);
    dfota_mirror_scan(j, 1, true);
    /* The one in flight at a cut had at most newest + 2: the first record
     * of this boot must stay newer when it turns up later (invariant 3). */
    j->seq += 2;
    return 0;
}

bool dfota_journal_whole(const struct dfota_journal *j)
{
    const struct dfota_mirror *m = j->mirror;

    /* Without records it is a new device's: the first put() formats it. */
    return m[0].copies == m[1].copies && m[0].copies != 1 &&
           (m[0].copies == 0 || m[0].seq == m[1].seq);
}

static int append_state(struct dfota_journal *j, unsigned i)
{
    return dfota_mirror_append(j, i, j->id ^ dfota_notes_crc(j->notes),
                               &j->state);
}

static int copy_table(struct dfota_journal *j, unsigned from)
{
    uint8_t entry[DFOTA_ENTRY_LEN];
    int err = 0;

    for (uint32_t w = 0; !err && w < j->head.windows; w++) {
        err = dfota_mirror_entry(j, from, w, entry);
        if (!err)
            err = dfota_mirror_write(j, entry, sizeof(entry));
    }
    return err;
}

static int append_notes(struct dfota_journal *j, unsigned i)
{
    struct dfota_state s = {.type = DFOTA_RECORD_NOTE};
    int err = 0;

    j->seq--;
    for (uint16_t k = 0; !err && k < DFOTA_NOTES; k++) {
        s.window = k;
        if (j->notes[k])
            err = dfota_mirror_append(j, i, j->notes[k], &s);
    }
    j->seq++;
    return err;
}

/* The state comes last and makes the mirror count. It comes twice: a record
 * whose program was cut may read right once and wrong later, and then the
 * other mirror may be erased already (dfota_mirror_truth). Read it all back. */
static int finish_mirror(struct dfota_journal *j, unsigned i)
{
    const struct dfota_mirror *m = &j->mirror[i];
    int err = append_notes(j, i);

    j->seq--;
    if (!err)
        err = append_state(j, i);
    j->seq++;
    if (!err)
        err = append_state(j, i);
    if (err)
        return err;
    dfota_mirror_scan(j, i, false);
    return m->copies == 2 && m->seq == j->seq ? 0 : DFOTA_E_FLASH;
}

static int renew(struct dfota_journal *j, unsigned i)
{
    int err = dfota_mirror_erase(j, i);

    if (!err)
        err = copy_table(j, 1 - i);
    if (!err)
        err = dfota_mirror_flush(j, i);
    return err ? err : finish_mirror(j, i);
}

/* Append while this boot has erased the mirror itself and there is room;
 * else begin it anew, some more times if it does not take. */
static int put_one(struct dfota_journal *j, unsigned i)
{
    uint32_t records = 1 + (j->noted ? DFOTA_NOTES : 0);

    if (j->fresh && j->mirror[i].copies == 2 &&
        dfota_mirror_has_room(j, i, records) &&
        !(j->noted && append_notes(j, i)) && !append_state(j, i))
        return 0;
    for (unsigned k = 0; k < 2; k++) {
        if (!renew(j, i))
            return 0;
    }
    return renew(j, i);
}

static void set_state(struct dfota_journal *j, uint8_t type, uint8_t tries,
                      uint32_t window)
{
    j->state.type = type;
    j->state.tries = tries;
    j->state.window = (uint16_t)window;
    dfota_notes_forget(j->notes, type);
    j->seq += 2;
}

int dfota_journal_put(struct dfota_journal *j, uint8_t type, uint8_t tries,
                      uint32_t window)
{
    unsigned first = 1 - dfota_mirror_truth(j);
    int err;

    set_state(j, type, tries, window);
    err = put_one(j, first);
    if (!err)
        err = put_one(j, 1 - first);
    j->noted = false;
    j->fresh = true;
    return err;
}

void dfota_journal_note(struct dfota_journal *j, uint32_t index, uint32_t value)
{
    j->notes[index] = value;
    j->noted = true;
}

/* Beside the notes a window has two READY and some RESTORE, DONE. */
#define SPARE 8

bool dfota_journal_takes_notes(const struct dfota_journal *j)
{
    uint32_t stride = dfota_mirror_stride(j->flash);

    return dfota_mirror_records(j) + (DFOTA_NOTES + SPARE) * stride <=
           dfota_mirror_len(j);
}

int dfota_journal_begin(struct dfota_journal *j)
{
    return dfota_mirror_erase(j, 0);
}

int dfota_journal_add(struct dfota_journal *j,
                      const uint8_t digest[DFOTA_DIGEST_LEN], uint32_t off)
{
    uint8_t entry[DFOTA_ENTRY_LEN];

    memcpy(entry, digest, DFOTA_DIGEST_LEN);
    dfota_put_le32(entry + DFOTA_DIGEST_LEN, off);
    dfota_put_le32(entry + DFOTA_DIGEST_LEN + 4,
                   dfota_crc32(0, entry, DFOTA_DIGEST_LEN + 4));
    return dfota_mirror_write(j, entry, sizeof(entry));
}

int dfota_journal_flush(struct dfota_journal *j)
{
    return dfota_mirror_flush(j, 0);
}

int dfota_journal_commit(struct dfota_journal *j, uint8_t type, uint8_t tries,
                         uint32_t window)
{
    int err;

    set_state(j, type, tries, window);
    err = finish_mirror(j, 0);
    if (!err)
        err = renew(j, 1);
    j->fresh = true;
    return err;
}

int dfota_journal_entry(const struct dfota_journal *j, uint32_t w,
                        uint8_t digest[DFOTA_DIGEST_LEN], uint32_t *off)
{
    uint8_t entry[DFOTA_ENTRY_LEN];

    if (dfota_mirror_entry(j, 0, w, entry) &&
        dfota_mirror_entry(j, 1, w, entry))
        return DFOTA_E_FLASH;
    memcpy(digest, entry, DFOTA_DIGEST_LEN);
    *off = dfota_get_le32(entry + DFOTA_DIGEST_LEN);
    return 0;
}
