/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/package_map.h"

#include <stdlib.h>

#include "base/err.h"
#include "delta/apply.h"
#include "device/decoder.h"

static int read_window(struct package_map *m, struct dfota_copymap *map,
                       uint32_t w)
{
    struct dfota_segment s;
    uint32_t off, len;
    int got = DFOTA_MORE, err = 0;

    dfota_package_window(&m->package, w, &off, &len);
    dfota_copymap_window(map, off, len);
    while (!err && got == DFOTA_MORE) {
        got = dfota_copymap_next(map, NULL, &s);
        err = got < 0 ? got : dfota_coder_check(map->coder);
        if (!err && got == DFOTA_MORE) {
            err = segments_add(&m->segments, s.pos, s.len, s.src);
            m->copied += s.len;
        }
    }
    return err;
}

int package_map_read(struct package_map *m, const uint8_t *package, size_t len)
{
    struct dfota_reader in = apply_reader(package, len);
    struct dfota_project project = {0};
    struct dfota_coder coder;
    dfota_counter counters[DFOTA_COPYMAP_COUNTERS];
    struct dfota_copymap map = {.coder = &coder, .counters = counters};
    int err = dfota_package_open(&m->package, &in);

    if (err)
        return err;
    /* A full image of its own has no old one to map. */
    if ((m->package.m.flags & DFOTA_FLAG_SELF) &&
        (m->package.m.flags & DFOTA_FLAG_NO_SOURCE))
        return 0;
    map.source_len = m->package.m.source_len;
    err = dfota_coder_open(&coder, &in, m->package.body_off,
                           m->package.body_off + m->package.m.body_len);
    if (!err)
        err = dfota_copymap_head(&map, &project);
    for (uint32_t w = 0; w < m->package.windows && !err; w++)
        err = read_window(m, &map, w);
    m->map_len = dfota_coder_next(&coder) - m->package.body_off;
    if (m->map_len > m->package.m.body_len)
        m->map_len = m->package.m.body_len;
    return err;
}

void package_map_release(struct package_map *m)
{
    segments_release(&m->segments);
}
