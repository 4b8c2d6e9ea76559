/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observations and the attributes that pace them (OMA LwM2M 1.1 Core, 5.1.2
 * and 6.4; RFC 7641). A value that changes is told once pmin has passed
 * since the last notification, and at the latest pmax after it; of a number
 * with gt, lt or st only a change that crosses is told.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/client_parts.h"

static const struct {
    const char *name;
    uint8_t has;
} names[] = {{"pmin", LWM2M_HAS_PMIN},
             {"pmax", LWM2M_HAS_PMAX},
             {"gt", LWM2M_HAS_GT},
             {"lt", LWM2M_HAS_LT},
             {"st", LWM2M_HAS_ST}};

/* ---- attributes ---------------------------------------------------------- */

static void *attribute_at(struct lwm2m_attributes *a, uint8_t has)
{
    switch (has) {
    case LWM2M_HAS_PMIN:
        return &a->pmin_s;
    case LWM2M_HAS_PMAX:
        return &a->pmax_s;
    case LWM2M_HAS_GT:
        return &a->gt;
    case LWM2M_HAS_LT:
        return &a->lt;
    default:
        return &a->st;
    }
}

static bool is_period(uint8_t has)
{
    return has == LWM2M_HAS_PMIN || has == LWM2M_HAS_PMAX;
}

/* "5": set; "" : taken away. */
static int set(struct lwm2m_attributes *a, uint8_t has, const void *text,
               size_t len)
{
    struct lwm2m_value v = {.kind = LWM2M_TEXT, .data = text, .len = len};
    int64_t i;
    double d;

    if (len == 0) {
        a->has &= (uint8_t)~has;
        return 0;
    }
    if (is_period(has)) {
        if (lwm2m_as_integer(&v, &i) != 0 || i < 0 || i > UINT32_MAX / 1000)
            return DFOTA_E_SYNTAX;
        *(uint32_t *)attribute_at(a, has) = (uint32_t)i;
    } else {
        if (lwm2m_as_real(&v, &d) != 0)
            return DFOTA_E_SYNTAX;
        *(double *)attribute_at(a, has) = d;
    }
    a->has |= has;
    return 0;
}

/* What is set together must make sense together. */
static bool is_coherent(const struct lwm2m_attributes *a)
{
    bool gt = a->has & LWM2M_HAS_GT, lt = a->has & LWM2M_HAS_LT;
    bool st = a->has & LWM2M_HAS_ST;

    if (st && a->st <= 0)
        return false;
    if (gt && lt && !(a->lt < a->gt))
        return false;
    return !(gt && lt && st) || a->lt + 2 * a->st < a->gt;
}

static int slot_of(struct lwm2m_client *c, const struct lwm2m_path *path,
                   bool make)
{
    for (int i = 0; i < c->attributes_count; i++)
        if (lwm2m_path_equal(&c->attributes[i].path, path))
            return i;
    if (!make || c->attributes_count == LWM2M_ATTRIBUTES)
        return -1;
    c->attributes[c->attributes_count].path = *path;
    c->attributes[c->attributes_count].a.has = 0;
    return c->attributes_count++;
}

static bool is_known(const struct coap_option *o)
{
    const uint8_t *end = memchr(o->value, '=', o->len);
    size_t len = end ? (size_t)(end - o->value) : o->len;

    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (strlen(names[k].name) == len &&
            memcmp(names[k].name, o->value, len) == 0)
            return true;
    return false;
}

/* "con=1" of a later version is refused: who set it would count on it. */
static bool are_known(const struct coap_msg *m)
{
    struct coap_cursor cursor;
    struct coap_option o;

    coap_cursor_init(&cursor, m);
    while (coap_cursor_next(&cursor, &o))
        if (o.number == COAP_URI_QUERY && !is_known(&o))
            return false;
    return true;
}

/* Thresholds are a number's, so a resource's. */
static bool takes(const struct lwm2m_client *c, const struct lwm2m_path *path,
                  uint8_t has)
{
    const struct resource *def;

    if (is_period(has))
        return true;
    if (path->depth < LWM2M_DEPTH_RESOURCE)
        return false;
    def = objects_find(c, path->id[0], path->id[2]);
    return def && def->type == TYPE_INTEGER;
}

