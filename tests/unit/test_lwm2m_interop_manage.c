/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interoperability tests of OMA (LightweightM2M-1.0 and 1.1) that concern
 * the objects there are here, client against server, each under its number:
 * 201 to 260, management.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lwm2m/payload_writer.h"
#include "lwm2m/reader.h"
#include "lwm2m_world.h"

static struct world w;

static void begin(bool v11)
{
    world_init(&w, 7, 1000);
    w.config.v11 = v11;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    world_run(&w, 2000);
}

static int end(void **state)
{
    (void)state;
    world_release(&w);
    return 0;
}

/* What the last GET gave, read back by its format. */
static char answer[2048];

struct found {
    struct lwm2m_path path;
    bool there;
    int64_t integer;
    char text[128];
    size_t all;
};

static int on_record(void *ctx, const struct lwm2m_record *r)
{
    struct found *f = ctx;

    f->all++;
    if (!lwm2m_path_equal(&r->path, &f->path))
        return 0;
    f->there = true;
    (void)lwm2m_as_integer(&r->value, &f->integer);
    if (lwm2m_as_text(&r->value, f->text, sizeof f->text) != 0)
        f->text[0] = '\0';
    return 0;
}

/* Read a path in a format and look for one resource in it. */
static struct found read_as(unsigned format, const char *path,
                            const char *resource)
{
    struct registration_question q = registration_question(COAP_GET, path);
    struct found f = {.there = false};
    struct lwm2m_sink sink = {.ctx = &f, .record = on_record};

    q.accept = format;
    lwm2m_path_parse(resource, strlen(resource), &f.path);
    assert_int_equal(world_ask(&w, &q, answer, sizeof answer), COAP_CONTENT);
    assert_int_equal(
        lwm2m_read(format, &q.path, answer, world_answer_len(), &sink), 0);
    assert_true(f.there);
    return f;
}

static uint8_t write_as(unsigned format, uint8_t code, const char *path,
                        const struct lwm2m_record *records, size_t n)
{
    struct registration_question q = registration_question(code, path);
    struct buffer out;
    uint8_t got;

    buffer_init(&out, 1024);
    assert_int_equal(lwm2m_write(format, &q.path, records, n, &out), 0);
    q.format = format;
    q.payload = out.data;
    q.payload_len = out.len;
    got = world_ask(&w, &q, answer, sizeof answer);
    buffer_release(&out);
    return got;
}

static struct lwm2m_record integer_at(const char *path, int64_t v)
{
    struct lwm2m_record r = {.value = lwm2m_integer(v)};

    lwm2m_path_parse(path, strlen(path), &r.path);
    return r;
}

static void assert_reads(const char *path, const char *text)
{
    assert_int_equal(world_do(&w, COAP_GET, path, NULL, answer, sizeof answer),
                     COAP_CONTENT);
    assert_string_equal(answer, text);
}

/* ---- 201 to 256: management ---------------------------------------------- */

static void int_201_querying_in_plain_text(void **state)
{
    (void)state;
    begin(false);
    read_as(LWM2M_FORMAT_TEXT, "/3/0/0", "/3/0/0");
    assert_string_equal(answer, "Quectel");
    read_as(LWM2M_FORMAT_TEXT, "/3/0/1", "/3/0/1");
    assert_string_equal(answer, "BG95");
    read_as(LWM2M_FORMAT_TEXT, "/3/0/2", "/3/0/2");
    assert_string_equal(answer, "861234567890123");
    read_as(LWM2M_FORMAT_TEXT, "/3/0/9", "/3/0/9");
    assert_string_equal(answer, "90");
}

static void query_device(unsigned format)
{
    begin(true);
    assert_string_equal(read_as(format, "/3/0", "/3/0/0").text, "Quectel");
    assert_string_equal(read_as(format, "/3/0", "/3/0/3").text, "1.0");
    assert_int_equal(read_as(format, "/3/0", "/3/0/11/0").integer, 0);
    assert_true(read_as(format, "/3/0", "/3/0/13").integer == 1367491215);
}

