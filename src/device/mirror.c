/* SPDX-License-Identifier: Apache-2.0 */
#include "device/mirror.h"

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"

uint32_t dfota_mirror_len(const struct dfota_journal *j)
{
    uint32_t half = j->flash->size / 2;

    return half & ~(j->flash->erase_size - 1);
}

uint32_t dfota_mirror_stride(const struct dfota_flash *f)
{
    return dfota_max_u32(DFOTA_RECORD_LEN, f->prog_size);
}

static uint32_t base_of(const struct dfota_journal *j, unsigned i)
{
    return i ? dfota_mirror_len(j) : 0;
}

static int read_at(const struct dfota_journal *j, unsigned i, uint32_t off,
                   void *buf, uint32_t len)
{
    return j->flash->read(j->flash->ctx, base_of(j, i) + off, buf, len);
}

static uint32_t records_off(const struct dfota_journal *j, uint32_t windows)
{
    uint32_t stride = dfota_mirror_stride(j->flash);

    return (DFOTA_JOURNAL_HEAD_LEN + windows * DFOTA_ENTRY_LEN + stride - 1) &
           ~(stride - 1);
}

uint32_t dfota_mirror_records(const struct dfota_journal *j)
{
    return records_off(j, j->head.windows);
}

bool dfota_mirror_has_room(const struct dfota_journal *j, unsigned i,
                           uint32_t records)
{
    return j->mirror[i].pos + records * dfota_mirror_stride(j->flash) <=
           dfota_mirror_len(j);
}

/* A unit that cannot be read is not erased either. */
static bool reads_erased(const struct dfota_journal *j, unsigned i,
                         uint32_t off, uint32_t len)
{
    uint8_t chunk[16];

    for (; len; len -= 16, off += 16) {
        if (read_at(j, i, off, chunk, sizeof(chunk)))
            return false;
        for (unsigned k = 0; k < sizeof(chunk); k++) {
            if (chunk[k] != j->flash->erased_byte)
                return false;
        }
    }
    return true;
}

int dfota_mirror_entry(const struct dfota_journal *j, unsigned i, uint32_t w,
                       uint8_t entry[DFOTA_ENTRY_LEN])
{
    int err = read_at(j, i, DFOTA_JOURNAL_HEAD_LEN + w * DFOTA_ENTRY_LEN, entry,
                      DFOTA_ENTRY_LEN);

    if (!err && dfota_crc32(0, entry, DFOTA_ENTRY_LEN - 4) !=
                    dfota_get_le32(entry + DFOTA_ENTRY_LEN - 4))
        err = DFOTA_E_FLASH;
    return err;
}

/* What a scan has found so far; adopted as a whole or not at all. */
struct scan {
    struct dfota_head head;
    struct dfota_state state;
    uint32_t seq, id, head_id;
    uint32_t notes[DFOTA_NOTES];
    bool begun;      /* seq is a record's */
    uint32_t states; /* valid records; state is the newest one's */
};

static bool read_head(const struct dfota_journal *j, unsigned i, struct scan *s)
{
    uint8_t raw[DFOTA_JOURNAL_HEAD_LEN];
    uint8_t entry[DFOTA_ENTRY_LEN];

    if (read_at(j, i, 0, raw, sizeof(raw)) || raw[0] != 'D' || raw[1] != 'J' ||
        raw[2] != 1 ||
        dfota_crc32(0, raw, sizeof(raw) - 4) !=
            dfota_get_le32(raw + sizeof(raw) - 4))
        return false;
    s->head.flags = raw[3];
    s->head.windows = dfota_get_le16(raw + 4);
    s->head.counter = dfota_get_le32(raw + 8);
    s->head_id = dfota_get_le32(raw + 12);
    for (unsigned k = 0; k < DFOTA_PERMITS_MAX; k++)
        s->head.permits[k] = dfota_get_le32(raw + 16 + (size_t)4 * k);
    memcpy(s->head.manifest, raw + 48, DFOTA_MANIFEST_LEN);
    if (records_off(j, s->head.windows) > dfota_mirror_len(j))
        return false;
    for (uint32_t w = 0; w < s->head.windows; w++) {
        if (dfota_mirror_entry(j, i, w, entry))
            return false;
    }
    return true;
}

