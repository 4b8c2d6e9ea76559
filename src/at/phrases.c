/* SPDX-License-Identifier: Apache-2.0 */
#include "at/phrases.h"
#include <stddef.h>

static const char *pick(const char *const *texts, size_t count, uint8_t i)
{
    return i < count ? texts[i] : "?";
}

const char *dfota_class_advice(uint8_t kind)
{
    static const char *const texts[] = {
#define X(name, text) text,
        DFOTA_CLASSES(X)
#undef X
    };

    return pick(texts, DFOTA_CLASS_COUNT, kind);
}

const char *dfota_meaning_text(uint8_t meaning)
{
    static const char *const texts[] = {
#define X(name, text) text,
        DFOTA_MEANINGS(X)
#undef X
    };

    return pick(texts, DFOTA_MEANING_COUNT, meaning);
}

const char *dfota_stage_name(uint8_t stage)
{
    static const char *const texts[] = {
#define X(name, text) text,
        DFOTA_STAGES(X)
#undef X
    };

    return pick(texts, DFOTA_AT_COUNT, stage);
}

const char *dfota_timeout_name(uint8_t timeout)
{
    static const char *const texts[] = {
#define X(name, text, s) text,
        DFOTA_TIMEOUTS(X)
#undef X
    };

    return pick(texts, DFOTA_TIMEOUT_COUNT, timeout);
}
