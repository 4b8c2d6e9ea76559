/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, values and payloads: the examples of the specifications, and
 * whatever a generator writes read back from any split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lwm2m/known_types.h"
#include "lwm2m/link_format.h"
#include "lwm2m/payload_writer.h"
#include "lwm2m/reader.h"

enum { KEPT = 64 };

/* What a reader handed over, copied. */
struct got {
    size_t n;
    struct lwm2m_record record[KEPT];
    char data[KEPT][512];
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

static struct lwm2m_path path_of(const char *text)
{
    struct lwm2m_path p;

    assert_int_equal(lwm2m_path_parse(text, strlen(text), &p), 0);
    return p;
}

static int read_split(unsigned format, const char *base, const void *data,
                      size_t len, size_t step, struct got *g)
{
    struct lwm2m_path p = path_of(base);
    struct lwm2m_sink sink = {.ctx = g, .record = on_record};
    static struct lwm2m_reader r;
    int err;

    memset(g, 0, sizeof *g);
    err = lwm2m_reader_init(&r, format, &p, &sink);
    for (size_t at = 0; at < len && !err; at += step) {
        size_t n = len - at < step ? len - at : step;
        /* A piece of its own, so that reading past it is seen. */
        uint8_t *piece = malloc(n);

        memcpy(piece, (const uint8_t *)data + at, n);
        err = lwm2m_reader_feed(&r, piece, n);
        free(piece);
    }
    if (!err)
        err = lwm2m_reader_finish(&r);
    lwm2m_reader_release(&r);
    return err;
}

static void assert_text(const struct lwm2m_record *r, const char *path,
                        const char *text)
{
    char name[LWM2M_PATH_TEXT], value[128];

    assert_string_equal(lwm2m_path_print(&r->path, name), path);
    assert_int_equal(lwm2m_as_text(&r->value, value, sizeof value), 0);
    assert_string_equal(value, text);
}

static void assert_integer(const struct lwm2m_record *r, const char *path,
                           int64_t expected)
{
    char name[LWM2M_PATH_TEXT];
    int64_t v = ~expected;

    assert_string_equal(lwm2m_path_print(&r->path, name), path);
    assert_int_equal(lwm2m_as_integer(&r->value, &v), 0);
    assert_true(v == expected);
}

/* ---- paths, links -------------------------------------------------------- */

static void paths_are_read_and_bad_ones_refused(void **state)
{
    static const char *const bad[] = {"5",      "//",         "/05",
                                      "/65535", "/1/2/3/4/5", "/a",
                                      "/-1",    "/5//0",      "/99999"};
    char text[LWM2M_PATH_TEXT];
    struct lwm2m_path p = path_of("/5/0/3"), q;

    (void)state;
    assert_int_equal(p.depth, 3);
    assert_string_equal(lwm2m_path_print(&p, text), "/5/0/3");
    q = path_of("/65534/65534/65534/65534/");
    assert_string_equal(lwm2m_path_print(&q, text), "/65534/65534/65534/65534");
    q = path_of("");
    assert_string_equal(lwm2m_path_print(&q, text), "/");
    assert_true(lwm2m_path_covers(&q, &p));
    assert_false(lwm2m_path_covers(&p, &q));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(lwm2m_path_parse(bad[i], strlen(bad[i]), &q),
                         DFOTA_E_SYNTAX);
}

static void a_registration_is_read_with_and_without_quotes(void **state)
{
    static const char text[] =
        "</lwm2m>;rt=\"oma.lwm2m\";ct=\"60 110 112\", </lwm2m/1/0>,"
        "</lwm2m/3>;ver=1.1,</lwm2m/5/0>;ver=\"1.1\";x,";
    struct corelink_reader r;
    struct corelink_item item;
    struct corelink_attribute a;

    (void)state;
    corelink_reader_init(&r, text, sizeof text - 1);
    assert_int_equal(corelink_next(&r, &item), DFOTA_DONE);
    assert_true(corelink_find(&item, "rt", &a));
    assert_memory_equal(a.value, "oma.lwm2m", a.value_len);
    assert_true(corelink_find(&item, "ct", &a));
    assert_int_equal(a.value_len, 10);
    assert_int_equal(corelink_next(&r, &item), DFOTA_DONE);
    assert_false(corelink_find(&item, "ver", &a));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(corelink_next(&r, &item), DFOTA_DONE);
        assert_true(corelink_find(&item, "ver", &a));
        assert_int_equal(a.value_len, 3);
        assert_memory_equal(a.value, "1.1", 3);
        assert_int_equal(a.quoted, i);
    }
    assert_true(corelink_find(&item, "x", &a));
    assert_null(a.value);
    assert_int_equal(corelink_next(&r, &item), 0);
}

