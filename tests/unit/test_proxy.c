/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "server/http/proxy.h"

static struct proxies trusting(const char *const *nets)
{
    struct proxies proxies = {.certificate_header = "X-Client-Cert"};

    for (; *nets; nets++)
        assert_int_equal(proxy_net_parse(*nets, &proxies.nets[proxies.n++]), 0);
    return proxies;
}

#define TRUSTING(...) trusting((const char *const[]){__VA_ARGS__, NULL})

static bool holds(const struct proxies *proxies, const char *text)
{
    struct proxy_address address;

    assert_int_equal(proxy_address_parse(text, strlen(text), &address), 0);
    return proxies_hold(proxies, &address);
}

static void a_network_holds_its_addresses_and_no_other(void **state)
{
    const struct proxies proxies =
        TRUSTING("192.0.2.7", "10.16.0.0/12", "2001:db8::/33", "::1");

    (void)state;
    assert_true(holds(&proxies, "192.0.2.7"));
    assert_false(holds(&proxies, "192.0.2.6"));
    assert_true(holds(&proxies, "10.16.0.0"));
    assert_true(holds(&proxies, "10.31.255.255"));
    assert_false(holds(&proxies, "10.32.0.0"));
    assert_false(holds(&proxies, "10.15.255.255"));
    assert_true(holds(&proxies, "2001:db8:7fff::1"));
    assert_false(holds(&proxies, "2001:db8:8000::1"));
    assert_true(holds(&proxies, "::1"));
    assert_false(holds(&proxies, "::2"));
}

static void ipv4_is_the_same_inside_of_ipv6(void **state)
{
    const struct proxies proxies = TRUSTING("192.0.2.0/24", "::ffff:10.0.0.1");

    (void)state;
    assert_true(holds(&proxies, "::ffff:192.0.2.9"));
    assert_false(holds(&proxies, "::ffff:192.0.3.9"));
    assert_true(holds(&proxies, "10.0.0.1"));
    assert_false(holds(&proxies, "::192.0.2.9"));
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "/8",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.1/8",
                                        "10.0.0.0/+8",
                                        "10.0.0.0/8x",
                                        "10.0.0",
                                        "010.0.0.0/8",
                                        "2001:db8::/129",
                                        "2001:db8::1/32",
                                        "localhost",
                                        "10.0.0.0/8/8",
                                        "10.0.0.0 /8",
                                        "[::1]",
                                        "10.0.0.1:80",
                                        "10.0.0.0/99999999999999999999",
                                        "fe80::1%lo"};
    struct proxy_net net;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(proxy_net_parse(wrong[i], &net), DFOTA_E_SYNTAX);
    assert_int_equal(proxy_net_parse("0.0.0.0/0", &net), DFOTA_E_ARG);
    assert_int_equal(proxy_net_parse("::/0", &net), DFOTA_E_ARG);
}

static const char *text_of(const char *element)
{
    static char text[PROXY_TEXT_ROOM];
    struct proxy_address address;

    if (proxy_address_parse(element, strlen(element), &address) != 0)
        return "none";
    proxy_address_text(&address, text);
    return text;
}

static void an_element_is_an_address_perhaps_with_a_port(void **state)
{
    (void)state;
    assert_string_equal(text_of("192.0.2.1"), "192.0.2.1");
    assert_string_equal(text_of("192.0.2.1:65535"), "192.0.2.1");
    assert_string_equal(text_of("2001:DB8::1"), "2001:db8::1");
    assert_string_equal(text_of("[2001:db8::1]"), "2001:db8::1");
    assert_string_equal(text_of("[2001:db8::1]:443"), "2001:db8::1");
    assert_string_equal(text_of("::ffff:192.0.2.1"), "192.0.2.1");
    for (const char *const *wrong =
             (const char *const[]){
                 "unknown", "_hidden", "192.0.2.1:", "192.0.2.1:65536",
                 "192.0.2.1:8a", "[::1", "[::1]443", "[::1]:", "[192.0.2.1]",
                 "[]", "", "192.0.2.256", "\"192.0.2.1\"", NULL};
         *wrong; wrong++)
        assert_string_equal(text_of(*wrong), "none");
    assert_int_equal(
        proxy_address_parse("192.0.2.1\0x", 11, &(struct proxy_address){{0}}),
        DFOTA_E_SYNTAX);
}

/* Fields as name, value, name, value, .., NULL. */
static struct proxy_said said_by(const struct proxies *proxies,
                                 const char *const *fields)
{
    struct proxy_said said = {.proxies = proxies};

    for (; *fields; fields += 2)
        proxy_add(&said, fields[0], strlen(fields[0]), fields[1],
                  strlen(fields[1]));
    return said;
}

#define SAID(...) said_by(&proxies, (const char *const[]){__VA_ARGS__, NULL})

static void client_is(const struct proxy_said *said, const char *wanted)
{
    char text[PROXY_TEXT_ROOM] = "";

    assert_null(proxy_refusal(said));
    if (said->has_client)
        proxy_address_text(&said->client, text);
    assert_string_equal(text, wanted);
}

