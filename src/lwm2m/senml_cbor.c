/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SenML CBOR, content format 112 (RFC 8428, 6; OMA LwM2M 1.1 Core, 7.4.5),
 * and one CBOR value alone, content format 60.
 *
 * The shape is an array of maps of plain values: no value of LwM2M nests,
 * so a tag, an array or a map inside a record is refused, and with it every
 * bomb of depth. Units and times are read and dropped.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/reader_parts.h"

/* Labels of RFC 8428, table 4, and our own beyond them. */
enum {
    KEY_BV = -5,
    KEY_BS = -6,
    KEY_BN = -2,
    KEY_N = 0,
    KEY_V = 2,
    KEY_VS = 3,
    KEY_VB = 4,
    KEY_S = 5,
    KEY_VD = 8,
    KEY_VLO = 1000, /* the text "vlo": OMA's, without a number */
    KEY_OTHER,      /* read and dropped */
};

enum {
    AT_ARRAY,
    AT_MAP,
    AT_KEY,
    AT_KEY_WORD, /* inside a text that is a label */
    AT_VALUE,
    AT_NAME,  /* inside n or bn */
    AT_BYTES, /* inside vs, vd or vlo */
    AT_DROP,  /* inside a string that nobody wants */
    AT_END,
    AT_ALONE, /* format 60: one value */
};

static void senml_init(struct lwm2m_reader *r)
{
    memset(&r->senml, 0, sizeof r->senml);
    r->senml.state = AT_ARRAY;
}

static void cbor_alone_init(struct lwm2m_reader *r)
{
    memset(&r->senml, 0, sizeof r->senml);
    r->senml.state = AT_ALONE;
    r->senml.path = r->base;
    if (r->base.depth < LWM2M_DEPTH_RESOURCE)
        r->err = DFOTA_E_UNSUPPORTED;
}

static int on_array(struct senml_reader *s, const struct cbor_token *t)
{
    if (t->kind != CBOR_ARRAY)
        return DFOTA_E_SYNTAX;
    s->array_open = t->indefinite;
    s->maps_left = t->number;
    s->state = s->array_open || s->maps_left ? AT_MAP : AT_END;
    return 0;
}

/* A record is whole. */
static int end_map(struct lwm2m_reader *r)
{
    struct senml_reader *s = &r->senml;
    struct lwm2m_path path;
    int err = reader_join(s->base_name, s->name, &path);

    if (!s->array_open && --s->maps_left == 0)
        s->state = AT_END;
    else
        s->state = AT_MAP;
    if (err)
        return err;
    /* A path alone: what a Read-Composite asks for. */
    if (!s->has_value && !s->named)
        return 0;
    if (!s->has_value)
        s->value = (struct lwm2m_value){.kind = LWM2M_EMPTY};
    /* Bytes that were begun under another name have gone the wrong way. */
    if (s->begun && !lwm2m_path_equal(&path, &s->path))
        return DFOTA_E_SYNTAX;
    if (s->begun)
        return reader_end(r, &path, s->value.kind);
    return reader_value(r, &path, &s->value);
}

static int on_map(struct lwm2m_reader *r, const struct cbor_token *t)
{
    struct senml_reader *s = &r->senml;

    if (t->kind == CBOR_BREAK && s->array_open) {
        s->state = AT_END;
        return 0;
    }
    if (t->kind != CBOR_MAP)
        return DFOTA_E_SYNTAX;
    s->map_open = t->indefinite;
    s->pairs_left = t->number;
    s->has_value = s->begun = s->named = false;
    s->name[0] = '\0';
    s->state = AT_KEY;
    return !s->map_open && s->pairs_left == 0 ? end_map(r) : 0;
}

static int on_key(struct lwm2m_reader *r, const struct cbor_token *t)
{
    struct senml_reader *s = &r->senml;

    if (t->kind == CBOR_BREAK && s->map_open)
        return end_map(r);
    s->state = AT_VALUE;
    s->key = KEY_OTHER;
    s->word_len = 0;
    if (t->kind == CBOR_TEXT)
        s->state = AT_KEY_WORD;
    else if (t->kind == CBOR_UNSIGNED && t->number <= KEY_VD)
        s->key = (int)t->number;
    else if (t->kind == CBOR_NEGATIVE && t->number < 6)
        s->key = -1 - (int)t->number;
    else if (t->kind != CBOR_UNSIGNED && t->kind != CBOR_NEGATIVE)
        return DFOTA_E_SYNTAX;
    /* Sums and base values change what a value means. */
    if (s->key == KEY_S || s->key == KEY_BV || s->key == KEY_BS)
        return DFOTA_E_SYNTAX;
    return 0;
}

