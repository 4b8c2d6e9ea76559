/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "demo/calendar.h"
#include "demo/cbor.h"
#include "demo/codecs.h"
#include "demo/json.h"
#include "demo/nmea.h"

static struct json_value parse(const char *text)
{
    return json_parse(text, strlen(text));
}

static void json_written_is_json_read(void **state)
{
    char out[256], text[64];
    struct json_writer w;
    struct json_value root;
    int len;

    (void)state;
    json_begin(&w, out, sizeof(out));
    json_object(&w, NULL);
    json_string(&w, "name", "a \"b\"\n\x01");
    json_int(&w, "n", -42);
    json_array(&w, "list");
    json_float(&w, NULL, 1.25, 2);
    json_bool(&w, NULL, true);
    json_object(&w, NULL);
    json_close(&w, '}');
    json_close(&w, ']');
    json_close(&w, '}');
    len = json_end(&w);
    assert_string_equal(out, "{\"name\":\"a \\\"b\\\"\\n\\u0001\",\"n\":-42,"
                             "\"list\":[1.25,true,{}]}");
    root = json_parse(out, (size_t)len);
    assert_int_equal(root.type, JSON_OBJECT);
    assert_int_equal(json_copy(json_path(root, "name"), text, sizeof(text)), 7);
    assert_string_equal(text, "a \"b\"\n\x01");
    assert_true(json_number(json_path(root, "list.0"), 0) == 1.25);
    assert_int_equal(json_path(root, "list.1").type, JSON_TRUE);
    assert_int_equal(json_path(root, "list.2").type, JSON_OBJECT);
    assert_int_equal(json_path(root, "list.3").type, JSON_NONE);
    assert_int_equal(json_path(root, "nothing").type, JSON_NONE);
}

static void json_that_does_not_fit_says_so(void **state)
{
    char out[32];
    struct json_writer w;

    (void)state;
    for (size_t cap = 0; cap <= 14; cap++) {
        json_begin(&w, out, cap);
        json_array(&w, NULL);
        json_string(&w, NULL, "abcdefghi");
        json_close(&w, ']');
        assert_int_equal(json_end(&w), cap == 14 ? 13 : -1);
    }
}

static void malformed_json_is_refused(void **state)
{
    static const char *const bad[] = {
        "",          "{",
        "}",         "[1,]",
        "[1 2]",     "{\"a\"}",
        "{a:1}",     "\"abc",
        "\"a\\x\"",  "01",
        "1.",        "-",
        "1e",        "tru",
        "[1]x",      "{\"a\":1,}",
        "\"\n\"",    "[[[]]",
        "{\"a\":1]", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
        "1.5e+",     ","};
    static const char *const good[] = {
        "0",           " [ ] ", "{ }", "-1.5e+10", "[1 , {\"a\" : [null]} ]",
        "\"\\u00e9\"", "true"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse(bad[i]).type, JSON_NONE);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_not_equal(parse(good[i]).type, JSON_NONE);
}

static void json_cut_anywhere_stays_inside_its_bytes(void **state)
{
    static const char text[] =
        "{\"a\":[1.5,\"x\\u00e9\",{\"b\":null}],\"c\":true}";
    char *exact, out[16];

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        exact = test_malloc(len + 1);
        memcpy(exact, text, len);
        exact[len] = '"'; /* a reader that runs over would go on */
        assert_int_equal(json_parse(exact, len).type, JSON_NONE);
        test_free(exact);
    }
    assert_int_equal(json_copy(json_path(parse(text), "a.1"), out, sizeof(out)),
                     3);
    assert_string_equal(out, "x\xc3\xa9");
}

