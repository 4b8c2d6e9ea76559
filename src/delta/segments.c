/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/segments.h"

#include <stdlib.h>

#include "base/err.h"

int segments_add(struct segments *s, uint32_t pos, uint32_t len, uint32_t src)
{
    if (s->len == s->room) {
        size_t room = s->room ? 2 * s->room : 256;
        struct dfota_segment *list = realloc(s->list, room * sizeof *list);

        if (!list)
            return DFOTA_E_NOMEM;
        s->list = list;
        s->room = room;
    }
    s->list[s->len++] = (struct dfota_segment){pos, len, src, 0};
    return 0;
}

void segments_release(struct segments *s)
{
    free(s->list);
    *s = (struct segments){0};
}
