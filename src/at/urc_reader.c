/* SPDX-License-Identifier: Apache-2.0 */
#include "at/urc_reader.h"
#include "at/text.h"
#include <stdbool.h>

/* Each its kind and its letters. Other characters do not count, nor do small
 * ones, which only the banner of a resumed update has. One text, since rows of
 * one width cost a micro-controller half as much again. */
static const char words[] =
    "\3HTTPSTART\0"
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
    "\11L\0" /* Last upgrade, or update, was not finished.. */
    "\12UPDATING\0"
    "\12RESTORE\0"
    "\13END\0";

_Static_assert(DFOTA_URC_DL_START == 3 && DFOTA_URC_DL_COAP == 4 &&
                   DFOTA_URC_DL == 5 && DFOTA_URC_DL_END == 6 &&
                   DFOTA_URC_DELAY == 7 && DFOTA_URC_RESETTING == 8 &&
                   DFOTA_URC_START == 9 && DFOTA_URC_UPDATING == 10 &&
                   DFOTA_URC_END == 11,
               "the kinds in words[]");

/* Is the next field, quoted or not, this word? Only upper case and digits
 * count. returns what follows it */
static const char *field(const char *s, const char *word)
{
    while (*s == ' ' || *s == ',' || *s == '"')
        s++;
    for (; *s && *s != '"' && *s != ',' && *s != '+'; s++) {
        bool counts = (uint8_t)(*s - 'A') < 26 || (uint8_t)(*s - '0') < 10;

        if (counts && *word++ != *s)
            return NULL;
    }
    return *word ? NULL : s;
}

const char *dfota_urc_next(const char *text, struct dfota_urc *urc)
{
    const char *rest = NULL;

    urc->value = DFOTA_URC_NO_VALUE;
    /* SBFOTA ends in FOTA, too. */
    for (const char *s = text; *s && !rest; s++)
        rest = field(s, "FOTA");
    if (!rest) {
        /* RDY may have noise in front of it: a line that ends so is enough. */
        rest = dfota_text_past(text, "RDY");
        urc->kind = dfota_text_past(text, "APP RDY") ? DFOTA_URC_APP_RDY
                                                     : DFOTA_URC_RDY;
        return rest && !*rest ? rest : NULL;
    }
    text = rest;
    urc->kind = DFOTA_URC_OTHER;
    for (const char *w = words; *w; w += dfota_text_len(w) + 1) {
        rest = field(text, w + 1);
        if (rest) {
            urc->kind = (uint8_t)*w;
            text = rest;
            break;
        }
    }
    while (*text == ',' || *text == ' ' || *text == '"')
        text++;
    rest = dfota_text_int(text, &urc->value);
    /* In-band LwM2M says START and COMPLETED where others have a percent. */
    if (urc->kind == DFOTA_URC_DL && field(text, "COMPLETED")) {
        urc->kind = DFOTA_URC_DL_END;
        urc->value = 0;
    }
    return rest ? rest : text;
}
