/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CoAP bodies larger than a message, both directions, both roles (RFC 7959).
 *
 * Layer: link, on coap_exchange. Four machines and the option they share:
 *
 *   coap_get    client, Block2: fetch a body, resume one, never splice two
 *   coap_put    client, Block1: push a body
 *   coap_serve  server, Block2: one block of a body in memory; stateless
 *   coap_body   server, Block1: take a body in order; no memory of its own
 *
 * No machine holds a body: memory is the same for 1 KB and for 16 MB.
 */
#ifndef DFOTA_LINK_COAP_BLOCK_H
#define DFOTA_LINK_COAP_BLOCK_H

#include "link/coap_exchange.h"

enum {
    COAP_SZX_MAX = 6, /* 1024 bytes; 7 is reserved over UDP */
    COAP_BLOCK_NUM_MAX = 0xFFFFF,
};

/* Value of Block1 and Block2: NUM | M | SZX. */
struct coap_block {
    uint32_t num; /* 0..COAP_BLOCK_NUM_MAX */
    bool more;
    uint8_t szx; /* 0..COAP_SZX_MAX */
};

static inline uint32_t coap_block_size(uint8_t szx)
{
    return 16U << szx;
}

/** At most 2^20 * 1024: fits. */
static inline uint32_t coap_block_off(const struct coap_block *b)
{
    return b->num << (b->szx + 4);
}

/** Block1 or Block2 of a message. errors: E_NOTFOUND, E_SYNTAX for SZX 7 and
 * for more than 3 bytes */
int coap_block_find(const struct coap_msg *m, uint16_t number,
                    struct coap_block *b);

/** errors: E_FULL */
int coap_block_add(struct coap_options *o, uint16_t number,
                   const struct coap_block *b);

/* ---- client: fetch ------------------------------------------------------- */

enum coap_get_kind {
    COAP_GET_HEAD, /* code and where the bytes begin; may come again */
    COAP_GET_DATA,
    COAP_GET_END,
    COAP_GET_FAILED,
};

enum coap_get_failure {
    COAP_GET_SILENCE, /* no answer within the wait of an exchange */
    COAP_GET_RESET,   /* RST, again and again */
    COAP_GET_ALIEN,   /* what answers does not follow RFC 7959 */
    COAP_GET_CHANGES, /* the body changes faster than it is read */
    COAP_GET_BUSY,    /* 5.03 or 4.08, again and again */
    COAP_GET_HUGE,    /* more than 2^20 blocks */
    COAP_GET_NOMEM,
};

struct coap_get_event {
    enum coap_get_kind kind;
    /* HEAD. With a code of class 2 bytes from `from` follow; a second HEAD
     * means that the body changed: what came before is void, and from is 0.
     * With another code nothing follows but END. */
    uint8_t code;
    uint32_t from;
    int64_t length; /* Size2, a hint; -1 not said */
    const uint8_t *etag;
    uint8_t etag_len; /* 0: none */
    /* DATA; valid until the return */
    const uint8_t *data;
    size_t len;
    enum coap_get_failure failure; /* FAILED; code is BUSY's last one */
};

struct coap_get_request {
    const uint8_t *options; /* Uri-*; no Block2, Size2. Kept by pointer. */
    size_t options_len;
    uint8_t szx;         /* block size asked for */
    uint32_t from;       /* first byte wanted; 0 unless etag_len > 0 */
    const uint8_t *etag; /* the body that `from` belongs to; copied */
    uint8_t etag_len;
    /* returns non-zero to give up: no event comes then. At END and FAILED
     * coap_get_start() may be called again. */
    int (*event)(void *ctx, const struct coap_get_event *e);
    /* coap_get_wake() is another time than before. May be NULL. */
    void (*wake)(void *ctx, uint64_t at_ms);
    void *ctx;
};