/* A chunk of a label or a name; what is too long is no name of ours. */
static int take_word(struct senml_reader *s, const struct cbor_token *t)
{
    if (t->kind != CBOR_CHUNK || t->len + s->word_len >= SENML_NAME_MAX ||
        (t->len > 0 && memchr(t->data, 0, t->len)))
        return DFOTA_E_SYNTAX;
    if (t->len > 0)
        memcpy(s->word + s->word_len, t->data, t->len);
    s->word_len = (uint8_t)(s->word_len + t->len);
    s->word[s->word_len] = '\0';
    return 0;
}

static int on_key_word(struct senml_reader *s, const struct cbor_token *t)
{
    int err = take_word(s, t);

    if (err || !t->last)
        return err;
    s->state = AT_VALUE;
    if (strcmp(s->word, "vlo") == 0)
        s->key = KEY_VLO;
    /* A label that ends so must be understood (RFC 8428, 4.4). */
    if (s->word_len > 0 && s->word[s->word_len - 1] == '_')
        return DFOTA_E_SYNTAX;
    return 0;
}

static int end_pair(struct lwm2m_reader *r)
{
    struct senml_reader *s = &r->senml;

    s->state = AT_KEY;
    return !s->map_open && --s->pairs_left == 0 ? end_map(r) : 0;
}

static int on_name(struct lwm2m_reader *r, const struct cbor_token *t)
{
    struct senml_reader *s = &r->senml;
    int err = take_word(s, t);

    if (err || !t->last)
        return err;
    s->named = true;
    memcpy(s->key == KEY_BN ? s->base_name : s->name, s->word, sizeof s->word);
    return end_pair(r);
}

static int begin_bytes(struct lwm2m_reader *r, enum lwm2m_kind kind)
{
    struct senml_reader *s = &r->senml;
    int err =
        s->state == AT_ALONE ? 0 : reader_join(s->base_name, s->name, &s->path);

    /* The name may come behind the value: then it is the request's. */
    if (!err && s->state != AT_ALONE && !lwm2m_path_covers(&r->base, &s->path))
        s->path = r->base;
    if (!err)
        err = reader_begin(r, &s->path);
    s->begun = true;
    s->value = (struct lwm2m_value){.kind = kind};
    s->state = AT_BYTES;
    return err;
}

static int on_bytes(struct lwm2m_reader *r, const struct cbor_token *t)
{
    int err = t->kind == CBOR_CHUNK ? reader_data(r, t->data, t->len)
                                    : DFOTA_E_SYNTAX;

    return err || !t->last ? err : end_pair(r);
}

/* What a token is as a value; kind LWM2M_EMPTY: no value that we have. */
static struct lwm2m_value plain_value(const struct cbor_token *t)
{
    struct lwm2m_value v = {.kind = LWM2M_EMPTY};

    if (t->kind == CBOR_UNSIGNED && t->number <= INT64_MAX)
        v = lwm2m_integer((int64_t)t->number);
    else if (t->kind == CBOR_NEGATIVE && t->number <= INT64_MAX)
        v = lwm2m_integer(-1 - (int64_t)t->number);
    else if (t->kind == CBOR_REAL)
        v = lwm2m_real(t->real);
    else if (t->kind == CBOR_SIMPLE && (t->number == 20 || t->number == 21))
        v = lwm2m_boolean(t->number == 21);
    return v;
}

static int on_dropped(struct lwm2m_reader *r, const struct cbor_token *t)
{
    if (t->kind == CBOR_TEXT || t->kind == CBOR_BYTES)
        r->senml.state = AT_DROP;
    else if (plain_value(t).kind == LWM2M_EMPTY)
        return DFOTA_E_SYNTAX;
    else
        return end_pair(r);
    return 0;
}

