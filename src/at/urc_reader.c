/* SPDX-License-Identifier: Apache-2.0 */
#include "at/urc_reader.h"
#include "at/text.h"

#define WORD_ROOM 14

/* Each its kind and its letters: upper case, letters and digits only; blanks
 * and underscores of the misprints fall out before the comparison. One text,
 * since rows of one width cost a micro-controller half as much again. */
static const char words[] = "\3HTTPSTART\0"
                            "\3HTTPTART\0"
                            "\4COAPSTART\0"
                            "\5DOWNLOADING\0"
                            "\6HTTPEND\0"
                            "\6HTTPPEND\0"
                            "\6COAPEND\0"
                            "\6DOWNLOADED\0"
                            "\7UPDATETIMEOUT\0"
                            "\10RESETTING\0"
                            "\11START\0"
                            "\12UPDATING\0"
                            "\12RESTORE\0"
                            "\13END\0";

_Static_assert(DFOTA_URC_DL_START == 3 && DFOTA_URC_DL_COAP == 4 &&
                   DFOTA_URC_DL == 5 && DFOTA_URC_DL_END == 6 &&
                   DFOTA_URC_DELAY == 7 && DFOTA_URC_RESETTING == 8 &&
                   DFOTA_URC_START == 9 && DFOTA_URC_UPDATING == 10 &&
                   DFOTA_URC_END == 11,
               "the kinds in words[]");

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_word_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* One field, quoted or not, as a word; what follows it, its comma included. */
static const char *read_field(const char *s, char *word)
{
    size_t len = 0;
    char stop = ',';

    while (*s == ' ' || *s == ':' || *s == ',')
        s++;
    if (*s == '"')
        stop = *s++;
    for (; *s && *s != stop && *s != '+'; s++) {
        if (is_word_char(upper(*s)) && len < WORD_ROOM)
            word[len++] = upper(*s);
    }
    word[len] = '\0';
    return *s == '"' ? s + 1 : s;
}

static uint8_t kind_of(const char *word)
{
    for (const char *w = words; *w; w += dfota_text_len(w) + 1) {
        if (dfota_text_equal(word, w + 1))
            return (uint8_t)*w;
    }
    /* "Last upgrade/update was not finished..": the words differ. */
    return dfota_text_after(word, "LASTUP") ? DFOTA_URC_START : DFOTA_URC_OTHER;
}

/* In-band LwM2M says START and COMPLETED where others have a percent. */
static void read_lwm2m_word(const char *s, struct dfota_urc *urc)
{
    char word[WORD_ROOM + 1];

    read_field(s, word);
    if (dfota_text_equal(word, "COMPLETED")) {
        urc->kind = DFOTA_URC_DL_END;
        urc->has_value = true;
        urc->value = 0;
    }
}

static const char *read_value(const char *s, struct dfota_urc *urc)
{
    const char *rest;

    while (*s == ',' || *s == ' ')
        s++;
    rest = dfota_text_int(s, &urc->value);
    urc->has_value = rest != NULL;
    if (urc->kind == DFOTA_URC_DL && !rest)
        read_lwm2m_word(s, urc);
    if ((urc->kind == DFOTA_URC_DL || urc->kind == DFOTA_URC_UPDATING) &&
        (urc->value < 0 || urc->value > 100))
        urc->has_value = false;
    return rest ? rest : s;
}

/* RDY may have noise in front of it: a line that ends so is enough. */
static bool is_banner(const char *text, struct dfota_urc *urc)
{
    size_t len = dfota_text_len(text);

    urc->has_value = false;
    if (len >= 3 && dfota_text_equal(text + len - 3, "RDY"))
        urc->kind = len >= 7 && dfota_text_equal(text + len - 7, "APP RDY")
                        ? DFOTA_URC_APP_RDY
                        : DFOTA_URC_RDY;
    else
        return false;
    return true;
}

const char *dfota_urc_next(const char *text, struct dfota_urc *urc)
{
    char word[WORD_ROOM + 1];
    const char *rest;

    for (const char *s = text; *s; s++) {
        rest = dfota_text_after(s, "+QIND");
        if (!rest)
            rest = dfota_text_after(s, "+LWM2M");
        if (!rest)
            continue;
        rest = read_field(rest, word);
        if (!dfota_text_equal(word, "FOTA") &&
            !dfota_text_equal(word, "SBFOTA"))
            continue;
        rest = read_field(rest, word);
        urc->kind = kind_of(word);
        return read_value(rest, urc);
    }
    if (!is_banner(text, urc))
        return NULL;
    return text + dfota_text_len(text);
}