struct coap_get {
    struct coap_peer *peer;
    struct coap_get_request r;
    uint32_t id; /* of the request under way, 0 none */
    uint32_t off, skip;
    uint64_t again_ms; /* pause before the next request, COAP_NEVER */
    uint8_t szx, etag_len, strikes, restarts, code;
    uint8_t etag[COAP_ETAG_MAX];
    bool active, headed, resuming;
};

/**
 * Begin. Rules: a smaller SZX in an answer is taken over; another ETag, or
 * one that comes or goes, starts the body again from 0 (at most 3 times, then
 * CHANGES); a resume that finds another ETag starts from 0;
 * RST, 4.08 and 4.13 repeat after ACK_TIMEOUT (4.13 with the half block size),
 * 5.03 after Max-Age (60 s if not said, at most an hour, scaled as the
 * params are), all together at most 4 times without a new
 * block; 4.00, 4.02, 4.08 to a resume start from 0; every other code of class 4
 * and 5 is final.
 *
 * g        the caller's memory, until END, FAILED, a refusal or stop
 * errors   as coap_peer_request()
 */
int coap_get_start(struct coap_get *g, struct coap_peer *p, uint64_t now,
                   const struct coap_get_request *r);

/** Give up; no event comes. Harmless when zeroed or over. */
void coap_get_stop(struct coap_get *g, uint64_t now);

/** Beside those of the peer: a pause of 5.03 is over at coap_get_wake(). */
void coap_get_tick(struct coap_get *g, uint64_t now);

static inline uint64_t coap_get_wake(const struct coap_get *g)
{
    return g->active ? g->again_ms : COAP_NEVER;
}

/* ---- client: push -------------------------------------------------------- */

enum coap_put_failure {
    COAP_PUT_DONE,    /* the final answer came: see code */
    COAP_PUT_SILENCE, /* each of these after the third start without a */
    COAP_PUT_RESET,   /* block more than before */
    COAP_PUT_LOST,    /* 4.08 */
    COAP_PUT_BUSY,    /* 5.03 */
    COAP_PUT_READ,    /* read() failed */
    COAP_PUT_ALIEN,   /* 2.31 for another block, SZX that grows */
    COAP_PUT_HUGE,    /* more than 2^20 blocks of the size the peer wants */
    COAP_PUT_NOMEM,
};

struct coap_put_result {
    enum coap_put_failure failure;
    uint8_t code;             /* of the last answer, 0 none */
    const struct coap_msg *m; /* DONE: the final answer; else NULL */
};

struct coap_put_request {
    uint8_t code;           /* PUT or POST */
    const uint8_t *options; /* no Block1, Size1. Kept by pointer. */
    size_t options_len;
    uint32_t length; /* of the body, at most 2^20 blocks */
    uint8_t szx;     /* first block size; also the largest ever used */
    /* Read len bytes at off of the body. returns 0 or a negative error */
    int (*read)(void *ctx, uint32_t off, void *buf, size_t len);
    /* A block was acknowledged; may be NULL. */
    void (*progress)(void *ctx, uint32_t off);
    /* Once, at the end. */
    void (*done)(void *ctx, const struct coap_put_result *r);
    /* coap_put_wake() is another time than before. May be NULL. */
    void (*wake)(void *ctx, uint64_t at_ms);
    void *ctx;
};

struct coap_put {
    struct coap_peer *peer;
    struct coap_put_request r;
    uint32_t id;
    uint32_t off, best; /* acknowledged in this start, and in any */
    uint64_t again_ms;
    uint8_t szx, starts, code;
    bool active, repeated;
};

/**
 * Begin at block 0. Rules: a smaller SZX in 2.31 and 4.13 is taken over, a
 * 4.13 to block 0 without Block1 and Size1 halves the blocks; at
 * 4.08 it starts again; at 5.03 it waits Max-Age (60 s if not said) and
 * repeats the block once, then starts again; RST and silence start again; at
 * most 3 starts without a block more than before. Any other code is final.
 *
 * errors   E_ARG a body of more than 2^20 blocks; as coap_peer_request()
 */
