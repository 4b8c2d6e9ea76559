/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

enum { COLUMNS_MAX = 16, CELL_ROOM = 256 };

/* What a terminal would obey is shown as '?': it came from modules. */
static void clean(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

static void cell_of(const json_t *value, char out[CELL_ROOM])
{
    char *text;

    if (!value || json_is_null(value))
        snprintf(out, CELL_ROOM, "-");
    else if (json_is_string(value))
        snprintf(out, CELL_ROOM, "%s",
                 json_string_length(value) ? json_string_value(value) : "-");
    else if (json_is_integer(value))
        snprintf(out, CELL_ROOM, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        snprintf(out, CELL_ROOM, "%s", json_is_true(value) ? "yes" : "no");
    else {
        text = json_dumps(value, JSON_COMPACT);
        snprintf(out, CELL_ROOM, "%s", text ? text : "?");
        free(text);
    }
    clean(out);
}

static unsigned split(const char *columns, char names[COLUMNS_MAX][24])
{
    unsigned n = 0;

    while (*columns && n < COLUMNS_MAX) {
        size_t len = strcspn(columns, " ");

        snprintf(names[n++], 24, "%.*s", (int)len, columns);
        columns += len;
        columns += strspn(columns, " ");
    }
    return n;
}

static void print_line(const json_t *item, char names[COLUMNS_MAX][24],
                       unsigned n, const int *widths)
{
    char cell[CELL_ROOM];

    for (unsigned i = 0; i < n; i++) {
        if (item)
            cell_of(json_object_get(item, names[i]), cell);
        else
            snprintf(cell, sizeof cell, "%.23s", names[i]);
        if (i + 1 < n)
            printf("%-*s  ", widths[i], cell);
        else
            printf("%s\n", cell);
    }
}

static void print_table(const json_t *items, const char *columns)
{
    char names[COLUMNS_MAX][24], cell[CELL_ROOM];
    unsigned n = split(columns, names);
    int widths[COLUMNS_MAX];
    const json_t *item;
    size_t row;

    for (unsigned i = 0; i < n; i++)
        widths[i] = (int)strlen(names[i]);
    json_array_foreach(items, row, item)
    {
        for (unsigned i = 0; i < n; i++) {
            cell_of(json_object_get(item, names[i]), cell);
            if ((int)strlen(cell) > widths[i])
                widths[i] = (int)strlen(cell);
        }
    }
    print_line(NULL, names, n, widths);
    json_array_foreach(items, row, item) print_line(item, names, n, widths);
}

static void print_object(const json_t *object)
{
    char cell[CELL_ROOM];
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        cell_of(value, cell);
        printf("%-12s %s\n", name, cell);
    }
}

void ctl_print(const json_t *answer, const char *columns, bool as_json)
{
    const json_t *items = json_object_get(answer, "items");

    if (as_json) {
        json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
    } else if (items && columns) {
        print_table(items, columns);
    } else {
        print_object(answer);
    }
}
