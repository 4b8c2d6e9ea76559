/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "link/coap_msg.h"

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__})
#define PARSE(m, ...)                                                          \
    coap_msg_parse(m, BYTES(__VA_ARGS__), sizeof BYTES(__VA_ARGS__))

static void a_message_of_the_rfc_is_taken_apart(void **state)
{
    /* RFC 7252 appendix A, figure 16: GET /temperature. */
    static const uint8_t get[] = "\x40\x01\x7d\x34\xbb"
                                 "temperature";
    /* The same with a token and an answer of "22.3 C" (figure 20). */
    static const uint8_t content[] = "\x61\x45\x7d\x34\x20\xff"
                                     "22.3 C";
    struct coap_msg m;
    struct coap_option o;
    char path[32];

    (void)state;
    assert_int_equal(coap_msg_parse(&m, get, sizeof get - 1), 0);
    assert_int_equal(m.type, COAP_CON);
    assert_int_equal(m.code, COAP_GET);
    assert_int_equal(m.mid, 0x7d34);
    assert_int_equal(m.token_len, 0);
    assert_null(m.payload);
    assert_true(coap_msg_find(&m, COAP_URI_PATH, &o));
    assert_int_equal(o.len, 11);
    assert_memory_equal(o.value, "temperature", 11);
    assert_int_equal(coap_msg_path(&m, path, sizeof path), 0);
    assert_string_equal(path, "/temperature");
    assert_int_equal(coap_msg_parse(&m, content, sizeof content - 1), 0);
    assert_int_equal(m.type, COAP_ACK);
    assert_int_equal(m.code, COAP_CONTENT);
    assert_int_equal(m.token_len, 1);
    assert_int_equal(m.token[0], 0x20);
    assert_int_equal(m.payload_len, 6);
    assert_memory_equal(m.payload, "22.3 C", 6);
}

static void what_is_no_coap_is_not_answered(void **state)
{
    static uint8_t long_one[COAP_DATAGRAM_MAX + 1] = {0x40, 0x01};
    struct coap_msg m;

    (void)state;
    assert_int_equal(coap_msg_parse(&m, NULL, 0), DFOTA_E_PROTOCOL);
    assert_int_equal(PARSE(&m, 0x40, 0x01, 0x00), DFOTA_E_PROTOCOL);
    assert_int_equal(PARSE(&m, 0x00, 0x01, 0, 1), DFOTA_E_PROTOCOL);
    assert_int_equal(PARSE(&m, 0x80, 0x01, 0, 1), DFOTA_E_PROTOCOL);
    assert_int_equal(PARSE(&m, 0xC0, 0x01, 0, 1), DFOTA_E_PROTOCOL);
    assert_int_equal(coap_msg_parse(&m, long_one, sizeof long_one),
                     DFOTA_E_PROTOCOL);
}

static void tokens_of_nine_to_fifteen_are_format_errors(void **state)
{
    uint8_t bytes[32] = {0x40, 0x01, 0x12, 0x34};
    struct coap_msg m;

    (void)state;
    for (uint8_t n = 0; n < 16; n++) {
        bytes[0] = (uint8_t)(0x40 | n);
        assert_int_equal(coap_msg_parse(&m, bytes, 4U + n),
                         n <= COAP_TOKEN_MAX ? 0 : DFOTA_E_SYNTAX);
        assert_int_equal(m.mid, 0x1234);
        assert_int_equal(m.type, COAP_CON);
    }
    /* A token that ends behind the datagram. */
    assert_int_equal(PARSE(&m, 0x44, 0x01, 0, 1, 1, 2, 3), DFOTA_E_SYNTAX);
}

static void an_empty_message_is_four_bytes(void **state)
{
    struct coap_msg m;

    (void)state;
    assert_int_equal(PARSE(&m, 0x40, 0x00, 0, 1), 0);
    assert_int_equal(PARSE(&m, 0x60, 0x00, 0, 1), 0);
    assert_int_equal(PARSE(&m, 0x40, 0x00, 0, 1, 0xFF, 1), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x41, 0x00, 0, 1, 7), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x41, 0x00, 0, 1), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x70, 0x00, 0, 1, 0), DFOTA_E_SYNTAX);
}

