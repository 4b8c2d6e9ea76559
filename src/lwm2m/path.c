/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/path.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

struct lwm2m_path lwm2m_path_make(unsigned depth, unsigned object,
                                  unsigned instance, unsigned resource)
{
    unsigned all[] = {object, instance, resource, LWM2M_NO_ID};
    struct lwm2m_path p = {.depth = (uint8_t)depth};

    for (unsigned i = 0; i < LWM2M_DEPTH_MAX; i++)
        p.id[i] = i < depth ? (uint16_t)all[i] : (uint16_t)LWM2M_NO_ID;
    return p;
}

int lwm2m_path_push(struct lwm2m_path *path, unsigned id)
{
    if (path->depth >= LWM2M_DEPTH_MAX || id >= LWM2M_NO_ID)
        return DFOTA_E_SYNTAX;
    path->id[path->depth++] = (uint16_t)id;
    return 0;
}

/* One number; returns the bytes it has, 0 when there is none. */
static size_t parse_id(const char *text, size_t len, unsigned *id)
{
    size_t n = 0;

    *id = 0;
    while (n < len && n < 6 && text[n] >= '0' && text[n] <= '9')
        *id = *id * 10 + (unsigned)(text[n++] - '0');
    return n > 1 && text[0] == '0' ? 0 : n;
}

int lwm2m_path_parse(const char *text, size_t len, struct lwm2m_path *path)
{
    size_t at = 0;

    *path = lwm2m_path_make(0, 0, 0, 0);
    while (at < len) {
        unsigned id;
        size_t n;

        if (text[at++] != '/')
            return DFOTA_E_SYNTAX;
        if (at == len)
            break;
        n = parse_id(text + at, len - at, &id);
        if (n == 0 || lwm2m_path_push(path, id) != 0)
            return DFOTA_E_SYNTAX;
        at += n;
    }
    return 0;
}

char *lwm2m_path_print(const struct lwm2m_path *path, char out[LWM2M_PATH_TEXT])
{
    size_t at = 0;

    out[0] = '/';
    out[1] = '\0';
    for (unsigned i = 0; i < path->depth; i++)
        at += (size_t)snprintf(out + at, LWM2M_PATH_TEXT - at, "/%u",
                               path->id[i]);
    return out;
}

bool lwm2m_path_covers(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
    if (a->depth > b->depth)
        return false;
    return memcmp(a->id, b->id, a->depth * sizeof a->id[0]) == 0;
}

bool lwm2m_path_equal(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
    return a->depth == b->depth && lwm2m_path_covers(a, b);
}
