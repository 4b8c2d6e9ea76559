/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Block option, and the server's side of both directions (RFC 7959 2).
 */
#include "link/coap_block.h"

#include <string.h>

#include "base/err.h"

enum {
    SZX_RESERVED = 7,
    MORE_BIT = 8,
    NUM_SHIFT = 4,
};

int coap_block_find(const struct coap_msg *m, uint16_t number,
                    struct coap_block *b)
{
    struct coap_option o;
    uint32_t value;
    int err = coap_msg_uint(m, number, &value);

    if (err)
        return err;
    (void)coap_msg_find(m, number, &o);
    b->num = value >> NUM_SHIFT;
    b->more = (value & MORE_BIT) != 0;
    b->szx = value & SZX_RESERVED;
    if (b->szx == SZX_RESERVED || o.len > 3)
        return DFOTA_E_SYNTAX;
    return 0;
}

int coap_block_add(struct coap_options *o, uint16_t number,
                   const struct coap_block *b)
{
    return coap_options_add_uint(
        o, number, b->num << NUM_SHIFT | (b->more ? MORE_BIT : 0U) | b->szx);
}

/* ---- serve --------------------------------------------------------------- */

static bool names_etag(const struct coap_msg *m, const struct coap_served *s)
{
    struct coap_cursor c;
    struct coap_option o;

    coap_cursor_init(&c, m);
    while (s->etag && coap_cursor_next(&c, &o)) {
        if (o.number == COAP_ETAG && o.len == s->etag_len &&
            memcmp(o.value, s->etag, s->etag_len) == 0)
            return true;
    }
    return false;
}

static void put_answer(struct coap_answer *a, uint8_t code,
                       const struct coap_options *o)
{
    *a = (struct coap_answer){
        .code = code, .options = o->data, .options_len = o->len};
}

static void serve_block(const struct coap_msg *m, const struct coap_served *s,
                        const struct coap_block *b, bool asked,
                        struct coap_options *o, struct coap_answer *a)
{
    uint32_t off = coap_block_off(b), size = coap_block_size(b->szx);
    uint32_t len = s->len - off < size ? s->len - off : size;
    struct coap_block out = {b->num, off + len < s->len, b->szx};
    uint32_t ignored;

    if (s->etag)
        coap_options_add(o, COAP_ETAG, s->etag, s->etag_len);
    if (s->has_format)
        coap_options_add_uint(o, COAP_CONTENT_FORMAT, s->format);
    if (asked || out.more)
        coap_block_add(o, COAP_BLOCK2, &out);
    if (coap_msg_uint(m, COAP_SIZE2, &ignored) == 0 || (out.more && off == 0))
        coap_options_add_uint(o, COAP_SIZE2, s->len);
    coap_options_add_all(o, s->options, s->options_len);
    if (o->err) {
        *a = (struct coap_answer){.code = COAP_SERVER_ERROR};
        return;
    }
    if (!s->data && len > 0 && s->read(s->ctx, off, s->room, len) != 0) {
        *a = (struct coap_answer){.code = COAP_UNAVAILABLE};
        return;
    }
    put_answer(a, COAP_CONTENT, o);
    a->payload = s->data ? s->data + off : s->room;
    a->payload_len = len;
}

void coap_serve(const struct coap_msg *m, const struct coap_served *s,
                struct coap_options *o, struct coap_answer *a)
{
    struct coap_block b = {0};
    int err = coap_block_find(m, COAP_BLOCK2, &b);
    uint32_t off = 0;

    coap_options_init(o, o->data, o->room);
    if (err == DFOTA_E_SYNTAX) {
        put_answer(a, COAP_BAD_REQUEST, o);
        return;
    }
    if (names_etag(m, s)) {
        coap_options_add(o, COAP_ETAG, s->etag, s->etag_len);
        put_answer(a, COAP_VALID, o);
        return;
    }
    if (err)
        b = (struct coap_block){.szx = s->szx};
    else
        off = coap_block_off(&b);
    if (off > 0 && off >= s->len) {
        put_answer(a, COAP_BAD_OPTION, o);
        return;
    }
    if (b.szx > s->szx)
        b.szx = s->szx;
    b.num = off >> (b.szx + 4);
    serve_block(m, s, &b, err == 0, o, a);
}