static int on_value(struct lwm2m_reader *r, const struct cbor_token *t)
{
    struct senml_reader *s = &r->senml;
    bool text = t->kind == CBOR_TEXT;

    if (s->key == KEY_N || s->key == KEY_BN) {
        s->word_len = 0;
        s->state = AT_NAME;
        return text ? 0 : DFOTA_E_SYNTAX;
    }
    if (s->key != KEY_V && s->key != KEY_VS && s->key != KEY_VB &&
        s->key != KEY_VD && s->key != KEY_VLO)
        return on_dropped(r, t);
    if (s->has_value)
        return DFOTA_E_SYNTAX;
    s->has_value = true;
    if (s->key == KEY_VS || s->key == KEY_VLO)
        return text ? begin_bytes(r, LWM2M_TEXT) : DFOTA_E_SYNTAX;
    if (s->key == KEY_VD)
        return t->kind == CBOR_BYTES ? begin_bytes(r, LWM2M_BYTES)
                                     : DFOTA_E_SYNTAX;
    s->value = plain_value(t);
    if (s->value.kind == LWM2M_EMPTY ||
        (s->value.kind == LWM2M_BOOLEAN) != (s->key == KEY_VB))
        return DFOTA_E_SYNTAX;
    return end_pair(r);
}

static int on_dropping(struct lwm2m_reader *r, const struct cbor_token *t)
{
    return t->last ? end_pair(r) : 0;
}

static int on_token(struct lwm2m_reader *r, const struct cbor_token *t)
{
    switch (r->senml.state) {
    case AT_ARRAY:
        return on_array(&r->senml, t);
    case AT_MAP:
        return on_map(r, t);
    case AT_KEY:
        return on_key(r, t);
    case AT_KEY_WORD:
        return on_key_word(&r->senml, t);
    case AT_VALUE:
        return on_value(r, t);
    case AT_NAME:
        return on_name(r, t);
    case AT_BYTES:
        return on_bytes(r, t);
    case AT_DROP:
        return on_dropping(r, t);
    default:
        return DFOTA_E_SYNTAX;
    }
}

static int feed(struct lwm2m_reader *r, const uint8_t *data, size_t len,
                int (*take)(struct lwm2m_reader *, const struct cbor_token *))
{
    struct cbor_token t;
    int err;

    while ((err = cbor_next(&r->senml.cbor, &data, &len, &t)) == DFOTA_DONE)
        if ((err = take(r, &t)) != 0)
            return err;
    return err == DFOTA_MORE ? 0 : err;
}

static int senml_feed(struct lwm2m_reader *r, const uint8_t *data, size_t len)
{
    return feed(r, data, len, on_token);
}

static int senml_finish(struct lwm2m_reader *r)
{
    return r->senml.state == AT_END ? 0 : DFOTA_E_TRUNCATED;
}

const struct lwm2m_codec lwm2m_codec_senml_cbor = {
    LWM2M_FORMAT_SENML_CBOR, senml_init, senml_feed, senml_finish};

static int on_alone(struct lwm2m_reader *r, const struct cbor_token *t)
{
    struct senml_reader *s = &r->senml;

    if (s->state == AT_BYTES && t->kind == CBOR_CHUNK) {
        if (t->last)
            s->state = AT_END;
        return reader_data(r, t->data, t->len);
    }
    if (s->state != AT_ALONE)
        return DFOTA_E_SYNTAX;
    if (t->kind == CBOR_TEXT || t->kind == CBOR_BYTES)
        return begin_bytes(r, t->kind == CBOR_TEXT ? LWM2M_TEXT : LWM2M_BYTES);
    s->state = AT_END;
    s->value = plain_value(t);
    return s->value.kind == LWM2M_EMPTY ? DFOTA_E_SYNTAX : 0;
}

static int alone_feed(struct lwm2m_reader *r, const uint8_t *data, size_t len)
{
    return feed(r, data, len, on_alone);
}

static int alone_finish(struct lwm2m_reader *r)
{
    struct senml_reader *s = &r->senml;

    if (s->state != AT_END)
        return DFOTA_E_TRUNCATED;
    if (s->begun)
        return reader_end(r, &s->path, s->value.kind);
    return reader_value(r, &s->path, &s->value);
}

const struct lwm2m_codec lwm2m_codec_cbor = {LWM2M_FORMAT_CBOR, cbor_alone_init,
                                             alone_feed, alone_finish};