static void links_that_are_none_end_the_walk(void **state)
{
    static const char *const bad[] = {"x",          "<",          "</1",
                                      "</1>x",      "</1>;",      "</1>;=2",
                                      "</1>;a=\"b", "</1>;a=\"\\"};
    struct corelink_reader r;
    struct corelink_item item;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        corelink_reader_init(&r, bad[i], strlen(bad[i]));
        assert_int_equal(corelink_next(&r, &item), DFOTA_E_SYNTAX);
        assert_int_equal(corelink_next(&r, &item), 0);
    }
}

/* ---- the device of the specifications ------------------------------------ */

/* OMA LwM2M 1.0, 6.4.3.3: the Device object's instance. */
static const uint8_t device_tlv[] = {
    0xc8, 0x00, 0x14, 'O',  'p',  'e',  'n',  ' ',  'M',  'o',  'b',
    'i',  'l',  'e',  ' ',  'A',  'l',  'l',  'i',  'a',  'n',  'c',
    'e',  0xc8, 0x01, 0x16, 'L',  'i',  'g',  'h',  't',  'w',  'e',
    'i',  'g',  'h',  't',  ' ',  'M',  '2',  'M',  ' ',  'C',  'l',
    'i',  'e',  'n',  't',  0xc8, 0x02, 0x09, '3',  '4',  '5',  '0',
    '0',  '0',  '1',  '2',  '3',  0xc3, 0x03, '1',  '.',  '0',  0x86,
    0x06, 0x41, 0x00, 0x01, 0x41, 0x01, 0x05, 0x88, 0x07, 0x08, 0x42,
    0x00, 0x0e, 0xd8, 0x42, 0x01, 0x13, 0x88, 0x87, 0x08, 0x41, 0x00,
    0x7d, 0x42, 0x01, 0x03, 0x84, 0xc1, 0x09, 0x64, 0xc1, 0x0a, 0x0f,
    0x83, 0x0b, 0x41, 0x00, 0x00, 0xc4, 0x0d, 0x51, 0x82, 0x42, 0x8f,
    0xc6, 0x0e, '+',  '0',  '2',  ':',  '0',  '0',  0xc1, 0x10, 'U'};

static const char device_json[] =
    "{\"e\":[{\"n\":\"0\",\"sv\":\"Open Mobile Alliance\"},"
    "{\"n\":\"1\",\"sv\":\"Lightweight M2M Client\"},"
    "{\"n\":\"2\",\"sv\":\"345000123\"},{\"n\":\"3\",\"sv\":\"1.0\"},"
    "{\"n\":\"6/0\",\"v\":1},{\"n\":\"6/1\",\"v\":5},"
    "{\"n\":\"7/0\",\"v\":3800},{\"n\":\"7/1\",\"v\":5000},"
    "{\"n\":\"8/0\",\"v\":125},{\"n\":\"8/1\",\"v\":900},"
    "{\"n\":\"9\",\"v\":100},{\"n\":\"10\",\"v\":15},"
    "{\"n\":\"11/0\",\"v\":0},{\"n\":\"13\",\"v\":1367491215},"
    "{\"n\":\"14\",\"sv\":\"+02:00\"},{\"n\":\"16\",\"sv\":\"U\"}]}";

