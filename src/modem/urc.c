/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/urc.h"

#include <stdio.h>
#include <string.h>

#include "modem/modem.h"

static const char *const words[] = {
    [STAGE_HTTPSTART] = "HTTPSTART",
    [STAGE_COAPSTART] = "COAPSTART",
    [STAGE_DOWNLOADING] = "DOWNLOADING",
    [STAGE_HTTPEND] = "HTTPEND",
    [STAGE_COAPEND] = "COAPEND",
    [STAGE_UPDATE_TIMEOUT] = "UPDATE_TIMEOUT",
    [STAGE_RESETTING] = "RESETTING",
    [STAGE_START] = "START",
    [STAGE_UPDATING] = "UPDATING",
    [STAGE_RESTORE] = "RESTORE",
    [STAGE_END] = "END",
};

/* The misprints that change or drop the word of one stage. */
static const struct {
    uint32_t quirk;
    enum stage stage;
    const char *word; /* NULL: the line is missing */
} misprints[] = {
    {QUIRK_HTTPTART, STAGE_HTTPSTART, "HTTPTART"},
    {QUIRK_HTTP_START, STAGE_HTTPSTART, "HTTP START"},
    {QUIRK_HTTPPEND, STAGE_HTTPEND, "HTTPPEND"},
    {QUIRK_RESETTING_BLANK, STAGE_RESETTING, " RESETTING"},
    {QUIRK_NO_DOWNLOADING, STAGE_DOWNLOADING, NULL},
    {QUIRK_NO_START, STAGE_START, NULL},
    {QUIRK_NO_END, STAGE_END, NULL},
};

static const char *const quirk_names[] = {
    "httptart",      "http-start",    "httppend",       "resetting-blank",
    "resetting-3",   "comma-blank",   "percent-none",   "percent-tight",
    "percent-blank", "polling-blank", "banner-upgrade", "banner-update",
    "banner-blank",  "banner-tight",  "no-downloading", "no-start",
    "no-end",        "rdy-middle",    "end-glued",
};

uint32_t quirk_find(const char *name)
{
    for (size_t i = 0; i < sizeof quirk_names / sizeof quirk_names[0]; i++) {
        if (strcmp(name, quirk_names[i]) == 0)
            return UINT32_C(1) << i;
    }
    return 0;
}

const char *quirk_name(unsigned i)
{
    return i < sizeof quirk_names / sizeof quirk_names[0] ? quirk_names[i]
                                                          : NULL;
}

/* NULL: a quirk leaves this stage out. */
static const char *word_of(const struct module *m, enum stage stage)
{
    for (size_t i = 0; i < sizeof misprints / sizeof misprints[0]; i++) {
        if (m->c->quirks & misprints[i].quirk && misprints[i].stage == stage)
            return misprints[i].word;
    }
    return words[stage];
}

static void print(struct module *m, enum stage stage, const char *tail)
{
    const char *word = word_of(m, stage);
    const char *comma = m->c->quirks & QUIRK_COMMA_BLANK ? ", " : ",";

    if (word)
        terminal_urc(m, "+QIND: \"%s\"%s\"%s\"%s", m->agent.words->tag, comma,
                     word, tail);
}

void urc_stage(struct module *m, enum stage stage)
{
    bool thrice = stage == STAGE_RESETTING && m->c->quirks & QUIRK_RESETTING_3;

    for (int i = 0; i < (thrice ? 3 : 1); i++)
        print(m, stage, "");
}

/* The documents spell this line in every way there is. */
void urc_resumed(struct module *m)
{
    const struct wording *w = m->agent.words;
    uint32_t quirks = m->c->quirks;
    const char *word = w->resume_word;
    bool blank = w->resume_blank;

    if (quirks & QUIRK_BANNER_UPGRADE)
        word = "upgrade";
    if (quirks & QUIRK_BANNER_UPDATE)
        word = "update";
    if (quirks & QUIRK_BANNER_BLANK)
        blank = true;
    if (quirks & QUIRK_BANNER_TIGHT)
        blank = false;
    terminal_urc(m, "+QIND: \"%s\",\"Last %s was not finished,%scontinue %s\"",
                 w->tag, word, blank ? " " : "", word);
}

void urc_poll(struct module *m, const char *word, const char *what, int number)
{
    const char *comma = m->c->quirks & QUIRK_COMMA_BLANK ? ", " : ",";
    const char *tag = m->d->polling->words.tag;

    if (strcmp(word, "polling_time") == 0 && m->c->quirks & QUIRK_POLLING_BLANK)
        word = "polling time";
    if (!what)
        terminal_urc(m, "+QIND: \"%s\"%s\"%s\",%d", tag, comma, word, number);
    else if (number < 0)
        terminal_urc(m, "+QIND: \"%s\"%s\"%s\"%s\"%s\"", tag, comma, word,
                     comma, what);
    else
        terminal_urc(m, "+QIND: \"%s\"%s\"%s\"%s\"%s\",%d", tag, comma, word,
                     comma, what, number);
}

void urc_end(struct module *m, enum stage stage, unsigned number)
{
    char tail[16];

    snprintf(tail, sizeof tail, ",%u", number);
    print(m, stage, tail);
}

static void print_percent(struct module *m, const struct urc_counter *c,
                          unsigned percent)
{
    uint32_t quirks = m->c->quirks;
    bool blank = c->rule->blank, sign = c->rule->sign;
    char tail[16];

    if (quirks & (QUIRK_PERCENT_NONE | QUIRK_PERCENT_TIGHT))
        blank = false;
    if (quirks & QUIRK_PERCENT_BLANK)
        blank = true;
    if (quirks & (QUIRK_PERCENT_TIGHT | QUIRK_PERCENT_BLANK))
        sign = true;
    if (quirks & QUIRK_PERCENT_NONE)
        sign = false;
    m->term.glue = quirks & QUIRK_END_GLUED && c->stage == STAGE_UPDATING &&
                   percent == 100;
    snprintf(tail, sizeof tail, ",%s%u%s", blank ? " " : "", percent,
             sign ? "%" : "");
    print(m, c->stage, tail);
    if (quirks & QUIRK_RDY_MIDDLE && c->stage == STAGE_UPDATING &&
        percent < 50 && percent + c->rule->step >= 50)
        terminal_urc(m, "RDY");
}

void urc_count_begin(struct urc_counter *c, enum stage stage,
                     const struct percent *rule)
{
    *c = (struct urc_counter){
        .stage = stage, .rule = rule, .next = rule->step ? rule->first : 101};
}

void urc_count(struct module *m, struct urc_counter *c, unsigned percent)
{
    while (c->next <= percent && c->next <= 100) {
        print_percent(m, c, c->next);
        /* A step that would pass the end stops at 100 first. */
        if (c->next < 100 && c->next + c->rule->step > 100)
            c->next = 100;
        else
            c->next += c->rule->step;
    }
}
