/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/link_format.h"

#include <string.h>

#include "base/err.h"

void corelink_reader_init(struct corelink_reader *r, const char *text,
                          size_t len)
{
    r->at = text;
    r->end = text + len;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end &&
           (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

static bool is_name(char c)
{
    return c > ' ' && c < 127 && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

/* Behind the closing quote; NULL: there is none. */
static const char *quoted_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\' && ++at == end)
            return NULL;
    return at < end ? at + 1 : NULL;
}

/* An attribute behind its semicolon. NULL: malformed. */
static const char *attribute(const char *at, const char *end,
                             struct corelink_attribute *a)
{
    at = skip_blanks(at, end);
    *a = (struct corelink_attribute){.name = at};
    while (at < end && is_name(*at))
        at++;
    a->name_len = (size_t)(at - a->name);
    if (a->name_len == 0)
        return NULL;
    at = skip_blanks(at, end);
    if (at == end || *at != '=')
        return at;
    a->value = at = skip_blanks(at + 1, end);
    a->quoted = at < end && *at == '"';
    if (a->quoted) {
        at = quoted_end(at, end);
        if (!at)
            return NULL;
        a->value++;
        a->value_len = (size_t)(at - a->value - 1);
    } else {
        while (at<end && * at> ' ' && *at != ';' && *at != ',' && *at != '"')
            at++;
        a->value_len = (size_t)(at - a->value);
    }
    return skip_blanks(at, end);
}

bool corelink_next_attribute(const struct corelink_item *item, const char **at,
                             struct corelink_attribute *a)
{
    if (*at >= item->attributes_end)
        return false;
    *at = attribute(*at + 1, item->attributes_end, a);
    return true;
}

bool corelink_find(const struct corelink_item *item, const char *name,
                   struct corelink_attribute *a)
{
    const char *at = item->attributes;

    while (corelink_next_attribute(item, &at, a))
        if (a->name_len == strlen(name) &&
            memcmp(a->name, name, a->name_len) == 0)
            return true;
    return false;
}

static int take(struct corelink_reader *r, struct corelink_item *item)
{
    const char *at = r->at;
    struct corelink_attribute ignored;

    if (*at != '<')
        return DFOTA_E_SYNTAX;
    item->target = ++at;
    while (at < r->end && *at != '>')
        at++;
    if (at == r->end)
        return DFOTA_E_SYNTAX;
    item->target_len = (size_t)(at - item->target);
    at = item->attributes = skip_blanks(at + 1, r->end);
    while (at < r->end && *at == ';') {
        at = attribute(at + 1, r->end, &ignored);
        if (!at)
            return DFOTA_E_SYNTAX;
    }
    item->attributes_end = at;
    r->at = at;
    return 0;
}

int corelink_next(struct corelink_reader *r, struct corelink_item *item)
{
    int err;

    r->at = skip_blanks(r->at, r->end);
    if (r->at == r->end)
        return 0;
    err = take(r, item);
    if (!err && r->at < r->end) {
        /* A comma with nothing behind it is the mistake of some clients. */
        err = *r->at == ',' ? 0 : DFOTA_E_SYNTAX;
        r->at++;
    }
    if (err)
        r->at = r->end;
    return err ? err : DFOTA_DONE;
}
