/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/plan_spec.h"

#include <ctype.h>
#include <stdio.h>
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
    free(spec->imeis.all);
    zone_free(spec->zone);
    *spec = (struct plan_spec){0};
}

static const char *const transports[] = {
    "http", "https", "coap", "coaps", "lwm2m-push", "lwm2m-pull", "host"};

enum { TRANSPORTS = sizeof transports / sizeof transports[0], POLLED = 4 };

/* The place of a word among the first n; n: none of them. */
static unsigned find_transport(const char *word, size_t len, unsigned n)
{
    unsigned i = 0;

    while (i < n && (strlen(transports[i]) != len ||
                     strncmp(transports[i], word, len) != 0))
        i++;
    return i;
}

bool plan_access_parse(const char *text, unsigned *mask)
{
    unsigned found = 0;

    while (*text) {
        size_t len = strcspn(text, ",");
        unsigned i = find_transport(text, len, POLLED);

        if (i == POLLED)
            return false;
        found |= 1U << i;
        text += len;
        if (*text == ',' && *++text == '\0')
            return false;
    }
    *mask = found;
    return found != 0;
}

bool plan_transport_parse(const char *text, unsigned *mask)
{
    unsigned i = find_transport(text, strlen(text), TRANSPORTS);

    *mask = i < TRANSPORTS ? 1U << i : PLAN_PUSH | PLAN_PULL;
    return i < TRANSPORTS || strcmp(text, "lwm2m") == 0;
}

void plan_transport_text(unsigned mask, char *out, size_t room)
{
    size_t len = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < TRANSPORTS; i++) {
        if ((mask & 1U << i) && len < room)
            len +=
                (size_t)snprintf(out + len, room - len, " %s", transports[i]);
    }
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

void plan_imeis_sort(struct plan_imeis *imeis)
{
    qsort(imeis->all, imeis->n, sizeof *imeis->all, compare_imeis);
}

bool plan_imeis_have(const struct plan_imeis *imeis, uint64_t imei)
{
    return imeis->n > 0 && bsearch(&imei, imeis->all, imeis->n, sizeof imei,
                                   compare_imeis) != NULL;
}

bool plan_words_have(const struct plan_words *words, const char *word)
{
    for (size_t i = 0; i < words->n; i++) {
        if (strcmp(words->all[i], word) == 0)
            return true;
    }
    return words->n == 0;
}

int64_t plan_spec_again(const struct plan_spec *spec, int number)
{
    for (size_t i = 0; i < spec->n_retries; i++) {
        if (spec->retries[i].number == number)
            return spec->retries[i].after_s;
    }
    for (size_t i = 0; i < spec->n_barred; i++) {
        if (spec->barred[i] == number)
            return PLAN_NEVER;
    }
    return 0;
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
