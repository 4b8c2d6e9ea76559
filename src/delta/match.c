/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/match.h"

#include <divsufsort.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int match_index_create(struct match_index *x, const uint8_t *old, size_t len)
{
    *x = (struct match_index){.old = old, .len = (int32_t)len};
    if (len > 1U << 30)
        return DFOTA_E_ARG;
    x->sa = malloc((len + 1) * sizeof *x->sa);
    if (!x->sa)
        return DFOTA_E_NOMEM;
    return len > 0 && divsufsort(old, x->sa, (int32_t)len) != 0 ? DFOTA_E_NOMEM
                                                                : 0;
}

void match_index_destroy(struct match_index *x)
{
    free(x->sa);
    x->sa = NULL;
}

static uint32_t common(const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len)
{
    size_t n = a_len < b_len ? a_len : b_len, i = 0;

    while (i < n && a[i] == b[i])
        i++;
    return (uint32_t)i;
}

uint32_t match_longest(const struct match_index *x, const uint8_t *key,
                       size_t len, uint32_t *at)
{
    int32_t low = 0, high = x->len - 1;
    uint32_t a, b;

    if (x->len == 0)
        return 0;
    while (high - low > 1) {
        int32_t mid = low + (high - low) / 2;
        size_t n = (size_t)(x->len - x->sa[mid]);
        int order = memcmp(x->old + x->sa[mid], key, n < len ? n : len);

        /* What ends where the key goes on comes before it. */
        if (order < 0 || (order == 0 && n < len))
            low = mid;
        else
            high = mid;
    }
    a = common(x->old + x->sa[low], (size_t)(x->len - x->sa[low]), key, len);
    b = common(x->old + x->sa[high], (size_t)(x->len - x->sa[high]), key, len);
    *at = (uint32_t)x->sa[a > b ? low : high];
    return a > b ? a : b;
}

/* How many more bytes must match than the running alignment explains before
 * a new alignment is begun. */
enum { MISMATCHES = 8, LONG_MATCH = 4096 };

struct scan {
    const struct match_index *x;
    const uint8_t *image;
    int64_t len;
    int64_t last_scan, last_pos; /* the alignment that is being extended */
};

/* How far the alignment before reaches forward, with mismatches. */
static int64_t reach_forward(const struct scan *s, int64_t scan)
{
    int64_t score = 0, best = 0, reach = 0;

    for (int64_t i = 0;
         s->last_scan + i < scan && s->last_pos + i < s->x->len;) {
        score += s->x->old[s->last_pos + i] == s->image[s->last_scan + i];
        i++;
        if (score * 2 - i > best * 2 - reach) {
            best = score;
            reach = i;
        }
    }
    return reach;
}

/* How far the new alignment reaches back. */
static int64_t reach_back(const struct scan *s, int64_t scan, int64_t pos)
{
    int64_t score = 0, best = 0, reach = 0;

    for (int64_t i = 1; scan >= s->last_scan + i && pos >= i; i++) {
        score += s->x->old[pos - i] == s->image[scan - i];
        if (score * 2 - i > best * 2 - reach) {
            best = score;
            reach = i;
        }
    }
    return reach;
}

/* Where two overlapping reaches are cut. */
static int64_t best_cut(const struct scan *s, int64_t scan, int64_t pos,
                        int64_t forward, int64_t back, int64_t overlap)
{
    int64_t score = 0, best = 0, cut = 0;

    for (int64_t i = 0; i < overlap; i++) {
        int64_t f = forward - overlap + i, b = i - back;

        score += s->image[s->last_scan + f] == s->x->old[s->last_pos + f];
        score -= s->image[scan + b] == s->x->old[pos + b];
        if (score > best) {
            best = score;
            cut = i + 1;
        }
    }
    return cut;
}

/* In a long run of one byte every place has a match that is longer by a few
 * bytes than what the alignment explains, and finding it takes its length:
 * such a match is walked by halves. returns how many bytes less are explained
 */
static int64_t pass_long(const struct scan *s, int64_t *scan, int64_t match,
                         int64_t offset)
{
    int64_t end = *scan + (match > LONG_MATCH ? match / 2 : 0), passed = 0;

    for (; *scan < end; (*scan)++) {
        if (*scan + offset < s->x->len && *scan + offset >= 0)
            passed += s->x->old[*scan + offset] == s->image[*scan];
    }
    return passed;
}

int match_find(const struct match_index *x, const uint8_t *image, size_t len,
               struct segments *out)
{
    struct scan s = {.x = x, .image = image, .len = (int64_t)len};
    int64_t scan = 0, match = 0, offset = 0;
    uint32_t pos = 0;
    int err = 0;

    while (scan < s.len && !err) {
        int64_t explained = 0, counted, forward, back;

        for (counted = scan += match; scan < s.len; scan++) {
            match =
                match_longest(x, image + scan, (size_t)(s.len - scan), &pos);
            for (; counted < scan + match; counted++) {
                if (counted + offset < x->len && counted + offset >= 0)
                    explained += x->old[counted + offset] == image[counted];
            }
            if ((match == explained && match != 0) ||
                match > explained + MISMATCHES)
                break;
            explained -= pass_long(&s, &scan, match, offset);
            if (scan + offset < x->len && scan + offset >= 0 &&
                x->old[scan + offset] == image[scan])
                explained--;
        }
        if (match == explained && scan < s.len)
            continue;
        forward = reach_forward(&s, scan);
        back = scan < s.len ? reach_back(&s, scan, pos) : 0;
        if (s.last_scan + forward > scan - back) {
            int64_t overlap = s.last_scan + forward - (scan - back);
            int64_t cut = best_cut(&s, scan, pos, forward, back, overlap);

            forward += cut - overlap;
            back -= cut;
        }
        if (forward > 0)
            err = segments_add(out, (uint32_t)s.last_scan, (uint32_t)forward,
                               (uint32_t)s.last_pos);
        s.last_scan = scan - back;
        s.last_pos = (int64_t)pos - back;
        offset = (int64_t)pos - scan;
    }
    return err;
}
