/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "coap_site.h"

/* ---- the option ---------------------------------------------------------- */

static void the_block_option_is_checked(void **state)
{
    /* Delta 23: 13 + 10. */
    static const uint8_t none[] = {0x40, 1, 0, 1, 0xD0, 10};
    static const uint8_t seven[] = {0x40, 1, 0, 1, 0xD1, 10, 0x17};
    static const uint8_t huge[] = {0x40, 1, 0, 1, 0xD3, 10, 0xFF, 0xFF, 0xFE};
    static const uint8_t four[] = {0x40, 1, 0, 1, 0xD4, 10, 1, 0, 0, 6};
    static const uint8_t padded[] = {0x40, 1, 0, 1, 0xD4, 10, 0, 0, 0, 0x16};
    struct coap_msg m;
    struct coap_block b;

    (void)state;
    assert_int_equal(coap_msg_parse(&m, none, sizeof none), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), 0);
    assert_true(b.num == 0 && !b.more && b.szx == 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK1, &b), DFOTA_E_NOTFOUND);
    assert_int_equal(coap_msg_parse(&m, seven, sizeof seven), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), DFOTA_E_SYNTAX);
    assert_int_equal(coap_msg_parse(&m, huge, sizeof huge), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), 0);
    assert_int_equal(b.num, COAP_BLOCK_NUM_MAX);
    assert_int_equal(coap_block_off(&b), 1073740800);
    assert_int_equal(coap_msg_parse(&m, four, sizeof four), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), DFOTA_E_SYNTAX);
    assert_int_equal(coap_msg_parse(&m, padded, sizeof padded), 0);
    assert_int_equal(coap_block_find(&m, COAP_BLOCK2, &b), DFOTA_E_SYNTAX);
}

/* ---- taking, block by block ---------------------------------------------- */

struct taker {
    struct coap_body b;
    struct coap_part part;
    uint32_t max;
};

static enum coap_taken take(struct taker *t, uint32_t num, bool more,
                            uint8_t szx, size_t len)
{
    uint8_t bytes[16];
    struct coap_options o;
    struct coap_block b = {num, more, szx};
    struct coap_msg m = {.code = COAP_PUT, .payload = body, .payload_len = len};

    coap_options_init(&o, bytes, sizeof bytes);
    coap_block_add(&o, COAP_BLOCK1, &b);
    m.options = o.data;
    m.options_len = o.len;
    return coap_body_take(&t->b, &m, t->max, &t->part);
}

