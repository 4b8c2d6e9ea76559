/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small parts between a URL and the layer: URLs, key files, the bad
 * network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "link/coap_url.h"
#include "link/fault.h"
#include "link/psk_file.h"

static void urls_are_taken_apart(void **state)
{
    struct coap_url u;

    (void)state;
    assert_int_equal(coap_url_parse(&u, "coap://Example.COM/a/b?c"), 0);
    assert_false(u.secure);
    assert_string_equal(u.host, "example.com");
    assert_int_equal(u.port, 5683);
    assert_string_equal(u.path, "/a/b?c");
    assert_int_equal(coap_url_parse(&u, "COAPS://[fe80::1]:99"), 0);
    assert_true(u.secure);
    assert_string_equal(u.host, "fe80::1");
    assert_int_equal(u.port, 99);
    assert_string_equal(u.path, "");
    assert_int_equal(coap_url_parse(&u, "coaps://h?q"), 0);
    assert_int_equal(u.port, 5684);
    assert_int_equal(coap_url_parse(&u, "http://h/"), DFOTA_E_UNSUPPORTED);
    assert_int_equal(coap_url_parse(&u, "coap:///a"), DFOTA_E_SYNTAX);
    assert_int_equal(coap_url_parse(&u, "coap://u@h/a"), DFOTA_E_SYNTAX);
    assert_int_equal(coap_url_parse(&u, "coap://h/a#b"), DFOTA_E_SYNTAX);
    assert_int_equal(coap_url_parse(&u, "coap://h:0/"), DFOTA_E_SYNTAX);
    assert_int_equal(coap_url_parse(&u, "coap://h:65536/"), DFOTA_E_SYNTAX);
    assert_int_equal(coap_url_parse(&u, "coap://h:/"), DFOTA_E_SYNTAX);
    assert_int_equal(coap_url_parse(&u, "coap://h:1x/"), DFOTA_E_SYNTAX);
    assert_int_equal(coap_url_parse(&u, "coap://[::1/"), DFOTA_E_SYNTAX);
}

static void a_host_is_an_option_unless_it_is_an_address(void **state)
{
    static const struct {
        const char *url;
        bool has_host;
    } rows[] = {{"coap://example.com/a", true},
                {"coap://127.0.0.1/a", false},
                {"coap://[::1]/a", false},
                {"coap://127.0.0.1.nip.io/a", true}};
    uint8_t bytes[64];
    struct coap_options o;
    struct coap_option found;
    struct coap_url u;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct coap_msg m = {0};

        coap_options_init(&o, bytes, sizeof bytes);
        assert_int_equal(coap_url_parse(&u, rows[i].url), 0);
        assert_int_equal(coap_url_options(&u, &o), 0);
        m.options = o.data;
        m.options_len = o.len;
        assert_int_equal(coap_msg_find(&m, COAP_URI_HOST, &found),
                         rows[i].has_host);
        assert_true(coap_msg_find(&m, COAP_URI_PATH, &found));
    }
}

static void a_key_file_is_one_line(void **state)
{
    struct psk p;

    (void)state;
    assert_int_equal(psk_parse(&p, "module:0011fF\nmore"), 0);
    assert_string_equal(p.identity, "module");
    assert_int_equal(p.key_len, 3);
    assert_memory_equal(p.key, "\x00\x11\xff", 3);
    /* An identity may have a colon in it. */
    assert_int_equal(psk_parse(&p, "urn:imei:1:aa\r\n"), 0);
    assert_string_equal(p.identity, "urn:imei:1");
    assert_int_equal(psk_parse(&p, ""), DFOTA_E_SYNTAX);
    assert_int_equal(psk_parse(&p, "module"), DFOTA_E_SYNTAX);
    assert_int_equal(psk_parse(&p, ":00"), DFOTA_E_SYNTAX);
    assert_int_equal(psk_parse(&p, "module:"), DFOTA_E_SYNTAX);
    assert_int_equal(psk_parse(&p, "module:0"), DFOTA_E_SYNTAX);
    assert_int_equal(psk_parse(&p, "module:0g"), DFOTA_E_SYNTAX);
    assert_int_equal(psk_parse(&p, "module:00 "), DFOTA_E_SYNTAX);
}

static void keys_and_identities_have_an_end(void **state)
{
    char text[DTLS_IDENTITY_MAX + 2 * DTLS_KEY_MAX + 8];
    struct psk p;

    (void)state;
    memset(text, 'a', sizeof text);
    text[DTLS_IDENTITY_MAX] = ':';
    text[DTLS_IDENTITY_MAX + 1 + 2 * DTLS_KEY_MAX] = '\0';
    assert_int_equal(psk_parse(&p, text), 0);
    assert_int_equal(p.key_len, DTLS_KEY_MAX);
    text[DTLS_IDENTITY_MAX + 1 + 2 * DTLS_KEY_MAX] = 'a';
    text[DTLS_IDENTITY_MAX + 3 + 2 * DTLS_KEY_MAX] = '\0';
    assert_int_equal(psk_parse(&p, text), DFOTA_E_SYNTAX);
    text[DTLS_IDENTITY_MAX] = 'a';
    text[DTLS_IDENTITY_MAX + 1] = ':';
    text[DTLS_IDENTITY_MAX + 4] = '\0';
    assert_int_equal(psk_parse(&p, text), DFOTA_E_SYNTAX);
}

static void loss_is_what_was_asked_for_and_repeatable(void **state)
{
    struct fault a, b;
    unsigned lost = 0;

    (void)state;
    fault_init(&a, 7);
    fault_init(&b, 7);
    assert_true(fault_is_none(&a));
    assert_true(fault_is_none(NULL));
    a.loss = b.loss = 20;
    assert_false(fault_is_none(&a));
    for (int i = 0; i < 10000; i++) {
        bool drops = fault_drops(&a);

        assert_int_equal(drops, fault_drops(&b));
        lost += drops;
    }
    assert_in_range(lost, 1850, 2150);
    a.loss = 0;
    assert_false(fault_drops(&a));
    a.loss = 100;
    assert_true(fault_drops(&a));
}

static void a_byte_comes_wrong_once(void **state)
{
    uint8_t data[10] = {0};
    struct fault f;

    (void)state;
    fault_init(&f, 1);
    f.corrupt_at = 25;
    f.stall_at = 30;
    f.cut_at = 45;
    assert_int_equal(fault_take(&f, data, 10), FAULT_NONE);
    assert_int_equal(fault_take(&f, data, 10), FAULT_NONE);
    for (size_t i = 0; i < sizeof data; i++)
        assert_int_equal(data[i], 0);
    assert_int_equal(fault_take(&f, data, 10), FAULT_STALL);
    for (size_t i = 0; i < sizeof data; i++)
        assert_int_equal(data[i] != 0, i == 4);
    assert_int_equal(fault_take(&f, data, 10), FAULT_NONE);
    assert_int_equal(fault_take(&f, data, 10), FAULT_CUT);
    assert_int_equal(fault_take(&f, data, 10), FAULT_NONE);
    assert_true(fault_is_none(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(a_host_is_an_option_unless_it_is_an_address),
        cmocka_unit_test(a_key_file_is_one_line),
        cmocka_unit_test(keys_and_identities_have_an_end),
        cmocka_unit_test(loss_is_what_was_asked_for_and_repeatable),
        cmocka_unit_test(a_byte_comes_wrong_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