/* RFC 8949 appendix A */
static void cbor_gives_the_published_bytes(void **state)
{
    uint8_t out[64];
    struct cbor_writer w;
    static const uint8_t want[] = {
        0x8a, 0x17, 0x18, 0x18, 0x19, 0x03, 0xe8, 0x1a, 0x00, 0x0f, 0x42,
        0x40, 0x38, 0x63, 0xf9, 0x3e, 0x00, 0xfa, 0x47, 0xc3, 0x50, 0x00,
        0xf5, 0x44, 1,    2,    3,    4,    0xa1, 0x61, 'a',  0x01};

    (void)state;
    cbor_begin(&w, out, sizeof(out));
    cbor_array(&w, 10);
    cbor_int(&w, 23);
    cbor_int(&w, 24);
    cbor_int(&w, 1000);
    cbor_int(&w, 1000000);
    cbor_int(&w, -100);
    cbor_float(&w, 1.5f);
    cbor_float(&w, 100000.0f);
    cbor_bool(&w, true);
    cbor_bytes(&w, "\1\2\3\4", 4);
    cbor_map(&w, 1);
    cbor_text(&w, "a");
    cbor_int(&w, 1);
    assert_false(w.failed);
    assert_int_equal(w.len, sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
}

static void cbor_is_described_as_the_rfc_prints_it(void **state)
{
    static const uint8_t in[] = {0xa2, 0x61, 'a',  0x82, 0x01, 0x20, 0x02,
                                 0x83, 0x80, 0xf6, 0x42, 0xab, 0xcd};
    char out[64];

    (void)state;
    assert_true(cbor_describe(in, sizeof(in), out, sizeof(out)) > 0);
    assert_string_equal(out, "{\"a\": [1, -1], 2: [[], null, h'abcd']}");
    for (size_t len = 0; len < sizeof(in); len++)
        assert_int_equal(cbor_describe(in, len, out, sizeof(out)), -1);
    for (size_t cap = 0; cap < 30; cap++)
        assert_int_equal(cbor_describe(in, sizeof(in), out, cap), -1);
}

/* RFC 4648 10 */
static void base64_pads_as_published(void **state)
{
    static const char *const text[] = {"f",    "fo",    "foo",
                                       "foob", "fooba", "foobar"};
    static const char *const want[] = {"Zg==",     "Zm8=",     "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    char out[16];
    uint8_t back[16];

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_true(base64_encode((const uint8_t *)text[i], i + 1, out,
                                  sizeof(out)) > 0);
        assert_string_equal(out, want[i]);
        assert_int_equal(base64_decode(out, back, sizeof(back)), i + 1);
        assert_memory_equal(back, text[i], i + 1);
    }
    assert_int_equal(base64_encode(back, 6, out, 8), -1);
    assert_int_equal(base64_decode("Zm9!", back, sizeof(back)), -1);
    assert_int_equal(base64_decode("Zm9vYmFy", back, 5), -1);
    assert_int_equal(hex_decode("abc", back, sizeof(back)), -1);
    assert_int_equal(hex_decode("ABcd", back, sizeof(back)), 2);
}

static void modbus_frames_carry_the_right_crc(void **state)
{
    uint8_t request[8], reply[] = {1, 3, 4, 0, 6, 0, 5, 0, 0};
    uint16_t registers[2];

    (void)state;
    modbus_read_request(request, 1, 0, 10);
    assert_memory_equal(request, "\x01\x03\x00\x00\x00\x0a\xc5\xcd", 8);
    reply[7] = (uint8_t)modbus_crc(reply, 7);
    reply[8] = (uint8_t)(modbus_crc(reply, 7) >> 8);
    assert_int_equal(modbus_read_reply(reply, 9, 1, registers, 2), 2);
    assert_int_equal(registers[1], 5);
    assert_int_equal(modbus_read_reply(reply, 9, 1, registers, 1), -1);
    reply[4] ^= 1;
    assert_int_equal(modbus_read_reply(reply, 9, 1, registers, 2), -1);
}

static void coap_options_are_coded_by_their_distance(void **state)
{
    uint8_t out[64];
    struct coap_writer w;

    (void)state;
    coap_begin(&w, out, sizeof(out), 0, 2, 0x1234, "T", 1);
    coap_path(&w, "a/bc");
    coap_option_uint(&w, 12, 60);
    coap_option_uint(&w, 60, 300);
    assert_int_equal(coap_end(&w, "x", 1), 18);
    assert_memory_equal(out,
                        "\x41\x02\x12\x34T\xb1"
                        "a\x02"
                        "bc\x11\x3c\xd2\x23\x01\x2c\xffx",
                        18);
    coap_option(&w, 11, "late", 4);
    assert_int_equal(coap_end(&w, NULL, 0), -1);
}

static void calendar_goes_there_and_back(void **state)
{
    struct calendar c;
    char iso[24];
    uint32_t back;

    (void)state;
    for (uint32_t s = 0; s < 4200000000u; s += 86400 * 13 + 4711) {
        calendar_iso(s, iso, sizeof(iso));
        assert_int_equal(calendar_parse(iso, &back), 0);
        assert_int_equal(back, s);
    }
    calendar_iso(951782400, iso, sizeof(iso));
    assert_string_equal(iso, "2000-02-29T00:00:00Z");
    calendar_from_seconds(&c, 951782400);
    assert_int_equal(c.weekday, 2);
    assert_int_equal(calendar_parse("2023-02-29T00:00:00Z", &back), -1);
    assert_int_equal(calendar_parse("2023-02", &back), -1);
    assert_int_equal(calendar_parse("", &back), -1);
}

static void nmea_learns_a_place_and_a_time(void **state)
{
    struct nmea_fix fix = {0};

    (void)state;
    assert_int_equal(nmea_line(&fix, "$GPGGA,123519,4807.038,N,01131.000,E,"
                                     "1,08,0.9,545.4,M,46.9,M,,*47"),
                     0);
    assert_true(fix.lat > 48.11729 && fix.lat < 48.11731);
    assert_true(fix.lon > 11.51666 && fix.lon < 11.51667);
    assert_int_equal(fix.satellites, 8);
    assert_int_equal(nmea_line(&fix, "$GPRMC,123519,A,4807.038,N,01131.000,"
                                     "E,022.4,084.4,230394,003.1,W*6A"),
                     0);
    assert_true(fix.date_known);
    assert_int_equal(nmea_line(&fix, "$GPGGA,123519*00"), -1);
    assert_int_equal(nmea_line(&fix, "noise"), -1);
    assert_int_equal(nmea_line(&fix, "$*00"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_written_is_json_read),
        cmocka_unit_test(json_that_does_not_fit_says_so),
        cmocka_unit_test(malformed_json_is_refused),
        cmocka_unit_test(json_cut_anywhere_stays_inside_its_bytes),
        cmocka_unit_test(cbor_gives_the_published_bytes),
        cmocka_unit_test(cbor_is_described_as_the_rfc_prints_it),
        cmocka_unit_test(base64_pads_as_published),
        cmocka_unit_test(modbus_frames_carry_the_right_crc),
        cmocka_unit_test(coap_options_are_coded_by_their_distance),
        cmocka_unit_test(calendar_goes_there_and_back),
        cmocka_unit_test(nmea_learns_a_place_and_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
