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
            if (dfota_text_past(line, *m))
                return families[i];
        }
    }
    return NULL;
}

const struct dfota_code *dfota_code_find(const struct dfota_code_table *table,
                                         int32_t number)
{
    for (size_t i = 0; table && i < table->count; i++) {
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

enum dfota_meaning dfota_family_check_url(const struct dfota_family *family,
                                          const char *url)
{
    const char *scheme = family->schemes;
    size_t len = 0;

    if (!scheme)
        return DFOTA_MEANING_FILE_ONLY;
    if (dfota_family_check_text(url))
        return DFOTA_MEANING_URL_CHARACTERS;
    /* Without regard to case; :// has none. */
    while (scheme[len]) {
        if ((url[len] | 0x20) == (scheme[len] | 0x20)) {
            len++;
        } else {
            scheme += dfota_text_len(scheme) + 1;
            len = 0;
            if (!*scheme)
                return DFOTA_MEANING_SCHEME;
        }
    }
    if (!url[len] || url[len] == '/' || url[len] == ':')
        return DFOTA_MEANING_NO_HOST;
    return dfota_text_len(url) > family->url_max ? DFOTA_MEANING_URL_LENGTH
                                                 : DFOTA_MEANING_NONE;
}
