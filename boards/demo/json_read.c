/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "json.h"

static const struct json_value none = {NULL, 0, JSON_NONE};

static const char *blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* Each skip_*() returns the byte behind the token, NULL when malformed. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '"')
            return p + 1;
        if ((unsigned char)*p < 0x20)
            return NULL;
        if (*p == '\\' && (++p == end || !strchr("\"\\/bfnrtu", *p)))
            return NULL;
    }
    return NULL;
}

static const char *skip_digits(const char *p, const char *end)
{
    const char *from = p;

    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p > from ? p : NULL;
}

static const char *skip_number(const char *p, const char *end)
{
    if (*p == '-')
        p++;
    if (p < end && *p == '0')
        p++;
    else
        p = skip_digits(p, end);
    if (p && p < end && *p == '.')
        p = skip_digits(p + 1, end);
    if (p && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        p = skip_digits(p, end);
    }
    return p;
}

static const char *skip_word(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);

    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const char *skip_scalar(const char *p, const char *end)
{
    switch (*p) {
    case '"':
        return skip_string(p, end);
    case 't':
        return skip_word(p, end, "true");
    case 'f':
        return skip_word(p, end, "false");
    case 'n':
        return skip_word(p, end, "null");
    default:
        return skip_number(p, end);
    }
}

/* What the walk of a nested value waits for. */
struct walk {
    char open[JSON_DEPTH];
    int depth;
};

static const char *skip_key(const char *p, const char *end)
{
    p = blanks(p, end);
    if (p == end || *p != '"')
        return NULL;
    p = skip_string(p, end);
    if (!p)
        return NULL;
    p = blanks(p, end);
    return p < end && *p == ':' ? blanks(p + 1, end) : NULL;
}

/* A bracket opens: step in; an empty one closes at once. */
static const char *step_in(struct walk *w, const char *p, const char *end,
                           bool *value_done)
{
    char open = *p;

    if (w->depth == JSON_DEPTH)
        return NULL;
    w->open[w->depth++] = open;
    p = blanks(p + 1, end);
    *value_done = false;
    if (p < end && *p == (open == '{' ? '}' : ']')) {
        w->depth--;
        *value_done = true;
        return p + 1;
    }
    return open == '{' ? skip_key(p, end) : p;
}

/* A value ended: on to the next one, or out of brackets. */
static const char *step_on(struct walk *w, const char *p, const char *end,
                           bool *value_done)
{
    char open = w->open[w->depth - 1];

    p = blanks(p, end);
    if (p == end)
        return NULL;
    if (*p == ',') {
        *value_done = false;
        return open == '{' ? skip_key(p + 1, end) : blanks(p + 1, end);
    }
    if (*p != (open == '{' ? '}' : ']'))
        return NULL;
    w->depth--;
    *value_done = true;
    return p + 1;
}

static const char *skip_value(const char *p, const char *end)
{
    struct walk w = {.depth = 0};
    bool done;

    do {
        if (!p || p >= end)
            return NULL;
        if (*p == '{' || *p == '[') {
            p = step_in(&w, p, end, &done);
        } else {
            p = skip_scalar(p, end);
            done = true;
        }
        while (p && done && w.depth)
            p = step_on(&w, p, end, &done);
    } while (p && !done);
    return p;
}

static enum json_type type_of(char c)
{
    switch (c) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

static struct json_value value_at(const char *p, const char *end)
{
    const char *after = skip_value(p, end);
    struct json_value v = {p, 0, JSON_NONE};

    if (!after)
        return none;
    v.len = (size_t)(after - p);
    v.type = type_of(*p);
    return v;
}

struct json_value json_parse(const char *text, size_t len)
{
    const char *end = text + len, *p = blanks(text, end);
    struct json_value v = value_at(p, end);

    if (v.type == JSON_NONE || blanks(v.text + v.len, end) != end)
        return none;
    return v;
}

/* The first or next value inside brackets; *p moves behind it. */
static struct json_value next_value(const char **p, const char *end)
{
    struct json_value v;

    *p = blanks(*p, end);
    if (*p < end && **p == ',')
        *p = blanks(*p + 1, end);
    if (*p >= end - 1)
        return none;
    v = value_at(*p, end);
    if (v.type != JSON_NONE)
        *p = v.text + v.len;
    return v;
}

struct json_value json_member(struct json_value object, const char *key)
{
    const char *end = object.text + object.len, *p = object.text + 1;
    size_t n = strlen(key);

    if (object.type != JSON_OBJECT)
        return none;
    for (;;) {
        struct json_value name = next_value(&p, end), v;

        if (name.type != JSON_STRING)
            return none;
        p = blanks(p, end) + 1;
        v = next_value(&p, end);
        if (name.len == n + 2 && memcmp(name.text + 1, key, n) == 0)
            return v;
    }
}

struct json_value json_item(struct json_value array, size_t n)
{
    const char *end = array.text + array.len, *p = array.text + 1;
    struct json_value v = none;

    if (array.type != JSON_ARRAY)
        return none;
    for (size_t i = 0; i <= n; i++) {
        v = next_value(&p, end);
        if (v.type == JSON_NONE)
            break;
    }
    return v;
}

struct json_value json_path(struct json_value root, const char *path)
{
    char name[32];

    while (*path && root.type != JSON_NONE) {
        size_t n = strcspn(path, ".");

        if (n >= sizeof(name))
            return none;
        memcpy(name, path, n);
        name[n] = '\0';
        if (root.type == JSON_ARRAY)
            root = json_item(root, (size_t)strtoul(name, NULL, 10));
        else
            root = json_member(root, name);
        path += n + (path[n] == '.');
    }
    return root;
}

double json_number(struct json_value value, double other)
{
    char s[40];

    if (value.type != JSON_NUMBER || value.len >= sizeof(s))
        return other;
    memcpy(s, value.text, value.len);
    s[value.len] = '\0';
    return strtod(s, NULL);
}

static int hex4(const char *p)
{
    int v = 0;

    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *at = p[i] ? strchr(digits, p[i] | 0x20) : NULL;

        if (!at)
            return -1;
        v = v * 16 + (int)(at - digits);
    }
    return v;
}

static size_t utf8(unsigned code, char out[3])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    out[0] = (char)(0xE0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3F));
    out[2] = (char)(0x80 | (code & 0x3F));
    return 3;
}

/* One character of a string, escapes resolved; bytes written, 0: bad. */
static size_t one_char(const char **p, const char *end, char out[3])
{
    static const char from[] = "bfnrt\"\\/", to[] = "\b\f\n\r\t\"\\/";
    int code;

    if (**p != '\\') {
        out[0] = *(*p)++;
        return 1;
    }
    (*p)++;
    if (**p != 'u') {
        out[0] = to[strchr(from, **p) - from];
        (*p)++;
        return 1;
    }
    code = end - *p >= 5 ? hex4(*p + 1) : -1;
    if (code < 0)
        return 0;
    *p += 5;
    return utf8((unsigned)code, out);
}

int json_copy(struct json_value value, char *out, size_t cap)
{
    const char *p = value.text + 1, *end = value.text + value.len - 1;
    size_t len = 0;
    char c[3];

    if (value.type != JSON_STRING || cap == 0)
        return -1;
    while (p < end) {
        size_t n = one_char(&p, end, c);

        if (n == 0 || len + n >= cap)
            return -1;
        memcpy(out + len, c, n);
        len += n;
    }
    out[len] = '\0';
    return (int)len;
}