static void int_203_querying_in_tlv(void **state)
{
    (void)state;
    query_device(LWM2M_FORMAT_TLV);
}

static void int_204_querying_in_json(void **state)
{
    (void)state;
    query_device(LWM2M_FORMAT_JSON);
}

static void int_205_setting_in_plain_text(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(world_do(&w, COAP_PUT, "/1/0/2", "101", NULL, 0),
                     COAP_CHANGED);
    assert_int_equal(world_do(&w, COAP_PUT, "/1/0/3", "1010", NULL, 0),
                     COAP_CHANGED);
    assert_int_equal(world_do(&w, COAP_PUT, "/1/0/5", "2000", NULL, 0),
                     COAP_CHANGED);
    assert_reads("/1/0/2", "101");
    assert_reads("/1/0/3", "1010");
    assert_reads("/1/0/5", "2000");
    /* It survives a reboot. */
    assert_int_equal(w.kept.server[0].pmin_s, 101);
}

static void int_211_querying_in_cbor(void **state)
{
    (void)state;
    begin(true);
    assert_string_equal(read_as(LWM2M_FORMAT_CBOR, "/3/0/0", "/3/0/0").text,
                        "Quectel");
    assert_int_equal(read_as(LWM2M_FORMAT_CBOR, "/1/0/1", "/1/0/1").integer,
                     300);
}

static void int_212_setting_in_cbor(void **state)
{
    struct registration_question q = registration_question(COAP_PUT, "/1/0/2");

    (void)state;
    begin(true);
    q.format = LWM2M_FORMAT_CBOR;
    q.payload = "\x18\x65";
    q.payload_len = 2;
    assert_int_equal(world_ask(&w, &q, NULL, 0), COAP_CHANGED);
    assert_reads("/1/0/2", "101");
    q.payload = "\x63"
                "abc";
    q.payload_len = 4;
    assert_int_equal(world_ask(&w, &q, NULL, 0), COAP_BAD_REQUEST);
    assert_reads("/1/0/2", "101");
}

static void set_server(unsigned format)
{
    struct lwm2m_record records[] = {
        integer_at("/1/0/2", 101), integer_at("/1/0/3", 1010),
        integer_at("/1/0/5", 2000), integer_at("/1/0/6", 1)};

    records[3].value = lwm2m_boolean(true);
    begin(true);
    assert_int_equal(write_as(format, COAP_POST, "/1/0", records, 4),
                     COAP_CHANGED);
    assert_reads("/1/0/2", "101");
    assert_reads("/1/0/3", "1010");
    assert_reads("/1/0/5", "2000");
    assert_reads("/1/0/6", "1");
}

static void int_215_setting_in_tlv(void **state)
{
    (void)state;
    set_server(LWM2M_FORMAT_TLV);
}

static void int_220_setting_in_json(void **state)
{
    (void)state;
    set_server(LWM2M_FORMAT_JSON);
}

static void int_221_security_is_nobodys_to_read_or_write(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(world_do(&w, COAP_GET, "/0/0", NULL, NULL, 0),
                     COAP_UNAUTHORIZED);
    assert_int_equal(world_do(&w, COAP_PUT, "/0/0/0", "x", NULL, 0),
                     COAP_UNAUTHORIZED);
    assert_int_equal(world_do(&w, COAP_POST, "/0/0/5", NULL, NULL, 0),
                     COAP_UNAUTHORIZED);
    assert_int_equal(world_do(&w, COAP_DELETE, "/0/0", NULL, NULL, 0),
                     COAP_NOT_ALLOWED);
    assert_string_equal(w.kept.security[0].uri, "coap://127.0.0.1:5683");
}

static void int_222_read_on_an_object(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(read_as(LWM2M_FORMAT_TLV, "/1", "/1/0/1").integer, 300);
    assert_int_equal(read_as(LWM2M_FORMAT_SENML_CBOR, "/1", "/1/0/0").integer,
                     1);
}

static void int_223_read_on_an_instance(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(read_as(LWM2M_FORMAT_SENML_JSON, "/1/0", "/1/0/1").integer,
                     300);
    assert_int_equal(world_do(&w, COAP_GET, "/1/1", NULL, NULL, 0),
                     COAP_NOT_FOUND);
}