uint32_t dfota_notes_crc(const uint32_t notes[DFOTA_NOTES])
{
    uint32_t any = 0;

    for (unsigned k = 0; k < DFOTA_NOTES; k++)
        any |= notes[k];
    return any ? dfota_crc32(0, notes, DFOTA_NOTES * sizeof(notes[0])) : 0;
}

/* READY and RESTORE live by the map before them, every other state ends it;
 * the offsets last as long as windows are made. */
void dfota_notes_forget(uint32_t notes[DFOTA_NOTES], uint8_t type)
{
    if (type == DFOTA_RECORD_READY || type == DFOTA_RECORD_RESTORE)
        return;
    memset(notes, 0, DFOTA_NOTE_OFFSET * sizeof(notes[0]));
    if (type != DFOTA_RECORD_ARMED && type != DFOTA_RECORD_DONE)
        memset(notes + DFOTA_NOTE_OFFSET, 0, 2 * sizeof(notes[0]));
}

static void take_record(struct scan *s, const uint8_t raw[DFOTA_RECORD_LEN])
{
    uint32_t seq = dfota_get_le32(raw);
    uint32_t id = dfota_get_le32(raw + 4);
    uint8_t type = raw[8];
    uint16_t window = dfota_get_le16(raw + 10);
    uint32_t notes[DFOTA_NOTES];

    if (s->begun && dfota_seq_after(s->seq, seq))
        return;
    if (type == DFOTA_RECORD_NOTE) {
        if (window < DFOTA_NOTES)
            s->notes[window] = id;
    } else {
        memcpy(notes, s->notes, sizeof(notes));
        dfota_notes_forget(notes, type);
        id ^= dfota_notes_crc(notes);
        /* These belong to the head's update and to their notes: one that
         * lost some of its notes is worth nothing. */
        if (type >= DFOTA_RECORD_ARMED && type <= DFOTA_RECORD_FINISHED &&
            id != s->head_id)
            return;
        memcpy(s->notes, notes, sizeof(notes));
        s->states++;
        s->id = id;
        s->state.type = type;
        s->state.tries = raw[9];
        s->state.window = window;
    }
    s->begun = true;
    s->seq = seq;
}

static bool record_valid(const uint8_t raw[DFOTA_RECORD_LEN])
{
    return dfota_crc32(0, raw, 12) == dfota_get_le32(raw + 12) &&
           raw[8] >= DFOTA_RECORD_CLEAN && raw[8] <= DFOTA_RECORD_NOTE;
}

static void read_records(struct dfota_journal *j, unsigned i, struct scan *s)
{
    uint32_t stride = dfota_mirror_stride(j->flash);
    uint32_t end = dfota_mirror_len(j);
    uint32_t off = records_off(j, s->head.windows);
    uint8_t raw[DFOTA_RECORD_LEN];

    j->mirror[i].pos = off;
    for (; off + stride <= end; off += stride) {
        if (reads_erased(j, i, off, stride))
            continue;
        j->mirror[i].pos = off + stride;
        if (!read_at(j, i, off, raw, sizeof(raw)) && record_valid(raw))
            take_record(s, raw);
    }
}

unsigned dfota_mirror_truth(const struct dfota_journal *j)
{
    const struct dfota_mirror *m = j->mirror;

    if (m[0].copies != m[1].copies)
        return m[0].copies < m[1].copies;
    if (m[0].copies == 1)
        return dfota_seq_after(m[0].seq, m[1].seq);
    return !dfota_seq_after(m[0].seq, m[1].seq);
}

void dfota_mirror_scan(struct dfota_journal *j, unsigned i, bool adopt)
{
    struct scan s;
    struct dfota_mirror *m = &j->mirror[i];

    memset(&s, 0, sizeof(s));
    m->copies = 0;
    if (!read_head(j, i, &s))
        return;
    read_records(j, i, &s);
    m->copies = s.states < 2 ? (uint8_t)s.states : 2;
    m->seq = s.seq;
    if (!adopt || !s.states || dfota_mirror_truth(j) != i)
        return;
    j->seq = s.seq;
    j->id = s.id;
    j->state = s.state;
    j->head = s.head;
    memcpy(j->notes, s.notes, sizeof(j->notes));
}

