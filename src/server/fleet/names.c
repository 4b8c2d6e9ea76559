/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/names.h"

#include <stdlib.h>
#include <string.h>

struct names {
    char **texts;
    uint32_t n, room, most;
    uint32_t *places; /* hash table of numbers + 1, a power of two */
    uint32_t n_places;
};

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    return hash;
}

struct names *names_create(uint32_t most)
{
    struct names *names = calloc(1, sizeof *names);

    if (!names)
        return NULL;
    names->most = most;
    names->n_places = 64;
    names->room = 32;
    names->places = calloc(names->n_places, sizeof *names->places);
    names->texts = calloc(names->room, sizeof *names->texts);
    if (names->places && names->texts &&
        (names->texts[0] = calloc(1, 1)) != NULL) {
        names->n = 1;
        return names;
    }
    names_destroy(names);
    return NULL;
}

void names_destroy(struct names *names)
{
    if (!names)
        return;
    for (uint32_t i = 0; i < names->n; i++)
        free(names->texts[i]);
    free(names->texts);
    free(names->places);
    free(names);
}

static void put(struct names *names, uint32_t number)
{
    uint32_t at = hash_of(names->texts[number]) & (names->n_places - 1);

    while (names->places[at])
        at = (at + 1) & (names->n_places - 1);
    names->places[at] = number + 1;
}

static int grow(struct names *names)
{
    uint32_t room = names->room * 2, *places;
    char **texts = realloc(names->texts, room * sizeof *texts);

    if (!texts)
        return -1;
    names->texts = texts;
    places = calloc((size_t)room * 2, sizeof *places);
    if (!places)
        return -1;
    free(names->places);
    names->places = places;
    names->n_places = room * 2;
    names->room = room;
    for (uint32_t i = 1; i < names->n; i++)
        put(names, i);
    return 0;
}

uint32_t names_number(struct names *names, const char *text)
{
    uint32_t at;

    if (!text || *text == '\0')
        return 0;
    at = hash_of(text) & (names->n_places - 1);
    for (; names->places[at]; at = (at + 1) & (names->n_places - 1)) {
        if (strcmp(names->texts[names->places[at] - 1], text) == 0)
            return names->places[at] - 1;
    }
    if (names->n >= names->most ||
        (names->n == names->room && grow(names) != 0))
        return 0;
    names->texts[names->n] = strdup(text);
    if (!names->texts[names->n])
        return 0;
    put(names, names->n);
    return names->n++;
}

const char *names_text(const struct names *names, uint32_t number)
{
    return number < names->n ? names->texts[number] : "";
}
