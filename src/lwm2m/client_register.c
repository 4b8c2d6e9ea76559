/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client asks of servers: Bootstrap-Request, Register, Update,
 * De-register.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/client_parts.h"

enum { BOOTSTRAP_MS = 247 * 1000 }; /* for the bootstrap server to finish */

/* ---- bootstrap ----------------------------------------------------------- */

static void on_bootstrap_reply(void *ctx, const struct coap_reply *r)
{
    struct lwm2m_client *c = ctx;

    c->request = 0;
    c->now = c->peer->now;
    client_stay_awake(c);
    if (r->outcome != COAP_ANSWERED || r->m->code != COAP_CHANGED)
        client_try_later(c);
    client_rearm(c);
}

static int request(struct lwm2m_client *c, uint8_t code,
                   const struct coap_options *options,
                   const struct buffer *payload, coap_reply_fn *reply)
{
    struct coap_request r = {
        .code = code,
        .options = options->data,
        .options_len = options->len,
        .payload = payload ? (const uint8_t *)payload->data : NULL,
        .payload_len = payload ? payload->len : 0,
        .reply = reply,
        .ctx = c,
    };
    int err = options->err ? options->err : 0;

    if (!err && payload)
        err = payload->err;
    client_stay_awake(c);
    if (!err)
        err = coap_peer_request(c->peer, c->now, &r, &c->request);
    if (err)
        client_try_later(c);
    return err;
}

static void add_query(struct coap_options *o, const char *name,
                      const char *value)
{
    char text[LWM2M_ENDPOINT_MAX + 16];

    snprintf(text, sizeof text, "%s=%s", name, value);
    coap_options_add_str(o, COAP_URI_QUERY, text);
}

void client_send_bootstrap(struct lwm2m_client *c)
{
    uint8_t memory[256];
    struct coap_options o;

    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_str(&o, COAP_URI_PATH, "bs");
    add_query(&o, "ep", c->endpoint);
    if (c->c.v11)
        coap_options_add_str(&o, COAP_URI_QUERY, "pct=112");
    client_set_state(c, LWM2M_BOOTSTRAPPING);
    c->due_ms = c->now + BOOTSTRAP_MS;
    request(c, COAP_POST, &o, NULL, on_bootstrap_reply);
}

uint8_t client_bootstrapped(struct lwm2m_client *c)
{
    const struct lwm2m_security *s = objects_security(c, false);

    if (!s || !objects_server(c) || !s->uri[0])
        return COAP_NOT_ACCEPTABLE;
    c->want_bootstrap = false;
    c->failures = 0;
    client_keep(c);
    /* The answer leaves on this connection before the next one opens. */
    client_wait_until(c, c->now + s->hold_off_s * 1000ULL);
    return COAP_CHANGED;
}

/* ---- registration -------------------------------------------------------- */

/* Update comes before the lifetime ends by what a lossy exchange takes. */
static void schedule_update(struct lwm2m_client *c)
{
    uint64_t lifetime = c->told_lifetime_s * 1000ULL;
    uint64_t margin =
        client_earlier(lifetime / 2, coap_params_wait_ms(c->params));

    c->due_ms = c->now + lifetime - margin;
}

static void keep_location(struct lwm2m_client *c, const struct coap_msg *m)
{
    struct coap_cursor cursor;
    struct coap_option o;
    size_t at = 0;

    c->location[0] = '\0';
    coap_cursor_init(&cursor, m);
    while (coap_cursor_next(&cursor, &o)) {
        if (o.number != COAP_LOCATION_PATH)
            continue;
        if (at + o.len + 2 > sizeof c->location ||
            memchr(o.value, '/', o.len) || memchr(o.value, '\0', o.len)) {
            c->location[0] = '\0';
            return;
        }
        c->location[at++] = '/';
        memcpy(c->location + at, o.value, o.len);
        at += o.len;
        c->location[at] = '\0';
    }
}

static void on_register_reply(void *ctx, const struct coap_reply *r)
{
    struct lwm2m_client *c = ctx;

    c->request = 0;
    c->now = c->peer->now;
    client_stay_awake(c);
    c->location[0] = '\0';
    if (r->outcome == COAP_ANSWERED && r->m->code == COAP_CREATED)
        keep_location(c, r->m);
    if (c->location[0]) {
        c->failures = 0;
        schedule_update(c);
        client_set_state(c, LWM2M_REGISTERED);
    } else {
        client_try_later(c);
    }
    client_rearm(c);
}