static int program(struct dfota_journal *j, uint32_t off, const uint8_t *data,
                   uint32_t len)
{
    const struct dfota_flash *f = j->flash;
    int err = f->prog(f->ctx, off, data, len);

    return err ? err : f->sync(f->ctx);
}

int dfota_mirror_append(struct dfota_journal *j, unsigned i, uint32_t id,
                        const struct dfota_state *s)
{
    struct dfota_mirror *m = &j->mirror[i];
    uint32_t stride = dfota_mirror_stride(j->flash);
    uint8_t unit[256];
    uint8_t back[DFOTA_RECORD_LEN];

    memset(unit, j->flash->erased_byte, sizeof(unit));
    dfota_put_le32(unit, j->seq);
    dfota_put_le32(unit + 4, id);
    unit[8] = s->type;
    unit[9] = s->tries;
    dfota_put_le16(unit + 10, s->window);
    dfota_put_le32(unit + 12, dfota_crc32(0, unit, 12));
    while (dfota_mirror_has_room(j, i, 1)) {
        uint32_t off = m->pos;

        m->pos += stride;
        if (!reads_erased(j, i, off, stride))
            continue;
        if (!program(j, base_of(j, i) + off, unit, stride) &&
            !read_at(j, i, off, back, sizeof(back)) &&
            memcmp(unit, back, sizeof(back)) == 0) {
            m->seq = j->seq;
            return 0;
        }
    }
    return DFOTA_E_FLASH;
}

static int write_head(struct dfota_journal *j)
{
    uint8_t raw[DFOTA_JOURNAL_HEAD_LEN];

    memset(raw, 0, sizeof(raw));
    raw[0] = 'D';
    raw[1] = 'J';
    raw[2] = 1;
    raw[3] = j->head.flags;
    dfota_put_le16(raw + 4, j->head.windows);
    dfota_put_le32(raw + 8, j->head.counter);
    dfota_put_le32(raw + 12, j->id);
    for (unsigned k = 0; k < DFOTA_PERMITS_MAX; k++)
        dfota_put_le32(raw + 16 + (size_t)4 * k, j->head.permits[k]);
    memcpy(raw + 48, j->head.manifest, DFOTA_MANIFEST_LEN);
    dfota_put_le32(raw + sizeof(raw) - 4, dfota_crc32(0, raw, sizeof(raw) - 4));
    return dfota_mirror_write(j, raw, sizeof(raw));
}

/* An erase that says it was done and was not leaves old records that would
 * be counted again: read it back, try once more. */
static int erase_sector(struct dfota_journal *j, unsigned i, uint32_t off)
{
    const struct dfota_flash *f = j->flash;

    for (unsigned k = 0; k < 3; k++) {
        if (!f->erase(f->ctx, base_of(j, i) + off) && !f->sync(f->ctx) &&
            reads_erased(j, i, off, f->erase_size))
            return 0;
    }
    return DFOTA_E_FLASH;
}

int dfota_mirror_erase(struct dfota_journal *j, unsigned i)
{
    j->mirror[i].copies = 0;
    for (uint32_t off = 0; off < dfota_mirror_len(j);
         off += j->flash->erase_size) {
        int err = erase_sector(j, i, off);

        if (err)
            return err;
    }
    j->out = base_of(j, i);
    j->fill = 0;
    return write_head(j);
}

int dfota_mirror_write(struct dfota_journal *j, const void *data, uint32_t len)
{
    const uint8_t *in = data;

    while (len--) {
        j->page[j->fill++] = *in++;
        if (j->fill == sizeof(j->page)) {
            int err = program(j, j->out, j->page, sizeof(j->page));

            if (err)
                return err;
            j->out += sizeof(j->page);
            j->fill = 0;
        }
    }
    return 0;
}

int dfota_mirror_flush(struct dfota_journal *j, unsigned i)
{
    uint32_t stride = dfota_mirror_stride(j->flash);
    uint32_t len = (j->fill + stride - 1) & ~(stride - 1);

    memset(j->page + j->fill, j->flash->erased_byte, sizeof(j->page) - j->fill);
    j->mirror[i].pos = j->out - base_of(j, i) + len;
    return len ? program(j, j->out, j->page, len) : 0;
}