int coap_put_start(struct coap_put *t, struct coap_peer *p, uint64_t now,
                   const struct coap_put_request *r);

/** The same endpoint came back on another port or location: block 0 again,
 * there. Counts as a start. Call it before the old peer is released. options as
 * in the request, NULL: unchanged. */
int coap_put_move(struct coap_put *t, struct coap_peer *p, uint64_t now,
                  const uint8_t *options, size_t options_len);

void coap_put_stop(struct coap_put *t, uint64_t now);
void coap_put_tick(struct coap_put *t, uint64_t now);

static inline uint64_t coap_put_wake(const struct coap_put *t)
{
    return t->active ? t->again_ms : COAP_NEVER;
}

/* ---- server: serve a body ------------------------------------------------ */

struct coap_served {
    const uint8_t *data; /* NULL: not in memory, read() it */
    uint32_t len;
    /* Read len bytes at off into room, which has COAP_PAYLOAD_MAX bytes.
     * returns 0 or a negative error */
    int (*read)(void *ctx, uint32_t off, void *room, size_t len);
    void *ctx;
    uint8_t *room;
    const uint8_t *etag; /* of the body as it is now; NULL: none */
    uint8_t etag_len;
    uint8_t szx;     /* largest block size given */
    uint16_t format; /* Content-Format, with has_format */
    bool has_format;
    /* More options for the answer (Observe, Max-Age); wire form. */
    const uint8_t *options;
    size_t options_len;
};

/**
 * Make the answer for one block: 2.05 with Block2 (when the body is longer
 * than a block, or Block2 was asked for), Size2 (when asked for, and with
 * every block 0 of many), ETag; 2.03 when the request names this ETag; 4.00
 * for SZX 7, 4.02 for a block behind the end, 5.03 when it cannot be read.
 *
 * o        memory for the options of the answer, emptied first
 * a        out: code, options, payload (into s->data or s->room); no recipe
 */
void coap_serve(const struct coap_msg *m, const struct coap_served *s,
                struct coap_options *o, struct coap_answer *a);

/* ---- server: take a body ------------------------------------------------- */

struct coap_body {
    uint32_t off; /* bytes taken */
    uint8_t szx;  /* largest block size taken */
    bool active;  /* more is to come */
};

enum coap_taken {
    COAP_BODY_MORE,    /* store data; then answer 2.31, or an error */
    COAP_BODY_WHOLE,   /* store data; the body is complete: answer it */
    COAP_BODY_REFUSED, /* answer `code`; nothing is to be stored */
};

struct coap_part {
    uint32_t off; /* 0: a new body begins, what was there is void */
    const uint8_t *data;
    size_t len;
    uint8_t code; /* of the answer: 2.31, 2.04, or why it is refused */
    /* Block1 and Size1 of the answer, as coap_options_add_all() wants. */
    uint8_t options[12];
    size_t options_len;
};

/** szx: largest block size taken; larger ones are taken once and answered
 * with this one. */
void coap_body_init(struct coap_body *b, uint8_t szx);

/**
 * Take one request (which is no duplicate: the peer saw to that).
 *
 * max      bytes of the largest body; a longer one, by Size1 or by its
 *          blocks, is refused with 4.13 and Size1
 * Refused: 4.08 a block that is not the next one (2^20 - 1 too), 4.00 SZX 7
 * and blocks that are not full. After WHOLE and REFUSED (but for 4.08 and
 * 4.00 of a stray block) the next body begins with block 0.
 * A request without Block1 is a whole body. No state but struct coap_body:
 * when a half body is given up is the caller's affair.
 */
enum coap_taken coap_body_take(struct coap_body *b, const struct coap_msg *m,
                               uint32_t max, struct coap_part *part);

/** Before the answer: a code that is not 2.31 any more is the last word, and
 * M in its Block1 would say that it is not (RFC 7959 2.3). */
void coap_part_settle(struct coap_part *part);

#endif
