/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/csv.h"

#include <stdbool.h>
#include <string.h>

#include "os/buffer.h"

enum { CELL_MAX = 1 << 16 };

struct reader {
    const char *at, *end;
    int line;
    struct buffer cell;
};

static bool take_quoted(struct reader *r)
{
    for (r->at++; r->at < r->end; r->at++) {
        if (*r->at == '\n')
            r->line++;
        if (*r->at == '"') {
            r->at++;
            if (r->at == r->end || *r->at != '"')
                return true;
        }
        buffer_add(&r->cell, r->at, 1);
    }
    return false; /* the quote is never closed */
}

/* returns false: not a cell */
static bool take_cell(struct reader *r)
{
    buffer_clear(&r->cell);
    if (r->at < r->end && *r->at == '"' && !take_quoted(r))
        return false;
    while (r->at < r->end && !strchr(",\r\n", *r->at)) {
        buffer_add(&r->cell, r->at, 1);
        r->at++;
    }
    return r->cell.err == 0;
}

static bool take_line(struct reader *r, json_t *table)
{
    json_t *row = json_array();
    bool fine;

    do {
        fine = take_cell(r) &&
               json_array_append_new(
                   row, json_stringn(r->cell.data, r->cell.len)) == 0;
    } while (fine && r->at < r->end && *r->at == ',' && r->at++);
    if (r->at < r->end && *r->at == '\r')
        r->at++;
    if (fine && r->at < r->end)
        fine = *r->at++ == '\n';
    if (fine && (json_array_size(row) > 1 ||
                 json_string_length(json_array_get(row, 0)) > 0))
        json_array_append(table, row);
    json_decref(row);
    return fine;
}

json_t *csv_parse(const char *text, size_t len, int *bad_line)
{
    struct reader r = {.at = text, .end = text + len, .line = 1};
    json_t *table = json_array();

    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        r.at += 3;
    buffer_init(&r.cell, CELL_MAX);
    for (; table && r.at < r.end; r.line++) {
        if (!take_line(&r, table)) {
            *bad_line = r.line;
            json_decref(table);
            table = NULL;
        }
    }
    buffer_release(&r.cell);
    return table;
}

void csv_print(FILE *out, const json_t *value, char end)
{
    const char *text = json_string_value(value);

    if (json_is_integer(value))
        fprintf(out, "%lld", (long long)json_integer_value(value));
    if (text && (strpbrk(text, ",\"\r\n") || strchr("=+-@", *text))) {
        fputc('"', out);
        if (*text && strchr("=+-@", *text))
            fputc('\'', out);
        for (; *text; text++) {
            if (*text == '"')
                fputc('"', out);
            fputc(*text, out);
        }
        fputc('"', out);
    } else if (text) {
        fputs(text, out);
    }
    fputc(end, out);
}
