/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/describe.h"

#include <jansson.h>

#include "modem/control.h"
#include "modem/urc.h"

static const char *const cause_names[CAUSE_COUNT] = {
    [CAUSE_NONE] = "none",
    [CAUSE_OFFLINE] = "offline",
    [CAUSE_LOST] = "lost",
    [CAUSE_CONNECT] = "connect",
    [CAUSE_TLS] = "tls",
    [CAUSE_URL] = "url",
    [CAUSE_STATUS] = "status",
    [CAUSE_NOT_FOUND] = "not_found",
    [CAUSE_TIMEOUT] = "timeout",
    [CAUSE_TOO_LARGE] = "too_large",
    [CAUSE_STORE] = "store",
    [CAUSE_LENGTH] = "length",
    [CAUSE_PACKAGE] = "package",
    [CAUSE_MISMATCH] = "mismatch",
    [CAUSE_NO_PACKAGE] = "no_package",
    [CAUSE_UPDATE] = "update",
    [CAUSE_RESTORE] = "restore",
    [CAUSE_MEMORY] = "memory",
    [CAUSE_BUSY] = "busy",
    [CAUSE_WORN] = "worn",
    [CAUSE_PARAMETER] = "parameter",
};

static json_t *strings(const char *const *list)
{
    json_t *a = json_array();

    for (; *list; list++)
        json_array_append_new(a, json_string(*list));
    return a;
}

static void add_command(void *ctx, const struct command *c)
{
    char forms[5] = "";
    size_t n = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (c->forms >> i & 1)
            forms[n++] = "XRWT"[i];
    }
    json_array_append_new(ctx, json_pack("{ss ss ss? ss?}", "name", c->name,
                                         "forms", forms, "test", c->test,
                                         "source", c->source));
}

static json_t *commands(const struct dialect *d)
{
    json_t *a = json_array();

    dialect_commands(d, add_command, a);
    return a;
}

static json_t *extensions(const struct dialect *d)
{
    json_t *a = json_array();

    for (const struct extension *e = d->extensions; e && e->key; e++)
        json_array_append_new(
            a, json_pack("{ss ss?}", "key", e->key, "source", e->source));
    return a;
}

/* A cause that this dialect cannot meet has no row. */
static bool can_happen(const struct dialect *d, int cause)
{
    bool loads = d->url.schemes != 0;
    bool local = d->path_folder || d->fota_forms & FOTA_LOCAL;

    if (cause >= CAUSE_OFFLINE && cause <= CAUSE_LENGTH)
        return loads;
    if (cause == CAUSE_NO_PACKAGE)
        return local;
    if (cause == CAUSE_RESTORE)
        return d->words.restore.step > 0;
    return cause != CAUSE_WORN || d->updates_max > 0;
}

static json_t *answers(const struct dialect *d)
{
    static const char *const forms[] = {"ERROR", "CME", "DOWNLOAD", "UPDATE"};
    json_t *a = json_array();

    for (int i = 0; i < CAUSE_COUNT; i++) {
        const struct answer *row = &d->answers[i];

        if (can_happen(d, i))
            json_array_append_new(
                a, json_pack("{ss ss si ss?}", "cause", cause_names[i], "form",
                             forms[row->form], "number", row->number, "source",
                             row->source));
    }
    return a;
}

static json_t *texts(const struct dialect *d)
{
    json_t *a = json_array();

    for (const struct number_text *t = d->texts; t->text; t++)
        json_array_append_new(
            a, json_pack("{si ss}", "number", t->number, "text", t->text));
    return a;
}

static json_t *percent(const struct percent *p)
{
    return json_pack("{si si sb sb}", "first", p->first, "step", p->step,
                     "blank", p->blank, "sign", p->sign);
}

static json_t *wording(const struct wording *w)
{
    json_t *o =
        json_pack("{ss so so so so ss? sb ss?}", "tag", w->tag, "downloading",
                  percent(&w->downloading), "updating", percent(&w->updating),
                  "restore", percent(&w->restore), "restore_resumed",
                  percent(&w->restore_resumed), "resume_word", w->resume_word,
                  "resume_blank", w->resume_blank, "source", w->source);

    return o;
}

