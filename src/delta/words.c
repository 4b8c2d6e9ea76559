/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/words.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"

int words_aligned(const struct plan_input *in, const struct segments *map,
                  struct words *out)
{
    size_t room = in->p->m.target_len / 4 + 1;

    out->len = 0;
    out->list = malloc(room * sizeof *out->list);
    if (!out->list)
        return DFOTA_E_NOMEM;
    for (size_t i = 0; i < map->len; i++) {
        const struct dfota_segment *s = &map->list[i];

        if ((s->pos ^ s->src) & 3)
            continue;
        for (uint32_t j = (0 - s->pos) & 3; j + 4 <= s->len; j += 4) {
            if (out->len < room)
                out->list[out->len++] =
                    (struct word){dfota_get_le32(in->old + s->src + j),
                                  dfota_get_le32(in->image + s->pos + j)};
        }
    }
    return 0;
}