static void int_224_read_on_a_resource(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(read_as(LWM2M_FORMAT_TLV, "/1/0/1", "/1/0/1").integer,
                     300);
    assert_int_equal(world_do(&w, COAP_GET, "/1/0/99", NULL, NULL, 0),
                     COAP_NOT_FOUND);
    assert_int_equal(world_do(&w, COAP_GET, "/5/0/0", NULL, NULL, 0),
                     COAP_NOT_ALLOWED);
}

static void int_225_read_on_a_resource_instance(void **state)
{
    (void)state;
    begin(true);
    assert_reads("/5/0/8/3", "3");
    assert_int_equal(
        read_as(LWM2M_FORMAT_SENML_CBOR, "/5/0/8/1", "/5/0/8/1").integer, 1);
    assert_int_equal(world_do(&w, COAP_GET, "/5/0/8/9", NULL, NULL, 0),
                     COAP_NOT_FOUND);
}

static void int_226_partial_update_of_an_instance(void **state)
{
    struct lwm2m_record one = integer_at("/1/0/1", 123);

    (void)state;
    begin(true);
    assert_int_equal(write_as(LWM2M_FORMAT_TLV, COAP_POST, "/1/0", &one, 1),
                     COAP_CHANGED);
    assert_reads("/1/0/1", "123");
    assert_reads("/1/0/5", "600");
}

static void int_227_replacing_a_resource(void **state)
{
    struct lwm2m_record one = integer_at("/1/0/2", 17);

    (void)state;
    begin(true);
    assert_int_equal(
        write_as(LWM2M_FORMAT_SENML_CBOR, COAP_PUT, "/1/0/2", &one, 1),
        COAP_CHANGED);
    assert_reads("/1/0/2", "17");
}

static void int_228_a_resource_instance_that_may_not_be_written(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/8/0", "1", NULL, 0),
                     COAP_NOT_ALLOWED);
}

static uint8_t composite(uint8_t code, unsigned format, const char *text)
{
    struct registration_question q = registration_question(code, "/");

    q.format = q.accept = format;
    q.payload = text;
    q.payload_len = strlen(text);
    return world_ask(&w, &q, answer, sizeof answer);
}

static void int_229_read_composite(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(composite(COAP_FETCH, LWM2M_FORMAT_SENML_JSON,
                               "[{\"n\":\"/3/0/0\"},{\"n\":\"/1/0/1\"}]"),
                     COAP_CONTENT);
    assert_string_equal(answer, "[{\"n\":\"/3/0/0\",\"vs\":\"Quectel\"},"
                                "{\"n\":\"/1/0/1\",\"v\":300}]");
}

static void int_230_write_composite(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(composite(COAP_IPATCH, LWM2M_FORMAT_SENML_JSON,
                               "[{\"n\":\"/1/0/2\",\"v\":5},"
                               "{\"n\":\"/1/0/3\",\"v\":50}]"),
                     COAP_CHANGED);
    assert_reads("/1/0/2", "5");
    assert_reads("/1/0/3", "50");
    /* All or nothing. */
    assert_int_equal(composite(COAP_IPATCH, LWM2M_FORMAT_SENML_JSON,
                               "[{\"n\":\"/1/0/2\",\"v\":6},"
                               "{\"n\":\"/3/0/0\",\"vs\":\"x\"}]"),
                     COAP_NOT_ALLOWED);
    assert_reads("/1/0/2", "5");
}

static void int_231_querying_in_senml_json(void **state)
{
    (void)state;
    query_device(LWM2M_FORMAT_SENML_JSON);
}

static void int_232_querying_in_senml_cbor(void **state)
{
    (void)state;
    query_device(LWM2M_FORMAT_SENML_CBOR);
}

static void int_233_setting_in_senml_cbor(void **state)
{
    (void)state;
    set_server(LWM2M_FORMAT_SENML_CBOR);
}

static void int_234_setting_in_senml_json(void **state)
{
    (void)state;
    set_server(LWM2M_FORMAT_SENML_JSON);
}

