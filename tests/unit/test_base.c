/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/utf8.h"

static void crc_of_the_check_string_is_the_published_one(void **state)
{
    (void)state;
    assert_int_equal(dfota_crc32(0, "123456789", 9), 0xCBF43926);
}

static void crc_in_two_parts_is_the_crc_of_the_whole(void **state)
{
    uint32_t crc;

    (void)state;
    crc = dfota_crc32(0, "1234", 4);
    assert_int_equal(dfota_crc32(crc, "56789", 5), 0xCBF43926);
    assert_int_equal(dfota_crc32(0, "", 0), 0);
}

static void bytes_lie_in_the_order_the_name_says(void **state)
{
    uint8_t b[4];

    (void)state;
    dfota_put_le32(b, 0x01020304);
    assert_memory_equal(b, "\x04\x03\x02\x01", 4);
    assert_int_equal(dfota_get_le32(b), 0x01020304);
    assert_int_equal(dfota_get_be32(b), 0x04030201);
    dfota_put_be32(b, 0x01020304);
    assert_memory_equal(b, "\x01\x02\x03\x04", 4);
    assert_int_equal(dfota_get_le16(b), 0x0201);
    assert_int_equal(dfota_get_be16(b), 0x0102);
}

static void every_error_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int e = -30; e < 0; e++) {
        assert_string_not_equal(dfota_strerror(e), "unknown error");
        for (int f = -30; f < e; f++)
            assert_string_not_equal(dfota_strerror(e), dfota_strerror(f));
    }
    assert_string_equal(dfota_strerror(-99), "unknown error");
}

static void text_is_told_from_bytes(void **state)
{
    static const char *const good[] = {"",
                                       "1.0 beta",
                                       "\xc2\x80",
                                       "\xc3\xa9t\xc3\xa9",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\xff",
                                      "a\x80",
                                      "\xc3",
                                      "\xc3(",
                                      "\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf",
                                      "\xf0\x80\x80\xaf",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "a\n",
                                      "\t",
                                      "\x7f",
                                      "\xe2\x82"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(dfota_is_text(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dfota_is_text(bad[i], strlen(bad[i])));
    assert_false(dfota_is_text("a\0b", 3));
    assert_false(dfota_is_text("\xc3\xa9", 1)); /* looks no further */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_of_the_check_string_is_the_published_one),
        cmocka_unit_test(crc_in_two_parts_is_the_crc_of_the_whole),
        cmocka_unit_test(bytes_lie_in_the_order_the_name_says),
        cmocka_unit_test(every_error_has_a_sentence_of_its_own),
        cmocka_unit_test(text_is_told_from_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