/* ---- take ---------------------------------------------------------------- */

void coap_body_init(struct coap_body *b, uint8_t szx)
{
    *b = (struct coap_body){.szx = szx};
}

/* Options of the answer: Block1 if the request had it, Size1 with 4.13. */
static void put_options(struct coap_part *part, const struct coap_block *block,
                        uint32_t max)
{
    struct coap_options o;

    coap_options_init(&o, part->options, sizeof part->options);
    if (block)
        coap_block_add(&o, COAP_BLOCK1, block);
    if (part->code == COAP_TOO_LARGE)
        coap_options_add_uint(&o, COAP_SIZE1, max);
    part->options_len = o.len;
}

/* 0, or the code that refuses this block. */
static uint8_t judge(const struct coap_body *b, const struct coap_msg *m,
                     const struct coap_block *block, uint32_t max)
{
    uint32_t size = coap_block_size(block->szx), size1 = 0;
    uint32_t off = coap_block_off(block);

    if (block->more ? m->payload_len != size : m->payload_len > size)
        return COAP_BAD_REQUEST;
    if (off != 0 && (!b->active || off != b->off))
        return COAP_INCOMPLETE;
    (void)coap_msg_uint(m, COAP_SIZE1, &size1);
    if (size1 > max || off > max || m->payload_len > max - off)
        return COAP_TOO_LARGE;
    return 0;
}

static enum coap_taken refuse(struct coap_body *b, struct coap_part *part,
                              const struct coap_block *block, uint32_t max)
{
    struct coap_block out = {0};

    /* A stray block does not end the body it does not belong to. */
    if (part->code == COAP_TOO_LARGE)
        b->active = false;
    if (block) {
        out = *block;
        out.more = false;
        out.szx = out.szx < b->szx ? out.szx : b->szx;
    }
    put_options(part, block ? &out : NULL, max);
    return COAP_BODY_REFUSED;
}

static enum coap_taken take_whole(struct coap_body *b, const struct coap_msg *m,
                                  uint32_t max, struct coap_part *part)
{
    b->active = false;
    b->off = 0;
    if (m->payload_len > max) {
        part->code = COAP_TOO_LARGE;
        return refuse(b, part, NULL, max);
    }
    part->data = m->payload;
    part->len = m->payload_len;
    part->code = COAP_CHANGED;
    return COAP_BODY_WHOLE;
}

void coap_part_settle(struct coap_part *part)
{
    const struct coap_msg m = {.options = part->options,
                               .options_len = part->options_len};
    struct coap_block block;
    uint32_t size1 = 0;

    if (part->code == COAP_CONTINUE ||
        coap_block_find(&m, COAP_BLOCK1, &block) != 0 || !block.more)
        return;
    block.more = false;
    (void)coap_msg_uint(&m, COAP_SIZE1, &size1);
    put_options(part, &block, size1);
}

enum coap_taken coap_body_take(struct coap_body *b, const struct coap_msg *m,
                               uint32_t max, struct coap_part *part)
{
    struct coap_block block;
    int err = coap_block_find(m, COAP_BLOCK1, &block);

    *part = (struct coap_part){.code = COAP_BAD_REQUEST};
    if (err == DFOTA_E_NOTFOUND)
        return take_whole(b, m, max, part);
    if (err)
        return refuse(b, part, NULL, max);
    part->code = judge(b, m, &block, max);
    if (part->code)
        return refuse(b, part, &block, max);
    part->off = coap_block_off(&block);
    part->data = m->payload;
    part->len = m->payload_len;
    part->code = block.more ? COAP_CONTINUE : COAP_CHANGED;
    b->off = part->off + (uint32_t)part->len;
    b->active = block.more;
    if (block.szx > b->szx)
        block.szx = b->szx;
    put_options(part, &block, max);
    return block.more ? COAP_BODY_MORE : COAP_BODY_WHOLE;
}
