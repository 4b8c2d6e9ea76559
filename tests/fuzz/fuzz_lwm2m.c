/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of every LwM2M format from hostile peers, and links. Byte 0 is
 * the format, byte 1 how the payload is split, byte 2 the request's path.
 * What is read in one piece and in two must be the same. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/link_format.h"
#include "lwm2m/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sum {
    size_t records, streamed;
    uint32_t hash;
};

static void mix(struct sum *s, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++)
        s->hash = s->hash * 31 + p[i];
}

static int on_record(void *ctx, const struct lwm2m_record *r)
{
    struct sum *s = ctx;
    int64_t i = 0;
    char text[64] = "";
    double d = 0;
    uint32_t link = 0;

    s->records++;
    if (lwm2m_as_integer(&r->value, &i) == 0)
        mix(s, &i, sizeof i);
    if (lwm2m_as_text(&r->value, text, sizeof text) == 0)
        mix(s, text, strlen(text));
    if (lwm2m_as_real(&r->value, &d) == 0 && lwm2m_as_link(&r->value, &link))
        mix(s, &link, sizeof link);
    if (r->value.len > LWM2M_JSON_MAX)
        abort();
    return 0;
}

static int on_chunk(void *ctx, const void *data, size_t len, bool last)
{
    struct sum *s = ctx;

    (void)last;
    s->streamed += len;
    mix(s, data, len);
    return 0;
}

static int run(unsigned format, const struct lwm2m_path *base,
               const uint8_t *data, size_t len, size_t split, struct sum *s)
{
    static struct lwm2m_reader r;
    struct lwm2m_sink sink = {.ctx = s,
                              .record = on_record,
                              .chunk = on_chunk,
                              .stream = lwm2m_path_make(3, 5, 0, 0)};
    int err = lwm2m_reader_init(&r, format, base, &sink);

    *s = (struct sum){0};
    if (!err)
        err = lwm2m_reader_feed(&r, data, split);
    if (!err)
        err = lwm2m_reader_feed(&r, data + split, len - split);
    if (!err)
        err = lwm2m_reader_finish(&r);
    lwm2m_reader_release(&r);
    return err;
}

static void walk_links(const uint8_t *data, size_t len)
{
    struct corelink_reader r;
    struct corelink_item item;
    struct corelink_attribute a;
    struct lwm2m_path p;

    corelink_reader_init(&r, (const char *)data, len);
    while (corelink_next(&r, &item) == DFOTA_DONE) {
        corelink_find(&item, "ver", &a);
        lwm2m_path_parse(item.target, item.target_len, &p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const unsigned formats[] = {0,   42,    60,    110,  112,
                                       112, 11542, 11542, 11543};
    struct sum whole, parts;
    struct lwm2m_path base;
    size_t split;
    unsigned format;
    int a, b;

    if (len < 3)
        return 0;
    format = formats[data[0] % 9];
    base = lwm2m_path_make(data[2] % 4, data[2] & 0x80 ? 3 : 5, 0, 0);
    split = len > 3 ? data[1] % (len - 3 + 1) : 0;
    a = run(format, &base, data + 3, len - 3, 0, &whole);
    b = run(format, &base, data + 3, len - 3, split, &parts);
    if (a != b || (a == 0 && memcmp(&whole, &parts, sizeof whole) != 0))
        abort();
    walk_links(data + 3, len - 3);
    return 0;
}
