/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

static void put(struct json_writer *w, const char *text, size_t len)
{
    if (w->failed || len >= w->cap - w->len) {
        w->failed = true;
        return;
    }
    memcpy(w->out + w->len, text, len);
    w->len += len;
}

static void escaped(struct json_writer *w, const char *s)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    char u[8];

    put(w, "\"", 1);
    for (; *s; s++) {
        const char *at = strchr(from, *s);

        if (at) {
            put(w, "\\", 1);
            put(w, &to[at - from], 1);
        } else if ((unsigned char)*s < 0x20) {
            snprintf(u, sizeof(u), "\\u%04x", (unsigned)(unsigned char)*s);
            put(w, u, 6);
        } else {
            put(w, s, 1);
        }
    }
    put(w, "\"", 1);
}

static void item(struct json_writer *w, const char *key)
{
    if (w->comma >> w->depth & 1)
        put(w, ",", 1);
    w->comma |= 1u << w->depth;
    if (key) {
        escaped(w, key);
        put(w, ":", 1);
    }
}

void json_begin(struct json_writer *w, char *out, size_t cap)
{
    memset(w, 0, sizeof(*w));
    w->out = out;
    w->cap = cap;
    w->failed = cap == 0;
}

static void open_bracket(struct json_writer *w, const char *key, char bracket)
{
    item(w, key);
    put(w, &bracket, 1);
    if (w->depth + 1 >= JSON_DEPTH) {
        w->failed = true;
        return;
    }
    w->depth++;
    w->comma &= ~(1u << w->depth);
}

void json_object(struct json_writer *w, const char *key)
{
    open_bracket(w, key, '{');
}

void json_array(struct json_writer *w, const char *key)
{
    open_bracket(w, key, '[');
}

void json_close(struct json_writer *w, char bracket)
{
    if (w->depth == 0) {
        w->failed = true;
        return;
    }
    w->depth--;
    put(w, &bracket, 1);
}

void json_string(struct json_writer *w, const char *key, const char *value)
{
    item(w, key);
    escaped(w, value);
}

void json_int(struct json_writer *w, const char *key, long value)
{
    char s[24];
    int n = snprintf(s, sizeof(s), "%ld", value);

    item(w, key);
    put(w, s, (size_t)n);
}

void json_float(struct json_writer *w, const char *key, double value,
                int digits)
{
    char s[48];
    int n;

    item(w, key);
    if (!isfinite(value) || fabs(value) > 1e30) {
        put(w, "null", 4);
        return;
    }
    n = snprintf(s, sizeof(s), "%.*f", digits, value);
    put(w, s, (size_t)n);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
    item(w, key);
    put(w, value ? "true" : "false", value ? 4 : 5);
}

int json_end(struct json_writer *w)
{
    if (w->cap)
        w->out[w->failed ? 0 : w->len] = '\0';
    return w->failed || w->depth ? -1 : (int)w->len;
}
