/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/fota_client.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "modem/modem.h"
#include "os/log.h"

/* Numbers of the server that the client acts on. */
enum { CODE_EXPIRED = 812, CODE_BAD_REFRESH = 853 };

static void call(struct fota_client *c, enum fota_call what);

static const char *login_name(const struct module *m)
{
    return m->c->fota_name ? m->c->fota_name : m->d->radio.imei;
}

static uint16_t number_of(const struct fota_client *c, enum cause cause)
{
    return c->m->d->answers[cause].number;
}

static void cease(struct fota_client *c)
{
    link_close(c->link);
    uv_timer_stop(&c->timer);
    buffer_clear(&c->answer);
    c->call = FOTA_CALL_NONE;
}

static void on_over(uv_timer_t *timer)
{
    struct fota_client *c = timer->data;
    uint16_t number = c->number;

    cease(c);
    c->goal = FOTA_CALL_NONE;
    c->done(c->m, number, number == 0 ? &c->plan : NULL);
}

static int finish(struct fota_client *c, uint16_t number)
{
    c->over = true;
    c->number = number;
    uv_timer_start(&c->timer, on_over, 0, 0);
    return DFOTA_E_CANCELLED;
}

/* The next call begins outside of the link's callback. */
static void on_next(uv_timer_t *timer)
{
    struct fota_client *c = timer->data;

    call(c, c->call);
}

static void next(struct fota_client *c, enum fota_call what)
{
    c->call = what;
    c->tries = 0;
    uv_timer_start(&c->timer, on_next, 0, 0);
}

static bool take(char *to, size_t room, const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text && text[0] && snprintf(to, room, "%s", text) < (int)room;
}

static bool take_digest(struct fota_plan *p, const json_t *o)
{
    const char *hex = json_string_value(json_object_get(o, "sha256"));

    p->has_digest = hex != NULL;
    if (!hex)
        return true;
    if (strlen(hex) != 2 * sizeof p->sha256)
        return false;
    for (size_t i = 0; i < sizeof p->sha256; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        char *end;

        p->sha256[i] = (uint8_t)strtoul(digits, &end, 16);
        if (!isxdigit((unsigned char)digits[0]) || *end != '\0')
            return false;
    }
    return true;
}

static void take_token(struct fota_client *c, const json_t *o)
{
    struct module *m = c->m;

    if (!take(c->access_token, sizeof c->access_token, o, "access_token") ||
        !take(m->set.refresh_token, sizeof m->set.refresh_token, o,
              "refresh_token")) {
        c->access_token[0] = m->set.refresh_token[0] = '\0';
        finish(c, number_of(c, CAUSE_TLS));
        return;
    }
    settings_save(&m->set);
    next(c, c->goal);
}

static void take_plan(struct fota_client *c, const json_t *o)
{
    struct fota_plan *p = &c->plan;
    json_int_t size = json_integer_value(json_object_get(o, "size"));

    if (!take(p->plan, sizeof p->plan, o, "plan") ||
        !take(p->attempt, sizeof p->attempt, o, "attempt") ||
        !take(p->url, sizeof p->url, o, "url") || !take_digest(p, o))
        finish(c, number_of(c, CAUSE_TLS));
    else if (size > (json_int_t)c->m->c->memory.package)
        finish(c, number_of(c, CAUSE_TOO_LARGE));
    else
        finish(c, 0);
}

static uint16_t known(const struct fota_client *c, json_int_t code)
{
    for (const uint16_t *n = c->m->d->polling->numbers; *n; n++) {
        if (*n == code)
            return *n;
    }
    return number_of(c, CAUSE_STATUS);
}

/* A token that ran out is renewed within the same poll; one that cannot be
 * renewed is replaced by name and password. */
static void refused(struct fota_client *c, json_int_t code)
{
    bool token = c->call == FOTA_CALL_LOGIN || c->call == FOTA_CALL_REFRESH;

    if (c->call == FOTA_CALL_REFRESH && code == CODE_BAD_REFRESH) {
        c->m->set.refresh_token[0] = '\0';
        settings_save(&c->m->set);
        next(c, FOTA_CALL_LOGIN);
    } else if (!token && code == CODE_EXPIRED && !c->renewed) {
        c->renewed = true;
        c->access_token[0] = '\0';
        next(c,
             c->m->set.refresh_token[0] ? FOTA_CALL_REFRESH : FOTA_CALL_LOGIN);
    } else {
        finish(c, known(c, code));
    }
}

static void on_answer(struct fota_client *c)
{
    json_t *o = json_loadb(c->answer.data ? c->answer.data : "", c->answer.len,
                           JSON_REJECT_DUPLICATES, NULL);

    if (c->status != 200)
        refused(c, json_integer_value(json_object_get(o, "code")));
    else if (!json_is_object(o))
        finish(c, number_of(c, CAUSE_TLS));
    else if (c->call == FOTA_CALL_PLAN)
        take_plan(c, o);
    else if (c->call == FOTA_CALL_RESULT)
        finish(c, 0);
    else
        take_token(c, o);
    json_decref(o);
}

static void on_error(struct fota_client *c, enum link_error error)
{
    const struct timing *t = &c->m->d->timing;

    switch (error) {
    case LINK_CONNECT:
        if (++c->tries < t->connect_tries)
            uv_timer_start(&c->timer, on_next,
                           module_pause(c->m, t->connect_pause), 0);
        else
            finish(c, number_of(c, CAUSE_CONNECT));
        break;
    case LINK_LOST:
        finish(c, number_of(c, CAUSE_LOST));
        break;
    case LINK_SILENT:
        finish(c, number_of(c, CAUSE_TIMEOUT));
        break;
    default:
        finish(c, number_of(c, CAUSE_TLS));
    }
}