uint8_t attributes_write(struct lwm2m_client *c, const struct lwm2m_path *path,
                         const struct coap_msg *m)
{
    int i = slot_of(c, path, false);
    struct lwm2m_attributes a = {0};

    if (i >= 0)
        a = c->attributes[i].a;
    if (!are_known(m))
        return COAP_BAD_REQUEST;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        const uint8_t *value;
        size_t len;

        if (coap_msg_query(m, names[k].name, &value, &len) != 0)
            continue;
        if (!takes(c, path, names[k].has) ||
            set(&a, names[k].has, value, len) != 0)
            return COAP_BAD_REQUEST;
    }
    if (!is_coherent(&a))
        return COAP_BAD_REQUEST;
    i = slot_of(c, path, true);
    if (i < 0)
        return COAP_SERVER_ERROR;
    c->attributes[i].a = a;
    return COAP_CHANGED;
}

void attributes_print(const struct lwm2m_client *c,
                      const struct lwm2m_path *path, struct buffer *out)
{
    int i = slot_of((struct lwm2m_client *)c, path, false);
    struct lwm2m_attributes a = {0};

    if (i >= 0)
        a = c->attributes[i].a;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (!(a.has & names[k].has))
            continue;
        if (is_period(names[k].has))
            buffer_printf(out, ";%s=%u", names[k].name,
                          *(uint32_t *)attribute_at(&a, names[k].has));
        else
            buffer_printf(out, ";%s=%g", names[k].name,
                          *(double *)attribute_at(&a, names[k].has));
    }
}

/* What holds for a path: its own, else the instance's, else the object's,
 * else the server's defaults. */
static struct lwm2m_attributes effective(struct lwm2m_client *c,
                                         const struct lwm2m_path *path)
{
    const struct lwm2m_server *s = objects_server(c);
    struct lwm2m_attributes a = {0};
    struct lwm2m_path p = *path;

    for (; p.depth > 0; p.depth--) {
        int i = slot_of(c, &p, false);
        struct lwm2m_attributes from = {0};

        if (i >= 0)
            from = c->attributes[i].a;
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            uint8_t has = names[k].has & from.has & (uint8_t)~a.has;

            if (!has)
                continue;
            memcpy(attribute_at(&a, has), attribute_at(&from, has),
                   is_period(has) ? sizeof(uint32_t) : sizeof(double));
            a.has |= has;
        }
    }
    if (!(a.has & LWM2M_HAS_PMIN))
        a.pmin_s = s ? s->pmin_s : 0;
    if (!(a.has & LWM2M_HAS_PMAX))
        a.pmax_s = s ? s->pmax_s : 0;
    /* A pmax under pmin is ignored. */
    if (a.pmax_s < a.pmin_s)
        a.pmax_s = 0;
    return a;
}

/* ---- observations -------------------------------------------------------- */

static void on_gone(void *ctx, struct coap_observer *observer)
{
    struct lwm2m_observation *o = ctx;

    (void)observer;
    o->used = false;
}

static struct lwm2m_observation *of_token(struct lwm2m_client *c,
                                          const struct coap_ticket *t)
{
    struct coap_observer *o =
        coap_peer_find_observer(c->peer, t->token, t->token_len);

    return o ? o->ctx : NULL;
}

/* The number that a path has. False: it has none. */
static bool number_at(struct lwm2m_client *c, const struct lwm2m_path *path,
                      double *out)
{
    struct reading r = {.n = 0};

    return path->depth >= LWM2M_DEPTH_RESOURCE &&
           objects_read(c, path, &r) == COAP_CONTENT && r.n == 1 &&
           lwm2m_as_real(&r.record[0].value, out) == 0;
}

bool observe_begin(struct lwm2m_client *c, const struct coap_ticket *ticket,
                   const struct lwm2m_path *path,
                   const struct lwm2m_composite *what, unsigned format,
                   uint32_t *seq)
{
    struct lwm2m_observation *o = of_token(c, ticket);

    for (int i = 0; !o && i < LWM2M_OBSERVATIONS; i++)
        if (!c->observation[i].used)
            o = &c->observation[i];
    if (!o)
        return false;
    if (o->used)
        coap_peer_unobserve(c->peer, &o->observer);
    *o = (struct lwm2m_observation){.client = c,
                                    .used = true,
                                    .format = (uint16_t)format,
                                    .path = *path,
                                    .told_ms = c->now};
    if (what)
        o->what = *what;
    o->observer.gone = on_gone;
    o->observer.ctx = o;
    number_at(c, path, &o->told);
    coap_peer_observe(c->peer, c->now, &o->observer, ticket);
    *seq = coap_observer_seq(&o->observer);
    return true;
}

