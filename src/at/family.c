/* SPDX-License-Identifier: Apache-2.0 */
#include "at/family.h"
#include "at/text.h"
#include "base/err.h"

static const struct dfota_code outside = {0, DFOTA_CLASS_UNKNOWN,
                                          DFOTA_MEANING_OUTSIDE};

const struct dfota_family *
dfota_family_named(const struct dfota_family *const *families, size_t count,
                   const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (dfota_text_equal(families[i]->name, name))
            return families[i];
    }
    return NULL;
}

const struct dfota_family *
dfota_family_of_model(const struct dfota_family *const *families, size_t count,
                      const char *line)
{
    for (size_t i = 0; i < count; i++) {
        for (const char *const *m = families[i]->models; *m; m++) {
            if (dfota_text_find(line, *m))
                return families[i];
        }
    }
    return NULL;
}

const struct dfota_code *dfota_code_find(const struct dfota_code_table *table,
                                         int32_t number)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->codes[i].number == number)
            return &table->codes[i];
    }
    return &outside;
}

int dfota_family_check_text(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~' || *text == '"')
            return DFOTA_E_ARG;
    }
    return DFOTA_OK;
}

/* The bit of the URL's scheme, 0 for none; *rest is what follows "://". */
static uint8_t scheme_of(const char *url, const char **rest)
{
    static const char names[][6] = {"http", "https", "coap", "coaps"};

    for (uint8_t i = 0; i < 4; i++) {
        const char *name = names[i];
        const char *s = url;

        while (*name && (*s | 0x20) == *name) {
            s++;
            name++;
        }
        *rest = *name ? NULL : dfota_text_after(s, "://");
        if (*rest)
            return (uint8_t)(1U << i);
    }
    return 0;
}

int dfota_family_check_url(const struct dfota_family *family, const char *url)
{
    const char *host;

    if (dfota_family_check_text(url))
        return DFOTA_E_ARG;
    if (!(scheme_of(url, &host) & family->schemes))
        return DFOTA_E_UNSUPPORTED;
    if (!*host || *host == '/' || *host == ':')
        return DFOTA_E_ARG;
    return dfota_text_len(url) > family->url_max ? DFOTA_E_FULL : DFOTA_OK;
}
