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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_of_the_check_string_is_the_published_one),
        cmocka_unit_test(crc_in_two_parts_is_the_crc_of_the_whole),
        cmocka_unit_test(bytes_lie_in_the_order_the_name_says),
        cmocka_unit_test(every_error_has_a_sentence_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