static const char device_senml[] =
    "[{\"bn\":\"/3/0/\",\"n\":\"0\",\"vs\":\"Open Mobile Alliance\"},"
    "{\"n\":\"1\",\"vs\":\"Lightweight M2M Client\"},"
    "{\"n\":\"2\",\"vs\":\"345000123\"},{\"n\":\"3\",\"vs\":\"1.0\"},"
    "{\"n\":\"6/0\",\"v\":1},{\"n\":\"6/1\",\"v\":5},"
    "{\"n\":\"7/0\",\"v\":3800},{\"n\":\"7/1\",\"v\":5000},"
    "{\"n\":\"8/0\",\"v\":125},{\"n\":\"8/1\",\"v\":900},"
    "{\"n\":\"9\",\"v\":100},{\"n\":\"10\",\"v\":15},"
    "{\"n\":\"11/0\",\"v\":0},{\"n\":\"13\",\"v\":1367491215},"
    "{\"n\":\"14\",\"vs\":\"+02:00\"},{\"n\":\"16\",\"vs\":\"U\"}]";

/* The beginning of the same in SenML CBOR (RFC 8428, 6): 16 records, the
 * base name with the first. */
static const uint8_t device_cbor_begins[] = {
    0x90, 0xa3, 0x21, 0x65, '/',  '3',  '/',  '0', '/',  0x00,
    0x61, '0',  0x03, 0x74, 'O',  'p',  'e',  'n', ' ',  'M',
    'o',  'b',  'i',  'l',  'e',  ' ',  'A',  'l', 'l',  'i',
    'a',  'n',  'c',  'e',  0xa2, 0x00, 0x61, '1', 0x03, 0x76};

static void assert_is_device(const struct got *g)
{
    static const struct {
        const char *path;
        int64_t value;
    } numbers[] = {{"/3/0/6/0", 1},    {"/3/0/6/1", 5},
                   {"/3/0/7/0", 3800}, {"/3/0/7/1", 5000},
                   {"/3/0/8/0", 125},  {"/3/0/8/1", 900},
                   {"/3/0/9", 100},    {"/3/0/10", 15},
                   {"/3/0/11/0", 0},   {"/3/0/13", 1367491215}};

    assert_int_equal(g->n, 16);
    assert_text(&g->record[0], "/3/0/0", "Open Mobile Alliance");
    assert_text(&g->record[1], "/3/0/1", "Lightweight M2M Client");
    assert_text(&g->record[2], "/3/0/2", "345000123");
    assert_text(&g->record[3], "/3/0/3", "1.0");
    for (size_t i = 0; i < 10; i++)
        assert_integer(&g->record[4 + i], numbers[i].path, numbers[i].value);
    assert_text(&g->record[14], "/3/0/14", "+02:00");
    assert_text(&g->record[15], "/3/0/16", "U");
}

static void
the_device_of_the_specifications_is_read_in_every_format(void **state)
{
    static const struct {
        unsigned format;
        const void *data;
        size_t len;
    } all[] = {
        {LWM2M_FORMAT_TLV, device_tlv, sizeof device_tlv},
        {LWM2M_FORMAT_JSON, device_json, sizeof device_json - 1},
        {LWM2M_FORMAT_SENML_JSON, device_senml, sizeof device_senml - 1}};
    static struct got g;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t step = 1; step < 200; step += 33) {
            assert_int_equal(read_split(all[i].format, "/3/0", all[i].data,
                                        all[i].len, step, &g),
                             0);
            assert_is_device(&g);
        }
}