static void the_client_is_the_right_most_stranger(void **state)
{
    const struct proxies proxies = TRUSTING("10.0.0.0/8");
    static const struct {
        const char *chain, *client;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1, 10.0.0.2, 10.0.0.3", "192.0.2.1"},
        /* what the client wrote itself */
        {"198.51.100.1, 192.0.2.1", "192.0.2.1"},
        {"10.0.0.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"},
        {"a, b;c=\"d, 192.0.2.1", "192.0.2.1"},
        /* all are trusted: the first of them asks for itself */
        {"10.0.0.1, 10.0.0.2", "10.0.0.1"},
        /* the last that somebody vouches for */
        {"192.0.2.1, unknown, 10.0.0.2", "10.0.0.2"},
        {"192.0.2.1, unknown", ""},
        {"", ""},
        {" , ,", ""},
        {"192.0.2.1 ,\t", "192.0.2.1"},
        {"[2001:db8::1]:99,10.0.0.1", "2001:db8::1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct proxy_said said = SAID("x-forwarded-for", rows[i].chain);

        client_is(&said, rows[i].client);
    }
}

static void several_chains_are_one_from_left_to_right(void **state)
{
    const struct proxies proxies = TRUSTING("10.0.0.0/8");
    static const char name[] = "X-Forwarded-For";
    static const struct {
        const char *first, *second, *client;
    } rows[] = {
        {"198.51.100.1", "192.0.2.1", "192.0.2.1"},
        {"198.51.100.1, 192.0.2.1", "10.0.0.1", "192.0.2.1"},
        {"10.0.0.1, 10.0.0.2", "10.0.0.3", "10.0.0.1"},
        {"192.0.2.1", "unknown", ""},
        {"unknown", "10.0.0.3", "10.0.0.3"},
        {"192.0.2.1", "", "192.0.2.1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct proxy_said said =
            SAID(name, rows[i].first, name, rows[i].second);

        client_is(&said, rows[i].client);
    }
}

static void what_two_could_read_differently_is_refused(void **state)
{
    const struct proxies proxies = TRUSTING("10.0.0.0/8");
    static char chars[PROXY_CERTIFICATE_MAX + 2];
    struct proxy_said said = SAID("X-Forwarded-Proto", "HTTPS");

    (void)state;
    assert_null(proxy_refusal(&said));
    assert_true(said.https);
    said = SAID("X-Forwarded-Proto", "http", "X-Client-Cert", "a");
    assert_null(proxy_refusal(&said));
    assert_false(said.https);
    said = SAID("X-Forwarded-Proto", "https", "x-forwarded-proto", "https");
    assert_non_null(proxy_refusal(&said));
    for (const char *const *wrong =
             (const char *const[]){"", "https, https", "httpsx", "wss", NULL};
         *wrong; wrong++) {
        said = SAID("X-Forwarded-Proto", *wrong);
        assert_non_null(proxy_refusal(&said));
    }
    said = SAID("X-Client-Cert", "a", "x-client-CERT", "");
    assert_non_null(proxy_refusal(&said));
    memset(chars, 'a', PROXY_CERTIFICATE_MAX);
    said = SAID("X-Client-Cert", chars);
    assert_null(proxy_refusal(&said));
    chars[PROXY_CERTIFICATE_MAX] = 'a';
    said = SAID("X-Client-Cert", chars);
    assert_non_null(proxy_refusal(&said));
    proxy_add(&said, "X-Forwarded-For", 15, NULL, 0);
}

static int certificate(const char *text, uint8_t der[8], size_t *len)
{
    return proxy_certificate_read(text, strlen(text), der, 8, len);
}

#define BEGIN "-----BEGIN%20CERTIFICATE-----%0A"
#define END "%0A-----END%20CERTIFICATE-----%0A"

static void a_certificate_has_one_of_two_forms(void **state)
{
    static const char *const right[] = {"MAMBAgM=", "MAMBAgM",
                                        "MAMB%41gM%3d", /* 30 03 01 02 03 */
                                        BEGIN "MAMB%0AAgM%3D" END};
    static const char *const wrong[] = {
        "",
        "=",
        "MAMBAg",
        "MAMBAgMA",
        "MAMBAgM=x",
        "MAM BAgM=",
        "%",
        "%4",
        "MAMBAgM%3",
        "MAMBAgM%3g",
        "AAMBAgM=",
        "MIA=",
        "MIMAAAA=",
        "MP8=",
        BEGIN "MAMBAgM%3D",
        BEGIN "MAMBAgM%3D" END BEGIN "MAMBAgM%3D" END,
        "-----BEGIN%20PRIVATE%20KEY-----MAMBAgM%3D" END,
        "x" BEGIN "MAMBAgM%3D" END,
        "-----BEGIN+CERTIFICATE-----MAMBAgM%3D-----END+CERTIFICATE-----"};
    uint8_t der[8];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_int_equal(certificate(right[i], der, &len), 0);
        assert_int_equal(len, 5);
        assert_memory_equal(der, "\x30\x03\x01\x02\x03", 5);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(certificate(wrong[i], der, &len), DFOTA_E_SYNTAX);
    assert_int_equal(certificate("MAcBAgMEBQYH", der, &len), DFOTA_E_FULL);
}

static void a_header_is_named_by_nothing_that_has_a_meaning(void **state)
{
    (void)state;
    assert_true(proxy_header_fits("X-Client-Cert"));
    assert_true(proxy_header_fits("ssl_client_cert"));
    for (const char *const *wrong =
             (const char *const[]){"", "a b", "a:", "host", "Authorization",
                                   "X-FORWARDED-PROTO", NULL};
         *wrong; wrong++)
        assert_false(proxy_header_fits(*wrong));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_holds_its_addresses_and_no_other),
        cmocka_unit_test(ipv4_is_the_same_inside_of_ipv6),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(an_element_is_an_address_perhaps_with_a_port),
        cmocka_unit_test(the_client_is_the_right_most_stranger),
        cmocka_unit_test(several_chains_are_one_from_left_to_right),
        cmocka_unit_test(what_two_could_read_differently_is_refused),
        cmocka_unit_test(a_certificate_has_one_of_two_forms),
        cmocka_unit_test(a_header_is_named_by_nothing_that_has_a_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