static void add_binding(struct lwm2m_client *c, struct coap_options *o,
                        const struct lwm2m_server *s)
{
    bool queue = strchr(s->binding, 'Q');

    /* Queue mode is a binding in 1.0, a parameter in 1.1. */
    coap_options_add_str(o, COAP_URI_QUERY,
                         queue && !c->c.v11 ? "b=UQ" : "b=U");
    if (queue && c->c.v11)
        coap_options_add_str(o, COAP_URI_QUERY, "Q");
}

void client_send_register(struct lwm2m_client *c)
{
    struct lwm2m_path root = lwm2m_path_make(0, 0, 0, 0);
    const struct lwm2m_server *s = objects_server(c);
    uint8_t memory[512];
    char lifetime[16];
    struct coap_options o;
    struct buffer links;

    observe_drop_all(c);
    buffer_init(&links, COAP_PAYLOAD_MAX);
    objects_links(c, &root, true, &links);
    snprintf(lifetime, sizeof lifetime, "%u", s->lifetime_s);
    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_str(&o, COAP_URI_PATH, "rd");
    coap_options_add_uint(&o, COAP_CONTENT_FORMAT, LWM2M_FORMAT_LINK);
    add_query(&o, "ep", c->endpoint);
    add_query(&o, "lt", lifetime);
    add_query(&o, "lwm2m", c->c.v11 ? "1.1" : "1.0");
    add_binding(c, &o, s);
    c->told_lifetime_s = s->lifetime_s;
    c->due_ms = COAP_NEVER;
    client_set_state(c, LWM2M_REGISTERING);
    request(c, COAP_POST, &o, &links, on_register_reply);
    buffer_release(&links);
}

static void on_update_reply(void *ctx, const struct coap_reply *r)
{
    struct lwm2m_client *c = ctx;

    c->request = 0;
    c->now = c->peer->now;
    client_stay_awake(c);
    if (r->outcome != COAP_ANSWERED) {
        /* Nobody there, or no longer this port: from the beginning. */
        client_wait_until(c, c->now);
    } else if (r->m->code == COAP_CHANGED) {
        schedule_update(c);
    } else {
        client_send_register(c);
    }
    client_rearm(c);
}

void client_send_update(struct lwm2m_client *c)
{
    const struct lwm2m_server *s = objects_server(c);
    uint8_t memory[256];
    char lifetime[16];
    struct coap_options o;

    c->update_due = false;
    if (c->request || !s)
        return;
    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_path(&o, c->location);
    if (s->lifetime_s != c->told_lifetime_s) {
        snprintf(lifetime, sizeof lifetime, "%u", s->lifetime_s);
        add_query(&o, "lt", lifetime);
        c->told_lifetime_s = s->lifetime_s;
    }
    add_binding(c, &o, s);
    c->due_ms = COAP_NEVER;
    /* It may tell the server of another port, where a push begins again. */
    c->may_restart = true;
    request(c, COAP_POST, &o, NULL, on_update_reply);
}

void client_off(struct lwm2m_client *c)
{
    c->due_ms = c->disable_ms ? c->now + c->disable_ms : COAP_NEVER;
    client_set_state(c, c->disable_ms ? LWM2M_WAITING : LWM2M_OFF);
    c->disable_ms = 0;
}

static void on_leave_reply(void *ctx, const struct coap_reply *r)
{
    struct lwm2m_client *c = ctx;

    (void)r;
    c->request = 0;
    c->now = c->peer->now;
    client_off(c);
    client_rearm(c);
}

void client_leave(struct lwm2m_client *c)
{
    uint8_t memory[256];
    struct coap_options o;

    c->disable_due = false;
    if (c->state != LWM2M_REGISTERED) {
        client_off(c);
        return;
    }
    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_path(&o, c->location);
    c->due_ms = COAP_NEVER;
    client_set_state(c, LWM2M_LEAVING);
    if (c->request)
        coap_peer_cancel(c->peer, c->now, c->request);
    request(c, COAP_DELETE, &o, NULL, on_leave_reply);
}
