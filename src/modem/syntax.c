/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/syntax.h"

#include <ctype.h>
#include <string.h>

#include "base/err.h"

/* What has been seen of the prefix. Both letters have the same case. */
enum { SEEK, UPPER_A, LOWER_A, BODY };

void syntax_init(struct syntax *s)
{
    *s = (struct syntax){.s3 = 13, .s4 = 10, .s5 = 8};
}

static void begin(struct syntax *s)
{
    s->state = BODY;
    s->len = 0;
    s->too_long = false;
}

/* Blanks outside strings do not count: they go before anybody parses. */
static void strip_blanks(struct syntax *s)
{
    size_t to = 0;
    bool quoted = false;

    for (size_t i = 0; i < s->len; i++) {
        if (s->line[i] == '"')
            quoted = !quoted;
        if (quoted || s->line[i] != ' ')
            s->line[to++] = s->line[i];
    }
    s->len = to;
    s->line[to] = '\0';
}

static enum syntax_event end(struct syntax *s)
{
    s->state = SEEK;
    if (s->too_long) {
        s->len = 0;
        s->line[0] = '\0';
        return SYNTAX_TOO_LONG;
    }
    strip_blanks(s);
    return SYNTAX_LINE;
}

static enum syntax_event prefix(struct syntax *s, uint8_t byte)
{
    bool after_a = s->state == UPPER_A || s->state == LOWER_A;

    if (after_a && byte == '/') {
        s->state = SEEK;
        return SYNTAX_LINE;
    }
    if ((s->state == UPPER_A && byte == 'T') ||
        (s->state == LOWER_A && byte == 't'))
        begin(s);
    else if (byte == 'A')
        s->state = UPPER_A;
    else if (byte == 'a')
        s->state = LOWER_A;
    else
        s->state = SEEK;
    return SYNTAX_NOTHING;
}

enum syntax_event syntax_feed(struct syntax *s, uint8_t byte, bool *kept)
{
    *kept = byte == s->s3 || byte == s->s5 || (byte >= 0x20 && byte != 0x7F);
    if (s->state != BODY)
        return prefix(s, byte);
    if (byte == s->s3)
        return end(s);
    if (byte == s->s5) {
        if (s->len > 0 && !s->too_long)
            s->len--;
        return SYNTAX_NOTHING;
    }
    if (!*kept)
        return SYNTAX_NOTHING;
    if (s->len == SYNTAX_LINE_MAX)
        s->too_long = true;
    else
        s->line[s->len++] = (char)byte;
    return SYNTAX_NOTHING;
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!%-./:_", c));
}

static int read_number(const char **at, uint32_t *number)
{
    uint64_t v = 0;

    for (; isdigit((unsigned char)**at); (*at)++) {
        v = v * 10 + (uint64_t)(**at - '0');
        if (v > UINT32_MAX)
            return DFOTA_E_SYNTAX;
    }
    *number = (uint32_t)v;
    return 0;
}

/* Arguments end at a ; outside quotes, or with the line. */
static int read_args(const char **at, struct syntax_command *c)
{
    const char *p = *at;
    bool quoted = false;

    for (; *p && (quoted || *p != ';'); p++) {
        if (*p == '"')
            quoted = !quoted;
    }
    if (quoted)
        return DFOTA_E_SYNTAX;
    c->args = *at;
    c->args_len = (size_t)(p - *at);
    *at = p;
    return 0;
}

static int read_form(const char **at, struct syntax_command *c)
{
    if (**at == '?') {
        (*at)++;
        c->form = FORM_READ;
        return 0;
    }
    if (**at != '=')
        return 0;
    (*at)++;
    if (**at == '?' && ((*at)[1] == '\0' || (*at)[1] == ';')) {
        (*at)++;
        c->form = FORM_TEST;
        return 0;
    }
    c->form = FORM_WRITE;
    return read_args(at, c);
}

static int extended(const char **at, struct syntax_command *c)
{
    size_t len = 0;

    c->name[len++] = *(*at)++;
    for (; name_char(**at); (*at)++) {
        if (len == SYNTAX_NAME_MAX - 1)
            return DFOTA_E_SYNTAX;
        c->name[len++] = (char)toupper((unsigned char)**at);
    }
    c->name[len] = '\0';
    if (len == 1 || read_form(at, c) != 0)
        return DFOTA_E_SYNTAX;
    return **at == ';' || **at == '\0' ? 0 : DFOTA_E_SYNTAX;
}

