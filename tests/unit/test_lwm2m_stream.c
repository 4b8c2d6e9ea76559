/* SPDX-License-Identifier: Apache-2.0 */
/* Packages inside payloads: streamed, whatever format they come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lwm2m/payload_writer.h"
#include "lwm2m/reader.h"

enum { KEPT = 64 };

/* What a reader handed over, copied. */
struct got {
    size_t n;
    struct lwm2m_record record[KEPT];
    char data[KEPT][512];
    size_t chunks, streamed, wrong;
    bool last;
};

static int on_record(void *ctx, const struct lwm2m_record *r)
{
    struct got *g = ctx;

    assert_true(g->n < KEPT);
    g->record[g->n] = *r;
    if (r->value.len > 0 && r->value.len <= sizeof g->data[0])
        memcpy(g->data[g->n], r->value.data, r->value.len);
    g->record[g->n].value.data = g->data[g->n];
    g->n++;
    return 0;
}

static int on_chunk(void *ctx, const void *data, size_t len, bool last)
{
    struct got *g = ctx;
    const uint8_t *p = data;

    g->chunks++;
    for (size_t i = 0; i < len; i++, g->streamed++)
        g->wrong += p[i] != (uint8_t)(g->streamed * 7);
    g->last = last;
    return 0;
}

static struct lwm2m_path path_of(const char *text)
{
    struct lwm2m_path p;

    assert_int_equal(lwm2m_path_parse(text, strlen(text), &p), 0);
    return p;
}

static void assert_text(const struct lwm2m_record *r, const char *path,
                        const char *text)
{
    char name[LWM2M_PATH_TEXT], value[128];

    assert_string_equal(lwm2m_path_print(&r->path, name), path);
    assert_int_equal(lwm2m_as_text(&r->value, value, sizeof value), 0);
    assert_string_equal(value, text);
}

/* ---- packages ------------------------------------------------------------ */

static int stream(unsigned format, const char *base, const void *head,
                  size_t head_len, size_t len, const void *tail,
                  size_t tail_len, struct got *g)
{
    struct lwm2m_path p = path_of(base);
    struct lwm2m_sink sink = {.ctx = g,
                              .record = on_record,
                              .chunk = on_chunk,
                              .stream = path_of("/5/0/0")};
    static struct lwm2m_reader r;
    uint8_t block[1024];
    int err = lwm2m_reader_init(&r, format, &p, &sink);

    memset(g, 0, sizeof *g);
    if (!err)
        err = lwm2m_reader_feed(&r, head, head_len);
    for (size_t at = 0; at < len && !err; at += sizeof block) {
        size_t n = len - at < sizeof block ? len - at : sizeof block;

        for (size_t i = 0; i < n; i++)
            block[i] = (uint8_t)((at + i) * 7);
        err = lwm2m_reader_feed(&r, block, n);
    }
    if (!err)
        err = lwm2m_reader_feed(&r, tail, tail_len);
    if (!err)
        err = lwm2m_reader_finish(&r);
    lwm2m_reader_release(&r);
    return err;
}

static void a_package_of_megabytes_passes_through_every_format(void **state)
{
    static const unsigned formats[] = {LWM2M_FORMAT_OPAQUE, LWM2M_FORMAT_TLV,
                                       LWM2M_FORMAT_SENML_CBOR};
    enum { LEN = 6000000 };
    struct lwm2m_path p = path_of("/5/0/0");
    static struct got g;
    struct buffer head;

    (void)state;
    buffer_init(&head, 64);
    for (size_t i = 0; i < 3; i++) {
        buffer_clear(&head);
        assert_int_equal(lwm2m_write_prefix(formats[i], &p, LEN, &head), 0);
        assert_int_equal(
            stream(formats[i], "/5/0/0", head.data, head.len, LEN, NULL, 0, &g),
            0);
        assert_int_equal(g.streamed, LEN);
        assert_int_equal(g.wrong, 0);
        assert_true(g.last);
        assert_int_equal(g.n, 0);
        /* An empty one is told of too: it resets the update. */
        buffer_clear(&head);
        lwm2m_write_prefix(formats[i], &p, 0, &head);
        assert_int_equal(
            stream(formats[i], "/5/0/0", head.data, head.len, 0, NULL, 0, &g),
            0);
        assert_true(g.last);
        assert_int_equal(g.chunks, 1);
    }
    buffer_release(&head);
}

static void a_package_written_to_the_instance_is_streamed_too(void **state)
{
    static struct got g;

    (void)state;
    /* TLV: resource 0 of 2000 bytes, then resource 1, both in instance 0. */
    assert_int_equal(stream(LWM2M_FORMAT_TLV, "/5",
                            "\x10\x00\x07\xd6\xd0\x00\x07\xd0", 8, 2000,
                            "\xc1\x01x", 3, &g),
                     DFOTA_E_SYNTAX);
    assert_int_equal(stream(LWM2M_FORMAT_TLV, "/5",
                            "\x10\x00\x07\xd7\xd0\x00\x07\xd0", 8, 2000,
                            "\xc1\x01x", 3, &g),
                     0);
    assert_int_equal(g.streamed, 2000);
    assert_text(&g.record[0], "/5/0/1", "x");
    /* SenML CBOR: everything of unknown length, the string in two parts. */
    assert_int_equal(stream(LWM2M_FORMAT_SENML_CBOR, "/5/0",
                            "\x9f\xbf\x21\x65/5/0/\x00\x61"
                            "0\x08\x5f\x59\x04\x00",
                            17, 1024, "\x40\xff\xff\xff", 4, &g),
                     0);
    assert_int_equal(g.streamed, 1024);
    assert_int_equal(g.wrong, 0);
    assert_true(g.last);
}

/* The name behind the value says that it was another's. */
static void bytes_that_went_to_the_wrong_resource_are_an_error(void **state)
{
    static struct got g;

    (void)state;
    assert_int_equal(stream(LWM2M_FORMAT_SENML_CBOR, "/5/0/0",
                            "\x81\xa2\x08\x42", 4, 2, "\x00\x66/5/0/0", 8, &g),
                     0);
    assert_int_equal(g.streamed, 2);
    assert_int_equal(stream(LWM2M_FORMAT_SENML_CBOR, "/5/0/0",
                            "\x81\xa2\x08\x42", 4, 2, "\x00\x66/5/0/1", 8, &g),
                     DFOTA_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_of_megabytes_passes_through_every_format),
        cmocka_unit_test(a_package_written_to_the_instance_is_streamed_too),
        cmocka_unit_test(bytes_that_went_to_the_wrong_resource_are_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