static json_t *polling(const struct polling *p)
{
    json_t *numbers = json_array();

    if (!p) {
        json_decref(numbers);
        return json_null();
    }
    for (const uint16_t *n = p->numbers; *n; n++)
        json_array_append_new(numbers, json_integer(*n));
    return json_pack(
        "{so sI sI sI si si so ss?}", "words", wording(&p->words), "first_s",
        (json_int_t)p->first_s, "again_s", (json_int_t)p->again_s, "spread_s",
        (json_int_t)p->spread_s, "nothing_new", p->nothing_new, "rolled_back",
        p->rolled_back, "numbers", numbers, "source", p->source);
}

static json_t *update_command(const struct dialect *d)
{
    json_t *schemes = json_array();

    for (unsigned i = 0; i < URL_SCHEMES; i++) {
        if (d->url.schemes >> i & 1)
            json_array_append_new(
                schemes, json_string(url_scheme_name((uint8_t)(1U << i))));
    }
    return json_pack(
        "{so si sb sb sb sI ss? ss? ss? sb sI}", "schemes", schemes, "url_max",
        d->url.max, "local", (d->fota_forms & FOTA_LOCAL) != 0, "com",
        (d->fota_forms & FOTA_COM) != 0, "extended",
        (d->fota_forms & FOTA_EXTENDED) != 0, "com_max", (json_int_t)d->com_max,
        "local_file", d->local_file, "path_folder", d->path_folder,
        "after_download", d->after_download, "needs_context", d->needs_context,
        "updates_max", (json_int_t)d->updates_max);
}

static json_t *power(const struct dialect *d)
{
    static const char *const from[] = {"RESETTING", "reset", "START"};

    return json_pack(
        "{ss sb sI sb sb sb so sb ss sI}", "silent_from", from[d->dumb_from],
        "forced_upgrade", d->forced_upgrade, "rate", (json_int_t)d->dumb_rate,
        "rate_if_adaptive", d->dumb_rate_adaptive, "reboot_on_failure",
        d->reboot_on_failure, "keeps_package", d->keeps_package, "banner",
        strings(d->banner), "silent_adaptive", d->silent_adaptive, "rates",
        d->rates, "factory_rate", (json_int_t)d->factory_rate);
}

static json_t *memory(const struct memory *m)
{
    return json_pack("{sI sI sI sI}", "sector", (json_int_t)m->sector, "slot",
                     (json_int_t)m->slot, "backup",
                     (json_int_t)(m->backup ? m->backup : m->slot), "package",
                     (json_int_t)m->package);
}

static json_t *timing(const struct timing *t)
{
    return json_pack(
        "{sI sI sI sI sI sI sI sI sI sI si si}", "start", (json_int_t)t->start,
        "settle", (json_int_t)t->settle, "reset", (json_int_t)t->reset, "boot",
        (json_int_t)t->boot, "ready", (json_int_t)t->ready, "registered",
        (json_int_t)t->registered, "reboot", (json_int_t)t->reboot, "connect",
        (json_int_t)t->connect, "connect_pause", (json_int_t)t->connect_pause,
        "silence", (json_int_t)t->silence, "connect_tries", t->connect_tries,
        "resumes", t->resumes);
}

static json_t *quirks(void)
{
    json_t *a = json_array();

    for (unsigned i = 0; quirk_name(i); i++)
        json_array_append_new(a, json_string(quirk_name(i)));
    return a;
}

static json_t *verbs(void)
{
    json_t *a = json_array();

    for (unsigned i = 0; control_verb(i); i++)
        json_array_append_new(a, json_string(control_verb(i)));
    return a;
}

char *describe(const struct dialect *d)
{
    json_t *o = json_pack(
        "{ss ss ss so so ss so so so so so so so so so so ss? ss? so so}",
        "name", d->name, "source", d->source, "manufacturer", d->manufacturer,
        "also", strings(d->also), "models", strings(d->model),
        "revision_prefix", d->revision_prefix, "update_command",
        update_command(d), "commands", commands(d), "extensions", extensions(d),
        "answers", answers(d), "texts", texts(d), "words", wording(&d->words),
        "polling", polling(d->polling), "power", power(d), "memory",
        memory(&d->memory), "timing", timing(&d->timing), "files_root",
        d->files_root, "ca_file", d->ca_file, "quirks", quirks(), "control",
        verbs());
    char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;

    json_decref(o);
    return text;
}