static void reserved_classes_are_format_errors(void **state)
{
    struct coap_msg m;

    (void)state;
    for (unsigned code = 1; code < 256; code++) {
        const uint8_t bytes[] = {0x40, (uint8_t)code, 0, 1};
        unsigned c = code >> 5;

        assert_int_equal(coap_msg_parse(&m, bytes, 4),
                         c == 1 || c > 5 ? DFOTA_E_SYNTAX : 0);
    }
}

static void hostile_options_are_format_errors(void **state)
{
    struct coap_msg m;

    (void)state;
    /* Delta 15, length 15, both but for the marker. */
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xF0), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0x0F), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xF1, 0), DFOTA_E_SYNTAX);
    /* Extended bytes that are not there. */
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xD0), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xE0, 1), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0x0D), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0x0E, 0), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xDD, 1), DFOTA_E_SYNTAX);
    /* A value that ends behind the datagram. */
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xB2, 'a'), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xBE, 0xFF, 0xFF, 1),
                     DFOTA_E_SYNTAX);
    /* Numbers past 65535, at once and in two steps. */
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xE0, 0xFF, 0xFF),
                     DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xE0, 0xFE, 0xF2), 0);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xE0, 0xFE, 0xF2, 0x10),
                     DFOTA_E_SYNTAX);
    /* A marker without payload. */
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xFF), DFOTA_E_SYNTAX);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xB1, 'a', 0xFF), DFOTA_E_SYNTAX);
}

static void a_uint_has_up_to_four_bytes(void **state)
{
    struct coap_msg m;
    uint32_t value = 77;

    (void)state;
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xE0, 0, 0), 0);
    assert_int_equal(coap_msg_uint(&m, COAP_MAX_AGE, &value), DFOTA_E_NOTFOUND);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xD0, 1), 0);
    assert_int_equal(coap_msg_uint(&m, COAP_MAX_AGE, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xD4, 1, 1, 2, 3, 4), 0);
    assert_int_equal(coap_msg_uint(&m, COAP_MAX_AGE, &value), 0);
    assert_int_equal(value, 0x01020304);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xD5, 1, 0, 0, 0, 0, 4), 0);
    assert_int_equal(coap_msg_uint(&m, COAP_MAX_AGE, &value), DFOTA_E_SYNTAX);
}

static void unknown_critical_options_are_found(void **state)
{
    static const uint16_t known[] = {COAP_URI_PATH, COAP_BLOCK2};
    struct coap_msg m;

    (void)state;
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xB1, 'a', 0x01, 'b'), 0);
    assert_int_equal(coap_msg_critical(&m, known, 2), 0);
    /* Elective ones do not matter. */
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xC1, 0), 0);
    assert_int_equal(coap_msg_critical(&m, known, 2), 0);
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0x90), 0);
    assert_int_equal(coap_msg_critical(&m, known, 2), 9);
    /* Block2 twice. */
    assert_int_equal(PARSE(&m, 0x40, 1, 0, 1, 0xD1, 10, 6, 0x01, 6), 0);
    assert_int_equal(coap_msg_critical(&m, known, 2), COAP_BLOCK2);
}

static void options_come_out_in_order_whatever_order_they_go_in(void **state)
{
    static const uint16_t numbers[] = {60, 11, 2000, 11, 3, 300, 1, 27, 12, 0};
    uint8_t bytes[256], wire[300];
    struct coap_options o;
    struct coap_msg m = {.type = COAP_NON, .code = COAP_POST, .mid = 9}, back;
    struct coap_cursor c;
    struct coap_option option;
    uint16_t before = 0;
    size_t len, count = 0;
    uint8_t value[20] = {0};

    (void)state;
    coap_options_init(&o, bytes, sizeof bytes);
    for (uint8_t i = 0; numbers[i]; i++) {
        value[0] = i;
        assert_int_equal(coap_options_add(&o, numbers[i], value, 1U + i * 2),
                         0);
    }
    m.options = o.data;
    m.options_len = o.len;
    assert_int_equal(coap_msg_write(&m, wire, sizeof wire, &len), 0);
    assert_int_equal(coap_msg_parse(&back, wire, len), 0);
    coap_cursor_init(&c, &back);
    while (coap_cursor_next(&c, &option)) {
        assert_true(option.number >= before);
        assert_int_equal(numbers[option.value[0]], option.number);
        assert_int_equal(option.len, 1 + option.value[0] * 2);
        before = option.number;
        count++;
    }
    assert_int_equal(count, sizeof numbers / sizeof numbers[0] - 1);
    /* Those of one number keep their order: 11 came second and fourth. */
    assert_true(coap_msg_find(&back, 11, &option));
    assert_int_equal(option.value[0], 1);
}