static int basic(const char **at, struct syntax_command *c)
{
    size_t len = 0;

    if (strchr("&\\%", **at))
        c->name[len++] = *(*at)++;
    if (!isalpha((unsigned char)**at))
        return DFOTA_E_SYNTAX;
    c->name[len++] = (char)toupper((unsigned char)*(*at)++);
    c->name[len] = '\0';
    if (read_number(at, &c->number) != 0)
        return DFOTA_E_SYNTAX;
    if (strcmp(c->name, "S") != 0)
        return 0;
    if (**at == '?') {
        (*at)++;
        c->form = FORM_READ;
        return 0;
    }
    if (**at != '=')
        return DFOTA_E_SYNTAX;
    c->form = FORM_WRITE;
    c->args = ++*at;
    while (isdigit((unsigned char)**at))
        (*at)++;
    c->args_len = (size_t)(*at - c->args);
    return 0;
}

int syntax_next(const char **at, struct syntax_command *c)
{
    *c = (struct syntax_command){.form = FORM_EXEC, .args = ""};
    while (**at == ';')
        (*at)++;
    if (**at == '\0')
        return DFOTA_DONE;
    if (strchr("+*^$#", **at))
        return extended(at, c);
    return basic(at, c);
}

static int hex(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    c = (char)toupper((unsigned char)c);
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A backslash and two hex digits stand for one character (V.250 5.4.2.2);
 * any other backslash is itself, as hosts send it in paths. */
static char *unescape(char *to, const char *from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (from[i] == '\\' && i + 2 < len && hex(from[i + 1]) >= 0 &&
            hex(from[i + 2]) >= 0) {
            *to++ = (char)(hex(from[i + 1]) << 4 | hex(from[i + 2]));
            i += 2;
        } else {
            *to++ = from[i];
        }
    }
    *to = '\0';
    return to;
}

static bool is_integer(const char *s, size_t len, int64_t *value)
{
    const int64_t limit = INT64_C(1) << 62;
    size_t i = len > 0 && (s[0] == '-' || s[0] == '+');
    int64_t v = 0;

    if (i == len)
        return false;
    for (; i < len; i++) {
        if (!isdigit((unsigned char)s[i]))
            return false;
        v = v > limit / 10 - 1 ? limit : v * 10 + (s[i] - '0');
    }
    *value = s[0] == '-' ? -v : v;
    return true;
}

static int type_param(struct param *p, char **pool, const char *s, size_t len)
{
    *p = (struct param){.kind = PARAM_NONE, .text = *pool, .raw_len = len};
    if (len > 0 && s[0] == '"') {
        if (len < 2 || s[len - 1] != '"' || memchr(s + 1, '"', len - 2))
            return DFOTA_E_SYNTAX;
        p->kind = PARAM_STRING;
        p->raw_len = len - 2;
        s++;
    } else if (len > 0 && memchr(s, '"', len)) {
        return DFOTA_E_SYNTAX;
    } else if (len > 0) {
        p->kind = is_integer(s, len, &p->value) ? PARAM_INT : PARAM_BARE;
    }
    if (p->kind == PARAM_STRING) {
        *pool = unescape(*pool, s, p->raw_len);
    } else {
        memcpy(*pool, s, len);
        *pool += len;
        **pool = '\0';
    }
    p->len = (size_t)(*pool - p->text);
    (*pool)++;
    return 0;
}

int syntax_params(struct syntax_params *p, const char *args, size_t len)
{
    char *pool = p->pool;
    size_t from = 0;
    bool quoted = false;

    p->count = 0;
    if (len > SYNTAX_LINE_MAX)
        return DFOTA_E_SYNTAX;
    for (size_t i = 0; len > 0 && i <= len; i++) {
        if (i < len && args[i] == '"')
            quoted = !quoted;
        if (i < len && (quoted || args[i] != ','))
            continue;
        if (p->count == SYNTAX_PARAMS_MAX ||
            type_param(&p->p[p->count], &pool, args + from, i - from) != 0)
            return DFOTA_E_SYNTAX;
        p->count++;
        from = i + 1;
    }
    return quoted ? DFOTA_E_SYNTAX : 0;
}