static void int_235_read_composite_of_the_root(void **state)
{
    struct registration_question q = registration_question(COAP_FETCH, "/");

    (void)state;
    begin(true);
    q.format = q.accept = LWM2M_FORMAT_SENML_JSON;
    q.payload = "[{\"n\":\"/\"}]";
    q.payload_len = 11;
    assert_int_equal(world_ask(&w, &q, answer, sizeof answer), COAP_CONTENT);
    assert_non_null(strstr(answer, "/1/0/1"));
    /* The secrets are not in it. */
    assert_null(strstr(answer, "\"/0/"));
}

static void int_236_read_composite_of_what_is_partly_there(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(composite(COAP_FETCH, LWM2M_FORMAT_SENML_JSON,
                               "[{\"n\":\"/3/0/0\"},{\"n\":\"/3339/0\"}]"),
                     COAP_CONTENT);
    assert_string_equal(answer, "[{\"n\":\"/3/0/0\",\"vs\":\"Quectel\"}]");
}

static void int_237_read_without_a_format(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(world_do(&w, COAP_GET, "/1", NULL, answer, sizeof answer),
                     COAP_CONTENT);
    assert_int_equal(world_answer_format(), LWM2M_FORMAT_SENML_CBOR);
    world_release(&w);
    begin(false);
    assert_int_equal(world_do(&w, COAP_GET, "/1", NULL, answer, sizeof answer),
                     COAP_CONTENT);
    assert_int_equal(world_answer_format(), LWM2M_FORMAT_TLV);
}

static void int_241_rebooting_the_device(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(world_do(&w, COAP_POST, "/3/0/4", NULL, NULL, 0),
                     COAP_CHANGED);
    assert_int_equal(w.reboots, 0);
    world_run(&w, 60000);
    assert_int_equal(w.reboots, 1);
    assert_int_equal(w.registered, 2);
    assert_true(world_is_registered(&w));
}

static void int_256_a_write_that_is_not_allowed(void **state)
{
    (void)state;
    begin(false);
    assert_int_equal(world_do(&w, COAP_PUT, "/1/0/0", "123", NULL, 0),
                     COAP_NOT_ALLOWED);
    assert_reads("/1/0/0", "1");
}

static void int_260_discover(void **state)
{
    struct registration_question q = registration_question(COAP_GET, "/3");

    (void)state;
    begin(true);
    q.accept = LWM2M_FORMAT_LINK;
    assert_int_equal(world_ask(&w, &q, answer, sizeof answer), COAP_CONTENT);
    assert_memory_equal(answer, "</3>;ver=1.1,</3/0>,</3/0/0>", 28);
    q = registration_question(COAP_PUT, "/3/0/9");
    q.query = "pmin=10&pmax=200&gt=50";
    assert_int_equal(world_ask(&w, &q, NULL, 0), COAP_CHANGED);
    q = registration_question(COAP_GET, "/3/0/9");
    q.accept = LWM2M_FORMAT_LINK;
    assert_int_equal(world_ask(&w, &q, answer, sizeof answer), COAP_CONTENT);
    assert_string_equal(answer, "</3/0/9>;pmin=10;pmax=200;gt=50");
}

static void int_257_write_composite_over_two_objects(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(composite(COAP_IPATCH, LWM2M_FORMAT_SENML_JSON,
                               "[{\"n\":\"/1/0/2\",\"v\":7},"
                               "{\"n\":\"/3/0/13\",\"v\":1700000000}]"),
                     COAP_CHANGED);
    assert_reads("/1/0/2", "7");
    assert_true(read_as(LWM2M_FORMAT_TLV, "/3/0", "/3/0/13").integer >=
                1700000000);
}

static uint8_t write_attributes(const char *path, const char *attributes)
{
    struct registration_question q = registration_question(COAP_PUT, path);

    q.query = attributes;
    return world_ask(&w, &q, NULL, 0);
}