static void options_that_do_not_fit_fail_for_good(void **state)
{
    uint8_t bytes[8];
    struct coap_options o;

    (void)state;
    coap_options_init(&o, bytes, sizeof bytes);
    assert_int_equal(coap_options_add_str(&o, COAP_URI_PATH, "abcdef"), 0);
    assert_int_equal(coap_options_add_str(&o, COAP_URI_PATH, "g"),
                     DFOTA_E_FULL);
    assert_int_equal(coap_options_add_uint(&o, COAP_URI_PORT, 0), DFOTA_E_FULL);
    assert_int_equal(o.len, 7);
}

static int path_of(const char *text, char *out, size_t room)
{
    uint8_t bytes[600];
    struct coap_options o;
    struct coap_msg m = {0};
    int err;

    coap_options_init(&o, bytes, sizeof bytes);
    err = coap_options_add_path(&o, text);
    if (err)
        return err;
    m.options = o.data;
    m.options_len = o.len;
    return coap_msg_path(&m, out, room);
}

static void paths_go_in_and_come_out(void **state)
{
    char out[64], long_one[300];

    (void)state;
    assert_int_equal(path_of("/", out, sizeof out), 0);
    assert_string_equal(out, "/");
    assert_int_equal(path_of("/a/b%2Fc/%E4?x=/1&y", out, sizeof out), 0);
    assert_string_equal(out, "/a/b%2Fc/%E4");
    assert_int_equal(path_of("/a%3fb%23c", out, sizeof out), 0);
    assert_string_equal(out, "/a%3Fb%23c");
    assert_int_equal(path_of("/a/", out, sizeof out), 0);
    assert_string_equal(out, "/a/");
    assert_int_equal(path_of("/a//b", out, sizeof out), 0);
    assert_string_equal(out, "/a//b");
    assert_int_equal(path_of("/%zz", out, sizeof out), DFOTA_E_SYNTAX);
    assert_int_equal(path_of("/%4", out, sizeof out), DFOTA_E_SYNTAX);
    memset(long_one, 'a', sizeof long_one);
    long_one[0] = '/';
    long_one[256] = '\0';
    assert_int_equal(path_of(long_one, out, sizeof out), DFOTA_E_FULL);
    assert_string_equal(out, "");
    long_one[256] = 'a';
    long_one[257] = '\0';
    assert_int_equal(path_of(long_one, out, sizeof out), DFOTA_E_SYNTAX);
}

static void queries_are_found_by_name(void **state)
{
    uint8_t bytes[64];
    struct coap_options o;
    struct coap_msg m = {0};
    const uint8_t *value;
    size_t len;

    (void)state;
    coap_options_init(&o, bytes, sizeof bytes);
    assert_int_equal(coap_options_add_path(&o, "/rd?epx=1&ep=me&b&lt="), 0);
    m.options = o.data;
    m.options_len = o.len;
    assert_int_equal(coap_msg_query(&m, "ep", &value, &len), 0);
    assert_int_equal(len, 2);
    assert_memory_equal(value, "me", 2);
    assert_int_equal(coap_msg_query(&m, "b", &value, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(coap_msg_query(&m, "lt", &value, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(coap_msg_query(&m, "l", &value, &len), DFOTA_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_of_the_rfc_is_taken_apart),
        cmocka_unit_test(what_is_no_coap_is_not_answered),
        cmocka_unit_test(tokens_of_nine_to_fifteen_are_format_errors),
        cmocka_unit_test(an_empty_message_is_four_bytes),
        cmocka_unit_test(reserved_classes_are_format_errors),
        cmocka_unit_test(hostile_options_are_format_errors),
        cmocka_unit_test(a_uint_has_up_to_four_bytes),
        cmocka_unit_test(unknown_critical_options_are_found),
        cmocka_unit_test(options_come_out_in_order_whatever_order_they_go_in),
        cmocka_unit_test(options_that_do_not_fit_fail_for_good),
        cmocka_unit_test(paths_go_in_and_come_out),
        cmocka_unit_test(queries_are_found_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
