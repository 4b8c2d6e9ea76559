/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/plan_spec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_S = 86400 };

static void release_words(struct plan_words *words)
{
    for (size_t i = 0; i < words->n; i++)
        free(words->all[i]);
    free(words->all);
}

void plan_spec_release(struct plan_spec *spec)
{
    release_words(&spec->versions);
    release_words(&spec->groups);
    release_words(&spec->tags);
    free(spec->imeis);
    zone_free(spec->zone);
    *spec = (struct plan_spec){0};
}

bool plan_access_parse(const char *text, unsigned *mask)
{
    static const char *const names[] = {"http", "https", "coap", "coaps"};
    unsigned found = 0;

    while (*text) {
        size_t len = strcspn(text, ","), i = 0;

        while (i < 4 &&
               (strlen(names[i]) != len || strncmp(names[i], text, len) != 0))
            i++;
        if (i == 4)
            return false;
        found |= 1U << i;
        text += len;
        if (*text == ',' && *++text == '\0')
            return false;
    }
    *mask = found;
    return found != 0;
}

bool plan_imei_parse(const char *text, uint64_t *imei)
{
    uint64_t number = 0;

    if (!text || strlen(text) != 15)
        return false;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text))
            return false;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *imei = number;
    return number > 0;
}

static int compare_imeis(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void plan_spec_sort(struct plan_spec *spec)
{
    qsort(spec->imeis, spec->n_imeis, sizeof *spec->imeis, compare_imeis);
}

bool plan_words_have(const struct plan_words *words, const char *word)
{
    for (size_t i = 0; i < words->n; i++) {
        if (strcmp(words->all[i], word) == 0)
            return true;
    }
    return words->n == 0;
}

bool plan_spec_has_imei(const struct plan_spec *spec, uint64_t imei)
{
    return spec->n_imeis == 0 || bsearch(&imei, spec->imeis, spec->n_imeis,
                                         sizeof imei, compare_imeis) != NULL;
}

bool plan_spec_bars(const struct plan_spec *spec, int number)
{
    for (size_t i = 0; i < spec->n_barred; i++) {
        if (spec->barred[i] == number)
            return true;
    }
    return false;
}

bool plan_spec_is_open(const struct plan_spec *spec, int64_t now)
{
    int64_t local = now + (spec->zone ? zone_offset(spec->zone, now) : 0);
    int64_t second = (local % DAY_S + DAY_S) % DAY_S;
    int64_t from = (int64_t)spec->from * 60, to = (int64_t)spec->to * 60;

    if (now < spec->start || (spec->end && now >= spec->end))
        return false;
    if (from == to)
        return true;
    return from < to ? second >= from && second < to
                     : second >= from || second < to;
}

int64_t plan_spec_opens(const struct plan_spec *spec, int64_t now)
{
    int64_t moment = now > spec->start ? now : spec->start;

    for (int64_t step = 0; step < (int64_t)8 * DAY_S; step += 60) {
        if (plan_spec_is_open(spec, moment + step))
            return moment + step;
        moment -= step == 0 ? moment % 60 : 0;
    }
    return 0;
}