static void blocks_out_of_order_are_refused(void **state)
{
    struct taker t = {.max = 1 << 20};

    (void)state;
    coap_body_init(&t.b, 6);
    /* Nothing began. */
    assert_int_equal(take(&t, 1, true, 6, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    assert_int_equal(take(&t, COAP_BLOCK_NUM_MAX, true, 6, 1024),
                     COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    assert_int_equal(take(&t, 0, true, 6, 1024), COAP_BODY_MORE);
    assert_int_equal(t.part.code, COAP_CONTINUE);
    assert_int_equal(take(&t, 2, true, 6, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    assert_int_equal(take(&t, COAP_BLOCK_NUM_MAX, false, 6, 10),
                     COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    /* Not full, too full. */
    assert_int_equal(take(&t, 1, true, 6, 1023), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_BAD_REQUEST);
    assert_int_equal(take(&t, 2, false, 5, 513), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_BAD_REQUEST);
    assert_int_equal(take(&t, 1, true, 7, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_BAD_REQUEST);
    /* None of them did harm. */
    assert_int_equal(take(&t, 2, true, 5, 512), COAP_BODY_MORE);
    assert_int_equal(t.part.off, 1024);
    assert_int_equal(take(&t, 96, false, 0, 3), COAP_BODY_WHOLE);
    assert_int_equal(t.b.off, 1539);
    /* It is over: no block of it is taken any more. */
    assert_int_equal(take(&t, 2, true, 5, 512), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
}

/* M in the Block1 of an answer says that the last word is to come: a client
 * that believes it (aiocoap) would go on behind a refusal. */
static bool says_more(const struct coap_part *part)
{
    const struct coap_msg m = {.options = part->options,
                               .options_len = part->options_len};
    struct coap_block b;

    assert_int_equal(coap_block_find(&m, COAP_BLOCK1, &b), 0);
    return b.more;
}

static void only_continue_says_that_more_is_to_come(void **state)
{
    struct taker t = {.max = 2000};

    (void)state;
    coap_body_init(&t.b, 6);
    assert_int_equal(take(&t, 0, true, 6, 1024), COAP_BODY_MORE);
    assert_true(says_more(&t.part));
    coap_part_settle(&t.part);
    assert_true(says_more(&t.part));
    t.part.code = COAP_BAD_REQUEST; /* says who takes it */
    coap_part_settle(&t.part);
    assert_false(says_more(&t.part));
    assert_int_equal(take(&t, 7, true, 6, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
    assert_false(says_more(&t.part));
    assert_int_equal(take(&t, 1, true, 6, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_TOO_LARGE);
    assert_false(says_more(&t.part));
}

static void block_zero_begins_a_new_body(void **state)
{
    struct taker t = {.max = 1 << 20};

    (void)state;
    coap_body_init(&t.b, 6);
    assert_int_equal(take(&t, 0, true, 4, 256), COAP_BODY_MORE);
    assert_int_equal(take(&t, 1, true, 4, 256), COAP_BODY_MORE);
    assert_int_equal(take(&t, 0, true, 4, 256), COAP_BODY_MORE);
    assert_int_equal(t.part.off, 0);
    assert_int_equal(t.b.off, 256);
}

static void a_body_longer_than_announced_is_refused(void **state)
{
    struct taker t = {.max = 2000};

    (void)state;
    coap_body_init(&t.b, 6);
    assert_int_equal(take(&t, 0, true, 6, 1024), COAP_BODY_MORE);
    assert_int_equal(take(&t, 1, true, 6, 1024), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_TOO_LARGE);
    assert_int_equal(take(&t, 1, false, 6, 10), COAP_BODY_REFUSED);
    assert_int_equal(t.part.code, COAP_INCOMPLETE);
}

/* ---- serving ------------------------------------------------------------- */

static void serving_checks_what_is_asked(void **state)
{
    static const uint8_t seven[] = {0xD1, 10, 0x17};
    static const uint8_t last[] = {0xD3, 10, 0xFF, 0xFF, 0xF6};
    static const uint8_t tag[] = {0x43, 'o', 'n', 'e'};
    static const uint8_t other[] = {0x43, 'a', 'n', 'e'};
    uint8_t bytes[32];
    struct coap_options o = {.data = bytes, .room = sizeof bytes};
    struct coap_served s = {.data = body,
                            .len = 5000,
                            .etag = (const uint8_t *)"one",
                            .etag_len = 3,
                            .szx = 6};
    struct coap_msg m = {.options = seven, .options_len = sizeof seven};
    struct coap_answer a;

    (void)state;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_BAD_REQUEST);
    m.options = last;
    m.options_len = sizeof last;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_BAD_OPTION);
    m.options = tag;
    m.options_len = sizeof tag;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_VALID);
    assert_int_equal(a.payload_len, 0);
    m.options = other;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_CONTENT);
    assert_int_equal(a.payload_len, 1024);
    assert_null(a.recipe);
}

static int read_part(void *ctx, uint32_t off, void *room, size_t len)
{
    int *err = ctx;

    memcpy(room, body + off, len);
    return *err;
}

static void a_body_that_is_not_in_memory_is_read_block_by_block(void **state)
{
    static const uint8_t second[] = {0xD1, 10, 0x16};
    uint8_t bytes[32], room[COAP_PAYLOAD_MAX];
    int err = 0;
    struct coap_options o = {.data = bytes, .room = sizeof bytes};
    struct coap_served s = {
        .len = 1500, .read = read_part, .ctx = &err, .room = room, .szx = 6};
    struct coap_msg m = {.options = second, .options_len = sizeof second};
    struct coap_answer a;

    (void)state;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_CONTENT);
    assert_int_equal(a.payload_len, 1500 - 1024);
    assert_memory_equal(a.payload, body + 1024, a.payload_len);
    err = DFOTA_E_IO;
    coap_serve(&m, &s, &o, &a);
    assert_int_equal(a.code, COAP_UNAVAILABLE);
    assert_int_equal(a.payload_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_option_is_checked),
        cmocka_unit_test(blocks_out_of_order_are_refused),
        cmocka_unit_test(only_continue_says_that_more_is_to_come),
        cmocka_unit_test(block_zero_begins_a_new_body),
        cmocka_unit_test(a_body_longer_than_announced_is_refused),
        cmocka_unit_test(serving_checks_what_is_asked),
        cmocka_unit_test(a_body_that_is_not_in_memory_is_read_block_by_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
