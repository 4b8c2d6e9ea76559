/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/known_types.h"

#include <string.h>

#include "lwm2m/path.h"

/* A letter for each resource: Integer (and time), String, Boolean, Float,
 * Opaque, Link; a dot for what has no value. */
static const struct {
    uint16_t object;
    const char *types;
} known[] = {{1, "IIII.IBS..LIIIIBBIIIIBSB"},
             {2, "IIII"},
             {3, "SSSS..IIIIII.ISSSSSSIIL"},
             {4, "IIIISSISIIIII"},
             {5, "OS.I.ISSII.III"},
             {6, "FFFFOIF"},
             {7, "IIIIII..I"}};

static char type_of(const struct lwm2m_path *p)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].object == p->id[0] && p->id[2] < strlen(known[i].types))
            return known[i].types[p->id[2]];
    return '.';
}

static int convert(const struct lwm2m_value *v, char type,
                   struct lwm2m_value *out)
{
    bool b = false;
    uint32_t link = 0;
    int err = 0;

    *out = *v;
    switch (type) {
    case 'I':
        out->kind = LWM2M_INTEGER;
        return lwm2m_as_integer(v, &out->integer);
    case 'F':
        out->kind = LWM2M_REAL;
        return lwm2m_as_real(v, &out->real);
    case 'B':
        err = lwm2m_as_boolean(v, &b);
        *out = lwm2m_boolean(b);
        return err;
    case 'L':
        err = lwm2m_as_link(v, &link);
        out->kind = LWM2M_LINK;
        out->integer = link;
        return err;
    case 'S':
        out->kind = LWM2M_TEXT;
        return 0;
    case 'O':
        out->kind = LWM2M_BYTES;
        return 0;
    default:
        return 0;
    }
}

void lwm2m_take_known_type(struct lwm2m_record *r)
{
    struct lwm2m_value v;

    if (r->value.kind == LWM2M_RAW && r->path.depth >= LWM2M_DEPTH_RESOURCE &&
        convert(&r->value, type_of(&r->path), &v) == 0)
        r->value = v;
}
