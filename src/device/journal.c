/* SPDX-License-Identifier: Apache-2.0 */
#include "device/journal.h"

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"

#define VERSION 2
#define TRIES 8       /* to get a state onto both mirrors */
#define RECORDS_MIN 8 /* the least an update gets along with */

static uint32_t round_up(uint32_t len, uint32_t unit)
{
    return (len + unit - 1) & -unit;
}

static uint32_t record_len(uint32_t map_words)
{
    return DFOTA_RECORD_LEN + 4 * map_words;
}

/* Offset of entry w, and of the first record behind the last one. */
static uint32_t entry_off(uint32_t w)
{
    return (uint32_t)(sizeof(struct dfota_head) +
                      w * sizeof(struct dfota_entry));
}

uint32_t dfota_journal_len(uint32_t erase_size, uint16_t prog_size,
                           uint32_t windows)
{
    uint32_t stride = dfota_max_u32(prog_size, 32);

    return 2 *
           round_up(entry_off(windows) + (DFOTA_JOURNAL_RECORDS + 1) * stride,
                    erase_size);
}

bool dfota_journal_fits(const struct dfota_journal *j, uint32_t windows,
                        uint32_t map_words)
{
    uint32_t unit = j->flash->prog_size;

    return entry_off(windows) + unit +
               RECORDS_MIN * round_up(record_len(map_words), unit) <=
           j->len;
}

/* What begins with its CRC-32: 0 when it is whole. */
static uint32_t load(struct dfota_journal *j, uint32_t off, void *out,
                     uint32_t len)
{
    uint32_t *crc = out;

    if (dfota_flash_read(j->flash, off, out, len)) {
        j->unread |= off < j->len ? 1 : 2;
        return 1;
    }
    return *crc - dfota_crc32(j->seed, crc + 1, len - 4);
}

static void store(struct dfota_journal *j, void *data, uint32_t len)
{
    uint32_t *crc = data;

    *crc = dfota_crc32(j->seed, crc + 1, len - 4);
    dfota_pages_write(&j->pages, data, len);
}

/* A record, to its end in flash. */
static int store_state(struct dfota_journal *j)
{
    store(j, &j->state, record_len(j->head.map_words));
    return dfota_pages_flush(&j->pages);
}

static bool seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

unsigned dfota_journal_truth(const struct dfota_journal *j)
{
    const struct dfota_mirror *m = j->mirror;

    if (m[0].copies != m[1].copies)
        return m[0].copies < m[1].copies;
    if (m[0].copies == 1)
        return seq_after(m[0].seq, m[1].seq);
    return !seq_after(m[0].seq, m[1].seq);
}

/* Read the table of a mirror; copy: write it to the pages. Returns where the
 * area goes on behind it, 0 when an entry is not whole. */
static uint32_t walk_table(struct dfota_journal *j,
                           const struct dfota_mirror *m, uint32_t windows,
                           bool copy)
{
    struct dfota_entry e;
    uint32_t off = m->off + entry_off(0);

    while (windows--) {
        if (load(j, off, &e, sizeof(e)))
            return 0;
        if (copy)
            store(j, &e, sizeof(e));
        off += sizeof(e);
    }
    return off;
}

/* Read a mirror whole; adopt: take its head and state into j. The page is
 * nobody's at that time. */
static void scan(struct dfota_journal *j, struct dfota_mirror *m, bool adopt)
{
    struct dfota_state *s = (struct dfota_state *)(void *)j->page;
    struct dfota_head h;
    uint32_t unit = j->flash->prog_size;
    uint32_t off = 0;
    uint32_t len;

    m->copies = 0;
    j->seed = 0;
    if (!load(j, m->off, &h, sizeof(h)) && h.version == VERSION &&
        h.map_words <= DFOTA_MAP_WORDS && entry_off(h.windows) <= j->len) {
        j->seed = h.crc;
        off = walk_table(j, m, h.windows, false);
    }
    if (off == 0)
        return;
    len = record_len(h.map_words);
    for (off = round_up(off, unit); off + len <= m->off + j->len;
         off += round_up(len, unit)) {
        if (load(j, off, s, len) || (m->copies && seq_after(m->seq, s->seq)))
            continue;
        m->seq = s->seq;
        m->copies += m->copies < 2;
        if (adopt) {
            j->head = h;
            j->state = *s;
        }
    }
}

