/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/module_table.h"

#include <stdlib.h>

struct module_table {
    struct module_row *rows;
    size_t n, room;
    uint32_t *places; /* places of rows + 1; a power of two */
    size_t n_places;
};

static size_t place_of(const struct module_table *table, uint64_t imei)
{
    imei *= 0x9E3779B97F4A7C15U;
    return (size_t)(imei >> 32) & (table->n_places - 1);
}

struct module_table *module_table_create(void)
{
    struct module_table *table = calloc(1, sizeof *table);

    if (!table)
        return NULL;
    table->room = 1024;
    table->n_places = 2048;
    table->rows = malloc(table->room * sizeof *table->rows);
    table->places = calloc(table->n_places, sizeof *table->places);
    if (table->rows && table->places)
        return table;
    module_table_destroy(table);
    return NULL;
}

void module_table_destroy(struct module_table *table)
{
    if (!table)
        return;
    free(table->rows);
    free(table->places);
    free(table);
}

struct module_row *module_table_find(struct module_table *table, uint64_t imei)
{
    size_t at = place_of(table, imei);

    for (; table->places[at]; at = (at + 1) & (table->n_places - 1)) {
        struct module_row *row = &table->rows[table->places[at] - 1];

        if (row->imei == imei)
            return row;
    }
    return NULL;
}

static void enter(struct module_table *table, size_t i)
{
    size_t at = place_of(table, table->rows[i].imei);

    while (table->places[at])
        at = (at + 1) & (table->n_places - 1);
    table->places[at] = (uint32_t)i + 1;
}

static bool grow(struct module_table *table)
{
    size_t room = table->room * 2;
    struct module_row *rows = realloc(table->rows, room * sizeof *rows);
    uint32_t *places;

    if (!rows)
        return false;
    table->rows = rows;
    places = calloc(room * 2, sizeof *places);
    if (!places)
        return false;
    free(table->places);
    table->places = places;
    table->n_places = room * 2;
    table->room = room;
    for (size_t i = 0; i < table->n; i++)
        enter(table, i);
    return true;
}

struct module_row *module_table_put(struct module_table *table,
                                    const struct module_row *row)
{
    struct module_row *found = module_table_find(table, row->imei);

    if (found) {
        *found = *row;
        return found;
    }
    if (table->n == UINT32_MAX - 1 || (table->n == table->room && !grow(table)))
        return NULL;
    table->rows[table->n] = *row;
    enter(table, table->n);
    return &table->rows[table->n++];
}

size_t module_table_count(const struct module_table *table)
{
    return table->n;
}

struct module_row *module_table_at(struct module_table *table, size_t i)
{
    return &table->rows[i];
}
