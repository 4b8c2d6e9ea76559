/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as a file, each value with where it comes from. */
#include <stdio.h>
#include <string.h>

#include "server/config/options_table.h"

enum { DAY_S = 86400 };

/* ---- what is left out ---- */

/* What stands between begin and end, of a text from *at on. */
static bool between(const char *text, const char *begin, const char *ends,
                    const char **from, const char **until)
{
    const char *found = strstr(text, begin);

    if (!found)
        return false;
    *from = found + strlen(begin);
    *until = *from + strcspn(*from, ends);
    return true;
}

/* Of "scheme://user:PASSWORD@host", "..password=PASSWORD&.." and
 * "..pin-value=PIN;..". */
static bool find_password(const char *text, const char **from,
                          const char **until)
{
    const char *colon, *at;

    if (between(text, "password=", "&", from, until) ||
        between(text, "pin-value=", ";&", from, until))
        return true;
    if (!between(text, "://", "/?", from, until))
        return false;
    for (at = *until; at > *from && *at != '@'; at--)
        ;
    colon = memchr(*from, ':', (size_t)(at - *from));
    if (*at != '@' || !colon)
        return false;
    *from = colon + 1;
    *until = at;
    return true;
}

/* In double quotes, as YAML and JSON read it. */
static void quote(const char *text, bool secret)
{
    const char *from = NULL, *until = NULL;
    bool hide = secret && find_password(text, &from, &until);

    putchar('"');
    for (; *text; text++) {
        if (hide && text == from && from < until) {
            fputs(OPTION_MASKED, stdout);
            text = until;
            if (*text == '\0')
                break;
        }
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            printf("\\x%02x", (unsigned char)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void dump_texts(const struct options *options,
                       const struct option_row *row)
{
    const char *place = (const char *)options + row->place, *text;
    unsigned n = 1;

    if (option_is_list(row))
        memcpy(&n, (const char *)options + row->count, sizeof n);
    if (option_is_list(row))
        putchar('[');
    for (unsigned i = 0; i < n; i++, place += row->stride) {
        memcpy(&text, place, sizeof text);
        if (i > 0)
            fputs(", ", stdout);
        quote(text, row->secret);
    }
    if (option_is_list(row))
        putchar(']');
}

static bool is_there(const struct options *options,
                     const struct option_row *row)
{
    const char *text;
    unsigned n;

    if (row->kind != OPTION_TEXT && row->kind != OPTION_WORD)
        return true;
    if (option_is_list(row)) {
        memcpy(&n, (const char *)options + row->count, sizeof n);
        return n > 0;
    }
    memcpy(&text, (const char *)options + row->place, sizeof text);
    return text != NULL;
}

static void dump_value(const struct options *options,
                       const struct option_row *row)
{
    const void *place = (const char *)options + row->place;
    int64_t number;

    switch (row->kind) {
    case OPTION_TEXT:
    case OPTION_WORD:
        dump_texts(options, row);
        break;
    case OPTION_FLAG:
    case OPTION_HOW:
        fputs(*(const bool *)place ? "true" : "false", stdout);
        break;
    case OPTION_NUMBER:
        memcpy(&number, place, sizeof number);
        printf("%lld", (long long)number);
        break;
    case OPTION_DURATION:
        memcpy(&number, place, sizeof number);
        if (number == 0)
            fputs("forever", stdout);
        else if (number % DAY_S == 0)
            printf("%lldd", (long long)(number / DAY_S));
        else
            printf("%llds", (long long)number);
        break;
    }
}

static void dump_origin(const struct options *options, unsigned row)
{
    char variable[48];

    switch ((enum options_origin)options->origin[row]) {
    case OPTIONS_DEFAULT:
        puts(" # default");
        break;
    case OPTIONS_FILE:
        printf(" # file %s\n", options->config);
        break;
    case OPTIONS_ENVIRONMENT:
        option_variable(&option_rows[row], variable);
        printf(" # environment %s\n", variable);
        break;
    case OPTIONS_FLAG:
        printf(" # flag --%s\n", option_rows[row].name);
        break;
    }
}

void options_dump(const struct options *options)
{
    for (unsigned i = 0; option_rows[i].name; i++) {
        const struct option_row *row = &option_rows[i];

        if (row->flag_only || row->kind == OPTION_HOW)
            continue;
        if (!is_there(options, row)) {
            printf("# %s: not set\n", row->name);
            continue;
        }
        printf("%s: ", row->name);
        dump_value(options, row);
        dump_origin(options, i);
    }
}