int dfota_journal_open(struct dfota_journal *j, const struct dfota_flash *f)
{
    struct dfota_mirror *m = j->mirror;
    unsigned i;

    memset(j, 0, sizeof(*j));
    j->flash = f;
    j->pages.page = j->page;
    j->len = f->size / 2 & -f->erase_size;
    m[1].off = j->len;
    j->head.version = VERSION;
    j->state.type = DFOTA_RECORD_HELD;
    if (!dfota_journal_fits(j, 1, 1))
        return DFOTA_E_ARG;
    scan(j, &m[0], false);
    scan(j, &m[1], false);
    i = dfota_journal_truth(j);
    scan(j, &m[i], true);
    if (dfota_journal_truth(j) != i) /* it reads otherwise each time */
        scan(j, &m[1 - i], true);
    j->seed = j->head.crc;
    if (!j->seed) { /* nothing was found */
        if (j->unread == 3)
            return DFOTA_E_FLASH;
        j->state.type = DFOTA_RECORD_CLEAN;
    }
    /* The one in flight at a cut had at most newest + 2: the first record
     * of this boot must stay newer when it turns up later (invariant 3). */
    j->state.seq += 2;
    return 0;
}

bool dfota_journal_whole(const struct dfota_journal *j)
{
    const struct dfota_mirror *m = j->mirror;

    return m[0].copies + m[1].copies == 4 && m[0].seq == m[1].seq;
}

/* While this boot has erased the mirror itself and there is room. */
static bool append(struct dfota_journal *j, struct dfota_mirror *m)
{
    uint32_t len = record_len(j->head.map_words);
    uint32_t pos = m->pos;

    m->pos = 0;
    if (pos == 0 || pos + len > m->off + j->len)
        return false;
    dfota_pages_begin(&j->pages, j->flash, pos, 0);
    if (store_state(j) || load(j, pos, j->page, len))
        return false;
    m->pos = j->pages.out;
    m->seq = j->state.seq;
    return true;
}

static void begin(struct dfota_journal *j, struct dfota_mirror *m)
{
    m->copies = 0;
    m->pos = 0;
    dfota_pages_begin(&j->pages, j->flash, m->off, j->len);
    j->seed = 0;
    store(j, &j->head, sizeof(j->head));
    j->seed = j->head.crc;
}

/* The state comes last and makes the mirror count. It comes twice: a record
 * whose program was cut may read right once and wrong later, and then the
 * other mirror may be erased already. Read it all back. */
static void finish(struct dfota_journal *j, struct dfota_mirror *m)
{
    (void)dfota_pages_flush(&j->pages);
    j->state.seq--;
    (void)store_state(j);
    j->state.seq++;
    (void)store_state(j);
    m->pos = j->pages.out;
    scan(j, m, false);
    j->seed = j->head.crc;
}

/* Head and table anew, the table from the other mirror. */
static bool renew(struct dfota_journal *j, struct dfota_mirror *m,
                  const struct dfota_mirror *other)
{
    begin(j, m);
    return walk_table(j, other, j->head.windows, true);
}

int dfota_journal_put(struct dfota_journal *j, uint8_t type, uint32_t tries)
{
    struct dfota_mirror *m = j->mirror;
    bool made = j->making && type == DFOTA_RECORD_ARMED;

    j->making = false;
    j->state.type = type;
    j->state.tries = (uint8_t)tries;
    j->state.seq += 2;
    if (type <= DFOTA_RECORD_PENDING) {
        j->head.windows = 0;
        m[0].pos = m[1].pos = 0;
    }
    for (unsigned n = 0; n < TRIES; n++) {
        unsigned i = 1 - dfota_journal_truth(j);

        if (m[i].copies == 2 && m[i].seq == j->state.seq)
            return 0;
        if (append(j, &m[i]))
            continue;
        if (made || renew(j, &m[i], &m[1 - i]))
            finish(j, &m[i]);
        made = false;
    }
    return DFOTA_E_FLASH;
}

void dfota_journal_begin(struct dfota_journal *j)
{
    begin(j, j->mirror);
    j->making = true;
    j->mirror[1].pos = 0;
}

void dfota_journal_add(struct dfota_journal *j, const uint8_t *digest)
{
    struct dfota_entry e;

    e.off = j->state.off;
    memcpy(e.digest, digest, sizeof(e.digest));
    store(j, &e, sizeof(e));
}

int dfota_journal_entry(struct dfota_journal *j, uint32_t w,
                        struct dfota_entry *e)
{
    uint32_t off = entry_off(w);

    return load(j, off, e, sizeof(*e)) && load(j, j->len + off, e, sizeof(*e))
               ? DFOTA_E_FLASH
               : 0;
}