static void the_device_is_written_as_the_specifications_have_it(void **state)
{
    struct lwm2m_path base = path_of("/3/0"), object = path_of("/3");
    static struct got g, again;
    struct buffer out;

    (void)state;
    buffer_init(&out, 4096);
    /* From JSON, whose records have types. */
    assert_int_equal(read_split(LWM2M_FORMAT_SENML_JSON, "/3/0", device_senml,
                                sizeof device_senml - 1, 4096, &g),
                     0);
    assert_int_equal(lwm2m_write(LWM2M_FORMAT_TLV, &base, g.record, g.n, &out),
                     0);
    assert_int_equal(out.len, sizeof device_tlv);
    assert_memory_equal(out.data, device_tlv, out.len);
    buffer_clear(&out);
    lwm2m_write(LWM2M_FORMAT_SENML_JSON, &base, g.record, g.n, &out);
    assert_string_equal(out.data, device_senml);
    buffer_clear(&out);
    lwm2m_write(LWM2M_FORMAT_SENML_CBOR, &base, g.record, g.n, &out);
    assert_memory_equal(out.data, device_cbor_begins,
                        sizeof device_cbor_begins);
    assert_int_equal(read_split(LWM2M_FORMAT_SENML_CBOR, "/3/0", out.data,
                                out.len, 1, &again),
                     0);
    assert_is_device(&again);
    buffer_clear(&out);
    /* A read of the object wraps the instance: 08 00 79 in the page. */
    lwm2m_write(LWM2M_FORMAT_TLV, &object, g.record, g.n, &out);
    assert_memory_equal(out.data, "\x08\x00\x79", 3);
    assert_memory_equal(out.data + 3, device_tlv, sizeof device_tlv);
    buffer_release(&out);
}

/* OMA LwM2M 1.0, 6.4.3.3: instances of Access Control, one resource
 * instance with an identifier of two bytes. */
static void instances_with_long_identifiers_are_read_and_written(void **state)
{
    static const uint8_t tlv[] = {
        0x08, 0x00, 0x0e, 0xc1, 0x00, 0x01, 0xc1, 0x01, 0x00, 0x83,
        0x02, 0x41, 0x7f, 0x07, 0xc1, 0x03, 0x7f, 0x08, 0x02, 0x12,
        0xc1, 0x00, 0x03, 0xc1, 0x01, 0x00, 0x87, 0x02, 0x41, 0x7f,
        0x07, 0x61, 0x01, 0x36, 0x01, 0xc1, 0x03, 0x7f};
    struct lwm2m_path base = path_of("/2");
    static struct got g;
    struct buffer out;

    (void)state;
    assert_int_equal(read_split(LWM2M_FORMAT_TLV, "/2", tlv, sizeof tlv, 1, &g),
                     0);
    assert_int_equal(g.n, 9);
    assert_integer(&g.record[2], "/2/0/2/127", 7);
    assert_integer(&g.record[4], "/2/2/0", 3);
    assert_integer(&g.record[7], "/2/2/2/310", 1);
    buffer_init(&out, 4096);
    lwm2m_write(LWM2M_FORMAT_TLV, &base, g.record, g.n, &out);
    assert_int_equal(out.len, sizeof tlv);
    assert_memory_equal(out.data, tlv, sizeof tlv);
    buffer_release(&out);
}

/* ---- values -------------------------------------------------------------- */