void observe_end(struct lwm2m_client *c, const struct coap_ticket *ticket)
{
    struct lwm2m_observation *o = of_token(c, ticket);

    if (!o)
        return;
    coap_peer_unobserve(c->peer, &o->observer);
    o->used = false;
}

void observe_drop_all(struct lwm2m_client *c)
{
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++) {
        if (c->observation[i].used)
            coap_peer_unobserve(c->peer, &c->observation[i].observer);
        c->observation[i].used = false;
    }
}

static bool touch(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
    return lwm2m_path_covers(a, b) || lwm2m_path_covers(b, a);
}

static bool concerns(const struct lwm2m_observation *o,
                     const struct lwm2m_path *path)
{
    for (uint8_t i = 0; i < o->what.n; i++)
        if (touch(&o->what.path[i], path))
            return true;
    return o->what.n == 0 && touch(&o->path, path);
}

void observe_changed(struct lwm2m_client *c, const struct lwm2m_path *path)
{
    for (int i = 0; i < LWM2M_OBSERVATIONS; i++) {
        struct lwm2m_observation *o = &c->observation[i];

        if (o->used && concerns(o, path))
            o->changed = true;
    }
}

static bool crosses(double from, double to, double limit)
{
    return (from <= limit) != (to <= limit);
}

/* A change that the attributes want told. */
static bool counts(struct lwm2m_observation *o,
                   const struct lwm2m_attributes *a)
{
    uint8_t limits = a->has & (LWM2M_HAS_GT | LWM2M_HAS_LT | LWM2M_HAS_ST);
    double now;

    if (!limits || !number_at(o->client, &o->path, &now))
        return true;
    if (limits & LWM2M_HAS_GT && crosses(o->told, now, a->gt))
        return true;
    if (limits & LWM2M_HAS_LT && crosses(-o->told, -now, -a->lt))
        return true;
    return limits & LWM2M_HAS_ST && fabs(now - o->told) >= a->st;
}

static void tell(struct lwm2m_client *c, struct lwm2m_observation *o)
{
    uint8_t memory[8];
    struct coap_options options;
    struct buffer out;
    unsigned format = o->format;
    uint8_t code;

    buffer_init(&out, COAP_PAYLOAD_MAX);
    code = o->what.n > 0 ? composite_read(c, &o->what, format, &out)
                         : client_read(c, &o->path, &format, &out);
    coap_options_init(&options, memory, sizeof memory);
    if (code == COAP_CONTENT)
        coap_options_add_uint(&options, COAP_CONTENT_FORMAT, format);
    coap_peer_notify(c->peer, c->now, &o->observer,
                     &(struct coap_answer){
                         .code = code,
                         .options = options.data,
                         .options_len = options.len,
                         .payload = (const uint8_t *)out.data,
                         .payload_len = code == COAP_CONTENT ? out.len : 0},
                     true);
    buffer_release(&out);
    if (code != COAP_CONTENT)
        o->used = false;
    o->changed = false;
    o->told_ms = c->now;
    number_at(c, &o->path, &o->told);
    client_stay_awake(c);
}

/* When an observation is due; COAP_NEVER. */
static uint64_t due_at(struct lwm2m_client *c, struct lwm2m_observation *o)
{
    struct lwm2m_attributes a = effective(c, &o->path);
    uint64_t at = COAP_NEVER;

    if (a.pmax_s > 0)
        at = o->told_ms + a.pmax_s * 1000ULL;
    if (o->changed && !counts(o, &a))
        return at;
    if (o->changed && o->told_ms + a.pmin_s * 1000ULL < at)
        at = o->told_ms + a.pmin_s * 1000ULL;
    return at;
}

uint64_t observe_tick(struct lwm2m_client *c)
{
    uint64_t next = COAP_NEVER;

    for (int i = 0; i < LWM2M_OBSERVATIONS; i++) {
        struct lwm2m_observation *o = &c->observation[i];
        uint64_t at = o->used ? due_at(c, o) : COAP_NEVER;

        if (at <= c->now && c->connected) {
            tell(c, o);
            at = o->used ? due_at(c, o) : COAP_NEVER;
        }
        next = at < next ? at : next;
    }
    return next;
}