static void int_261_write_attributes_of_a_multiple_resource(void **state)
{
    struct registration_question q = registration_question(COAP_GET, "/3/0/11");

    (void)state;
    begin(true);
    assert_int_equal(write_attributes("/3/0/11", "pmin=10&pmax=200"),
                     COAP_CHANGED);
    q.accept = LWM2M_FORMAT_LINK;
    assert_int_equal(world_ask(&w, &q, answer, sizeof answer), COAP_CONTENT);
    assert_string_equal(answer, "</3/0/11>;pmin=10;pmax=200");
}

static void int_261_attributes_that_mean_nothing_are_refused(void **state)
{
    static const char *const bad[] = {"con=1", "pmin=x", "pmin=-1",  "pmin=5&y",
                                      "st=0",  "gt=x",   "lt=5&gt=4"};
    char path[16];

    (void)state;
    begin(true);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(write_attributes("/3/0/9", bad[i]), COAP_BAD_REQUEST);
    assert_int_equal(write_attributes("/3/0/0", "gt=1"), COAP_BAD_REQUEST);
    assert_int_equal(write_attributes("/3/0", "gt=1"), COAP_BAD_REQUEST);
    assert_int_equal(write_attributes("/9/0", "pmin=1"), COAP_NOT_FOUND);
    /* None of them took a place that a good one needs. */
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "/5/0/%d", i % 14);
        write_attributes(path, "foo=1");
    }
    assert_int_equal(write_attributes("/3/0/9", "pmin=1"), COAP_CHANGED);
}

static void int_280_read_composite_in_cbor(void **state)
{
    struct registration_question q = registration_question(COAP_FETCH, "/");
    struct found f = {.there = false};
    struct lwm2m_sink sink = {.ctx = &f, .record = on_record};

    (void)state;
    begin(true);
    q.format = LWM2M_FORMAT_SENML_JSON;
    q.accept = LWM2M_FORMAT_SENML_CBOR;
    q.payload = "[{\"n\":\"/3/0/0\"},{\"n\":\"/1/0/1\"}]";
    q.payload_len = strlen(q.payload);
    assert_int_equal(world_ask(&w, &q, answer, sizeof answer), COAP_CONTENT);
    assert_int_equal(world_answer_format(), LWM2M_FORMAT_SENML_CBOR);
    lwm2m_path_parse("/1/0/1", 6, &f.path);
    assert_int_equal(lwm2m_read(LWM2M_FORMAT_SENML_CBOR, &q.path, answer,
                                world_answer_len(), &sink),
                     0);
    assert_int_equal(f.integer, 300);
    assert_int_equal(f.all, 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(int_201_querying_in_plain_text),
        TEST(int_203_querying_in_tlv),
        TEST(int_204_querying_in_json),
        TEST(int_205_setting_in_plain_text),
        TEST(int_211_querying_in_cbor),
        TEST(int_212_setting_in_cbor),
        TEST(int_215_setting_in_tlv),
        TEST(int_220_setting_in_json),
        TEST(int_221_security_is_nobodys_to_read_or_write),
        TEST(int_222_read_on_an_object),
        TEST(int_223_read_on_an_instance),
        TEST(int_224_read_on_a_resource),
        TEST(int_225_read_on_a_resource_instance),
        TEST(int_226_partial_update_of_an_instance),
        TEST(int_227_replacing_a_resource),
        TEST(int_228_a_resource_instance_that_may_not_be_written),
        TEST(int_229_read_composite),
        TEST(int_230_write_composite),
        TEST(int_231_querying_in_senml_json),
        TEST(int_232_querying_in_senml_cbor),
        TEST(int_233_setting_in_senml_cbor),
        TEST(int_234_setting_in_senml_json),
        TEST(int_235_read_composite_of_the_root),
        TEST(int_236_read_composite_of_what_is_partly_there),
        TEST(int_237_read_without_a_format),
        TEST(int_241_rebooting_the_device),
        TEST(int_256_a_write_that_is_not_allowed),
        TEST(int_257_write_composite_over_two_objects),
        TEST(int_260_discover),
        TEST(int_261_write_attributes_of_a_multiple_resource),
        TEST(int_261_attributes_that_mean_nothing_are_refused),
        TEST(int_280_read_composite_in_cbor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