static void values_are_taken_by_the_type_of_their_resource(void **state)
{
    struct lwm2m_value v = lwm2m_text("-9223372036854775808");
    uint8_t bytes[8];
    char text[4];
    uint32_t link;
    int64_t i;
    double d;
    bool b;
    size_t len;

    (void)state;
    assert_int_equal(lwm2m_as_integer(&v, &i), 0);
    assert_true(i == INT64_MIN);
    v = lwm2m_text("9223372036854775808");
    assert_int_equal(lwm2m_as_integer(&v, &i), DFOTA_E_SYNTAX);
    i = 7; /* stays when there is no number */
    v = lwm2m_text("1e9");
    assert_int_equal(lwm2m_as_integer(&v, &i), DFOTA_E_SYNTAX);
    assert_int_equal(i, 7);
    v = lwm2m_text(" 1");
    assert_int_equal(lwm2m_as_integer(&v, &i), DFOTA_E_SYNTAX);
    v = lwm2m_text("3:65535");
    assert_int_equal(lwm2m_as_link(&v, &link), DFOTA_E_SYNTAX);
    v = lwm2m_text("3:9");
    assert_int_equal(lwm2m_as_link(&v, &link), 0);
    assert_int_equal(link, 3 << 16 | 9);
    v = lwm2m_text("AAEC/w==");
    assert_int_equal(lwm2m_as_bytes(&v, bytes, 4, &len), 0);
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "\x00\x01\x02\xff", 4);
    assert_int_equal(lwm2m_as_bytes(&v, bytes, 3, &len), DFOTA_E_FULL);
    v = lwm2m_text("nan");
    assert_int_equal(lwm2m_as_real(&v, &d), DFOTA_E_SYNTAX);
    v = lwm2m_real(1e19);
    assert_int_equal(lwm2m_as_integer(&v, &i), DFOTA_E_SYNTAX);
    v = lwm2m_integer(2);
    assert_int_equal(lwm2m_as_boolean(&v, &b), DFOTA_E_SYNTAX);
    v = lwm2m_text("four");
    assert_int_equal(lwm2m_as_text(&v, text, sizeof text), DFOTA_E_FULL);
    v.kind = LWM2M_RAW;
    v.data = "\xff\xfe";
    v.len = 2;
    assert_int_equal(lwm2m_as_integer(&v, &i), 0);
    assert_int_equal(i, -2);
}

/* ---- the generator ------------------------------------------------------- */

static uint64_t seed;