static int on_event(void *ctx, const struct link_event *e)
{
    struct fota_client *c = ctx;

    if (c->over)
        return DFOTA_E_CANCELLED;
    switch (e->kind) {
    case LINK_HEAD:
        c->status = e->status;
        return 0;
    case LINK_DATA:
        if (buffer_add(&c->answer, e->data, e->len) != 0)
            return finish(c, number_of(c, CAUSE_TLS));
        return 0;
    case LINK_END:
        on_answer(c);
        return 0;
    default:
        log_debug("FOTA server: %s", e->text);
        on_error(c, e->error);
        return 0;
    }
}

/* Unreserved characters stay, RFC 3986 2.3. */
static void add_query(struct buffer *url, const char *key, const char *value)
{
    buffer_add_str(url, key);
    for (; *value; value++) {
        if (isalnum((unsigned char)*value) || strchr("-._~,", *value))
            buffer_add(url, value, 1);
        else
            buffer_printf(url, "%%%02X", (unsigned char)*value);
    }
}

static void plan_url(const struct fota_client *c, struct buffer *url)
{
    const struct module *m = c->m;

    add_query(url, "/fota/v1/plan?imei=", m->d->radio.imei);
    add_query(url, "&model=", m->d->polling->model);
    add_query(url, "&version=", m->version);
    buffer_printf(url, "&battery=%u&rssi=%d&access=http,https",
                  m->radio.battery, m->radio.rssi_dbm);
}

/* JSON of the call's body, malloc'd; NULL: it has none. */
static char *body_of(const struct fota_client *c)
{
    const struct module *m = c->m;
    json_t *o = NULL;
    char *text;

    if (c->call == FOTA_CALL_RESULT)
        return strdup(c->report);
    if (c->call == FOTA_CALL_REFRESH)
        o = json_pack("{ss ss}", "refresh_token", m->set.refresh_token, "imei",
                      m->d->radio.imei);
    if (c->call == FOTA_CALL_LOGIN)
        o = json_pack("{ss ss ss}", "name", login_name(m), "password",
                      m->c->fota_password ? m->c->fota_password : "", "imei",
                      m->d->radio.imei);
    text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text;
}

static void send_call(struct fota_client *c, const char *url)
{
    struct module *m = c->m;
    bool token = c->call == FOTA_CALL_PLAN || c->call == FOTA_CALL_RESULT;
    char *body = body_of(c);
    struct link_request r = {
        .url = url,
        .ip_type = 2,
        .connect_ms = module_patience(m, m->d->timing.connect),
        .silence_ms = module_patience(m, m->d->timing.silence),
        .ca = c->ca,
        .json = body,
        .bearer = token ? c->access_token : NULL,
        .callback = on_event,
        .ctx = c,
    };

    if (!radio_registered(&m->radio))
        on_error(c, LINK_CONNECT);
    else if ((!body && c->call != FOTA_CALL_PLAN) ||
             link_open(c->link, &r) != 0)
        finish(c, number_of(c, CAUSE_TLS));
    free(body);
}

static void call(struct fota_client *c, enum fota_call what)
{
    static const char *const paths[] = {
        [FOTA_CALL_REFRESH] = "/fota/v1/token",
        [FOTA_CALL_LOGIN] = "/fota/v1/token",
        [FOTA_CALL_RESULT] = "/fota/v1/result",
    };
    struct buffer url;

    c->call = what;
    c->status = 0;
    buffer_clear(&c->answer);
    buffer_init(&url, FOTA_CALL_MAX);
    buffer_add_str(&url, c->m->c->fota_server);
    if (what == FOTA_CALL_PLAN)
        plan_url(c, &url);
    else
        buffer_add_str(&url, paths[what]);
    send_call(c, url.data);
    buffer_release(&url);
}

static void begin(struct fota_client *c, enum fota_call goal)
{
    enum fota_call first = goal;

    cease(c);
    c->goal = goal;
    c->over = c->renewed = false;
    if (!c->m->c->fota_server) {
        log_error("no --fota-server: nobody to ask");
        finish(c, number_of(c, CAUSE_CONNECT));
        return;
    }
    free(c->ca);
    c->ca = module_file(c->m, c->m->d->ca_file);
    if (!c->access_token[0])
        first =
            c->m->set.refresh_token[0] ? FOTA_CALL_REFRESH : FOTA_CALL_LOGIN;
    next(c, first);
}

void fota_client_ask(struct fota_client *c)
{
    begin(c, FOTA_CALL_PLAN);
}

void fota_client_report(struct fota_client *c, bool is_update, uint32_t code)
{
    const struct module *m = c->m;
    json_t *o =
        json_pack("{ss ss ss ss sI}", "imei", m->d->radio.imei, "plan",
                  m->set.plan, "attempt", m->set.attempt, "version", m->version,
                  is_update ? "update_err" : "http_err", (json_int_t)code);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

    snprintf(c->report, sizeof c->report, "%s", text ? text : "{}");
    free(text);
    json_decref(o);
    begin(c, FOTA_CALL_RESULT);
}

void fota_client_stop(struct fota_client *c)
{
    cease(c);
    c->goal = FOTA_CALL_NONE;
    c->access_token[0] = '\0';
}

void fota_client_init(struct fota_client *c, struct module *m)
{
    *c = (struct fota_client){.m = m,
                              .link = link_http_create(m->loop, &m->fault)};
    buffer_init(&c->answer, FOTA_ANSWER_MAX);
    uv_timer_init(m->loop, &c->timer);
    c->timer.data = c;
}

void fota_client_close(struct fota_client *c)
{
    cease(c);
    buffer_release(&c->answer);
    free(c->ca);
    link_destroy(c->link);
    uv_close((uv_handle_t *)&c->timer, NULL);
}