static uint32_t any(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* Sorted records of one object with values of every kind. */
static size_t generate(struct lwm2m_record *out, char data[][512])
{
    size_t n = 0;

    for (unsigned i = any(3); i < 5; i += 1 + any(300)) {
        for (unsigned r = any(9); r < 40 && n < KEPT - 4; r += 1 + any(12)) {
            struct lwm2m_value v = {.kind = (enum lwm2m_kind)(1 + any(6))};
            unsigned instances = any(4) == 0 ? 1 + any(3) : 0;

            v.integer = v.kind == LWM2M_BOOLEAN ? any(2)
                        : v.kind == LWM2M_LINK
                            ? (int64_t)any(65535) << 16 | any(65535)
                            : (int64_t)((uint64_t)any(UINT32_MAX) << any(31)) *
                                  (any(2) ? -1 : 1);
            v.real = (double)v.integer / (any(2) ? 3.0 : 4.0);
            if (v.kind == LWM2M_TEXT || v.kind == LWM2M_BYTES)
                v.len = any(4) ? any(20) : any(380);
            for (size_t k = 0; k < v.len; k++)
                data[n][k] =
                    (char)(v.kind == LWM2M_TEXT ? ' ' + any(95) : any(256));
            v.data = data[n];
            for (unsigned k = 0; k == 0 || k < instances; k++, n++) {
                out[n] = (struct lwm2m_record){
                    .path = lwm2m_path_make(3, 7, i, r), .value = v};
                if (instances)
                    lwm2m_path_push(&out[n].path, 100 * k);
            }
        }
    }
    return n;
}

static void assert_same(const struct lwm2m_record *a,
                        const struct lwm2m_record *b)
{
    static uint8_t bytes[512];
    char text[512];
    int64_t i;
    double d;
    bool yes;
    uint32_t link;
    size_t len;

    assert_true(lwm2m_path_equal(&a->path, &b->path));
    switch (a->value.kind) {
    case LWM2M_INTEGER:
        assert_int_equal(lwm2m_as_integer(&b->value, &i), 0);
        assert_true(i == a->value.integer);
        return;
    case LWM2M_BOOLEAN:
        assert_int_equal(lwm2m_as_boolean(&b->value, &yes), 0);
        assert_int_equal(yes, a->value.integer);
        return;
    case LWM2M_REAL:
        assert_int_equal(lwm2m_as_real(&b->value, &d), 0);
        assert_true(d == a->value.real);
        return;
    case LWM2M_LINK:
        assert_int_equal(lwm2m_as_link(&b->value, &link), 0);
        assert_int_equal(link, a->value.integer);
        return;
    case LWM2M_BYTES:
        assert_int_equal(lwm2m_as_bytes(&b->value, bytes, sizeof bytes, &len),
                         0);
        assert_int_equal(len, a->value.len);
        assert_memory_equal(bytes, a->value.data, len);
        return;
    default:
        assert_int_equal(lwm2m_as_text(&b->value, text, sizeof text), 0);
        assert_int_equal(strlen(text), a->value.len);
        assert_memory_equal(text, a->value.data, a->value.len);
    }
}

static void what_is_written_reads_back_the_same_from_any_split(void **state)
{
    static const unsigned formats[] = {
        LWM2M_FORMAT_TLV, LWM2M_FORMAT_SENML_CBOR, LWM2M_FORMAT_SENML_JSON,
        LWM2M_FORMAT_JSON};
    static struct lwm2m_record records[KEPT];
    static char data[KEPT][512];
    static struct got g;
    struct lwm2m_path base = path_of("/7");
    struct buffer out;

    (void)state;
    buffer_init(&out, 1 << 20);
    for (unsigned round = 0; round < 200; round++) {
        size_t n;
        unsigned format = formats[round % 4];

        seed = round;
        n = generate(records, data);
        buffer_clear(&out);
        assert_int_equal(lwm2m_write(format, &base, records, n, &out), 0);
        assert_int_equal(
            read_split(format, "/7", out.data, out.len, 1 + any(70), &g), 0);
        assert_int_equal(g.n, n);
        for (size_t i = 0; i < n; i++)
            assert_same(&records[i], &g.record[i]);
    }
    buffer_release(&out);
}

static void one_value_alone_is_written_and_read(void **state)
{
    static const unsigned formats[] = {
        LWM2M_FORMAT_TEXT,       LWM2M_FORMAT_CBOR,       LWM2M_FORMAT_TLV,
        LWM2M_FORMAT_SENML_CBOR, LWM2M_FORMAT_SENML_JSON, LWM2M_FORMAT_JSON};
    static const char *const bases[] = {"/7/0/1", "/7/0/1/2"};
    static struct got g;
    struct buffer out;

    (void)state;
    buffer_init(&out, 4096);
    for (size_t i = 0; i < 12; i++) {
        struct lwm2m_record r = {.path = path_of(bases[i % 2]),
                                 .value = lwm2m_integer(-70000)};

        buffer_clear(&out);
        assert_int_equal(lwm2m_write(formats[i / 2], &r.path, &r, 1, &out), 0);
        assert_int_equal(
            read_split(formats[i / 2], bases[i % 2], out.data, out.len, 1, &g),
            0);
        assert_int_equal(g.n, 1);
        assert_same(&r, &g.record[0]);
    }
    buffer_release(&out);
}

/* ---- bad input ----------------------------------------------------------- */

struct bad {
    const char *base, *data;
    size_t len;
    unsigned format;
    int err;
};

#define BAD(kind, path, bytes, why)                                            \
    {                                                                          \
        .format = LWM2M_FORMAT_##kind, .base = (path), .data = (bytes),        \
        .len = sizeof(bytes) - 1, .err = DFOTA_E_##why                         \
    }

static void malformed_payloads_are_refused(void **state)
{
    static const struct bad all[] = {
        BAD(TLV, "/3/0", "\xc8", TRUNCATED),
        BAD(TLV, "/3/0", "\xc3\x03xy", TRUNCATED),
        BAD(TLV, "/3/0", "\xd8\x00\xff\xff\xff", FULL),     /* 16 MB */
        BAD(TLV, "/3", "\x02\x00\xc3\x03xyz", SYNTAX),      /* past the end */
        BAD(TLV, "/3", "\x04\x00\x02\x00\xc0\x00", SYNTAX), /* nested */
        BAD(TLV, "/3/0", "\x42\x00\x01\x02", SYNTAX), /* instance of nothing */
        BAD(TLV, "/3/0/1", "\xc1\x02x", SYNTAX),      /* another resource */
        BAD(TLV, "/", "\xc1\x02x", SYNTAX),
        BAD(TLV, "/3/0", "\xe1\xff\xffx", SYNTAX), /* identifier 65535 */
        BAD(SENML_CBOR, "/3/0", "", TRUNCATED),
        BAD(SENML_CBOR, "/3/0", "\xa0", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x81\x81\x81\x81\x81\x81", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x81\xa1\x02\x81\x01", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x81\xa1\x02\xc4\x01", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff\xa0",
            TRUNCATED),
        BAD(SENML_CBOR, "/3/0", "\x81\xa2\x00\x66/5/0/0\x02\x01", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x81\xa2\x02\x01\x02\x01", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x81\xa1\x02\x63xyz", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x81\xa1\x04\x01", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x81\xa1\x25\x01", SYNTAX), /* base sum */
        BAD(SENML_CBOR, "/3/0", "\x81\xa1\x62x_\x01", SYNTAX),
        BAD(SENML_CBOR, "/3/0",
            "\x81\xa1\x00\x7b\xff\xff\xff\xff\xff\xff\xff"
            "\xff/",
            TRUNCATED),
        BAD(SENML_CBOR, "/3/0", "\x80\x80", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x1c", SYNTAX),
        BAD(SENML_CBOR, "/3/0", "\x81\xa1\x08\x5f\x61x", SYNTAX),
        BAD(CBOR, "/3/0/1", "\x01\x01", SYNTAX),
        BAD(CBOR, "/3/0/1", "\x81\x01", SYNTAX),
        BAD(CBOR, "/3/0", "\x01", UNSUPPORTED),
        BAD(SENML_JSON, "/3/0", "", SYNTAX),
        BAD(SENML_JSON, "/3/0", "{}", SYNTAX),
        BAD(SENML_JSON, "/3/0", "[1]", SYNTAX),
        BAD(SENML_JSON, "/3/0", "[{\"n\":\"/3/0/1\",\"v\":\"x\"}]", SYNTAX),
        BAD(SENML_JSON, "/3/0", "[{\"n\":\"/3/0/1\",\"v\":1,\"vb\":true}]",
            SYNTAX),
        BAD(SENML_JSON, "/3/0", "[{\"n\":\"/3/0/1\",\"vd\":\"*\"}]", SYNTAX),
        BAD(SENML_JSON, "/3/0", "[{\"n\":\"/3/0/1\",\"v\":1,\"x_\":1}]",
            SYNTAX),
        BAD(JSON, "/3/0", "{\"e\":1}", SYNTAX),
        BAD(JSON, "/3/0", "{\"e\":[{\"n\":\"1\",\"v\":1}]} x", SYNTAX),
        BAD(TEXT, "/3/0", "x", UNSUPPORTED),
        BAD(LINK, "/3/0", "x", UNSUPPORTED),
    };
    static struct got g;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (size_t step = 1; step < 4; step += 2) {
            int err = read_split(all[i].format, all[i].base, all[i].data,
                                 all[i].len, step, &g);

            if (err != all[i].err)
                print_error("row %zu: %d\n", i, err);
            assert_int_equal(err, all[i].err);
        }
}

static void texts_without_an_end_are_bounded(void **state)
{
    static const unsigned formats[] = {LWM2M_FORMAT_TEXT, LWM2M_FORMAT_OPAQUE,
                                       LWM2M_FORMAT_JSON,
                                       LWM2M_FORMAT_SENML_JSON};
    static char bomb[LWM2M_JSON_MAX + 2];
    static struct got g;

    (void)state;
    memset(bomb, '[', sizeof bomb);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            read_split(formats[i], "/3/0/1", bomb, sizeof bomb, 1024, &g),
            DFOTA_E_FULL);
    /* Within the limit the depth is what ends it. */
    for (size_t i = 2; i < 4; i++)
        assert_int_equal(
            read_split(formats[i], "/3/0/1", bomb, LWM2M_JSON_MAX, 1024, &g),
            DFOTA_E_SYNTAX);
}

static enum lwm2m_kind kind_of(const char *path, const void *data, size_t len,
                               struct lwm2m_value *out)
{
    struct lwm2m_record r = {
        .value = {.kind = LWM2M_RAW, .data = data, .len = len}};

    assert_int_equal(lwm2m_path_parse(path, strlen(path), &r.path), 0);
    lwm2m_take_known_type(&r);
    *out = r.value;
    return r.value.kind;
}

/* As Wakaama 1.1 and Anjay in 1.0 answer. */
static void bytes_of_known_resources_have_their_type(void **state)
{
    static const uint8_t latitude[] = {0x40, 0x49, 0x0A, 0xAE,
                                       0xE8, 0x5B, 0x71, 0x30};
    struct lwm2m_value v;

    (void)state;
    assert_int_equal(kind_of("/1/0/7", "U", 1, &v), LWM2M_TEXT);
    assert_int_equal(v.len, 1);
    assert_int_equal(kind_of("/1/0/6", "\1", 1, &v), LWM2M_BOOLEAN);
    assert_int_equal(v.integer, 1);
    assert_int_equal(kind_of("/1/0/12", "\x6b\0\x82\xba", 4, &v),
                     LWM2M_INTEGER);
    assert_int_equal(v.integer, 0x6b0082ba);
    assert_int_equal(kind_of("/3/0/16", "UQ", 2, &v), LWM2M_TEXT);
    assert_int_equal(kind_of("/3/0/11/0", "\0", 1, &v), LWM2M_INTEGER);
    assert_int_equal(kind_of("/6/0/0", latitude, 8, &v), LWM2M_REAL);
    assert_true(v.real > 50.08 && v.real < 50.09);
    assert_int_equal(kind_of("/5/0/1", "", 0, &v), LWM2M_TEXT);
    assert_int_equal(kind_of("/3/0/22", "\0\5\0\0", 4, &v), LWM2M_LINK);
    /* Of another size, of another object, of nothing known. */
    assert_int_equal(kind_of("/1/0/1", "abc", 3, &v), LWM2M_RAW);
    assert_int_equal(kind_of("/31024/0/1", "U", 1, &v), LWM2M_RAW);
    assert_int_equal(kind_of("/7/0/65000", "U", 1, &v), LWM2M_RAW);
    assert_int_equal(kind_of("/3/0", "U", 1, &v), LWM2M_RAW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_known_resources_have_their_type),
        cmocka_unit_test(paths_are_read_and_bad_ones_refused),
        cmocka_unit_test(a_registration_is_read_with_and_without_quotes),
        cmocka_unit_test(links_that_are_none_end_the_walk),
        cmocka_unit_test(
            the_device_of_the_specifications_is_read_in_every_format),
        cmocka_unit_test(the_device_is_written_as_the_specifications_have_it),
        cmocka_unit_test(instances_with_long_identifiers_are_read_and_written),
        cmocka_unit_test(values_are_taken_by_the_type_of_their_resource),
        cmocka_unit_test(what_is_written_reads_back_the_same_from_any_split),
        cmocka_unit_test(one_value_alone_is_written_and_read),
        cmocka_unit_test(malformed_payloads_are_refused),
        cmocka_unit_test(texts_without_an_end_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
