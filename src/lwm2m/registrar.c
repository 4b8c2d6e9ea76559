/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register, Update, De-register. Liberal: ver quoted or not, queue mode as a
 * binding or as Q, parameters that nobody knows, an alternate path.
 */
#include "lwm2m/registrar.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "lwm2m/link_format.h"
#include "lwm2m/registrar_parts.h"

enum { ID_TEXT = 16, AT_ONCE = 512 /* that a tick looks at */ };

/* What a Register or an Update says; len 0: not said. */
struct said {
    const uint8_t *endpoint, *lifetime, *version, *binding;
    size_t endpoint_len, lifetime_len, version_len, binding_len;
    bool queue;
};

static void query(const struct coap_msg *m, const char *name,
                  const uint8_t **value, size_t *len)
{
    *len = 0;
    if (coap_msg_query(m, name, value, len) != 0)
        *len = 0;
}

static void hear(const struct coap_msg *m, struct said *said)
{
    const uint8_t *q;
    size_t len;

    query(m, "ep", &said->endpoint, &said->endpoint_len);
    query(m, "lt", &said->lifetime, &said->lifetime_len);
    query(m, "lwm2m", &said->version, &said->version_len);
    query(m, "b", &said->binding, &said->binding_len);
    said->queue = coap_msg_query(m, "Q", &q, &len) == 0 ||
                  (said->binding_len > 0 &&
                   memchr(said->binding, 'Q', said->binding_len));
}

/* errors: E_SYNTAX */
static int lifetime_of(const struct said *said, uint32_t *out)
{
    struct lwm2m_value v = {
        .kind = LWM2M_TEXT, .data = said->lifetime, .len = said->lifetime_len};
    int64_t i;

    if (said->lifetime_len == 0)
        return 0;
    if (lwm2m_as_integer(&v, &i) != 0 || i < 1 || i > UINT32_MAX)
        return DFOTA_E_SYNTAX;
    *out = (uint32_t)i;
    return 0;
}

/* The alternate path, if a link says rt="oma.lwm2m". errors: E_SYNTAX */
static int check_links(const char *text, size_t len,
                       char prefix[REGISTRAR_PREFIX_MAX + 1])
{
    struct corelink_reader reader;
    struct corelink_item item;
    struct corelink_attribute a;
    int err;

    prefix[0] = '\0';
    if (!dfota_is_text(text, len))
        return DFOTA_E_SYNTAX;
    corelink_reader_init(&reader, text, len);
    while ((err = corelink_next(&reader, &item)) == DFOTA_DONE) {
        if (!corelink_find(&item, "rt", &a) || a.value_len != 9 ||
            memcmp(a.value, "oma.lwm2m", 9) != 0)
            continue;
        if (item.target_len > REGISTRAR_PREFIX_MAX || item.target_len == 0 ||
            item.target[0] != '/')
            return DFOTA_E_SYNTAX;
        memcpy(prefix, item.target, item.target_len);
        prefix[item.target_len] = '\0';
    }
    if (strcmp(prefix, "/") == 0)
        prefix[0] = '\0';
    return err;
}

static int keep_links(struct registration *r, const void *text, size_t len)
{
    char prefix[sizeof r->prefix];
    char *links;
    int err;

    err = len > REGISTRAR_LINKS_MAX ? DFOTA_E_FULL
                                    : check_links(text, len, prefix);
    if (err)
        return err;
    links = malloc(len + 1);
    if (!links)
        return DFOTA_E_NOMEM;
    if (len > 0)
        memcpy(links, text, len);
    links[len] = '\0';
    free(r->links);
    r->links = links;
    memcpy(r->prefix, prefix, sizeof prefix);
    return 0;
}

bool registration_has(const struct registration *r, unsigned object)
{
    struct corelink_reader reader;
    struct corelink_item item;
    struct lwm2m_path path;
    size_t skip = strlen(r->prefix);

    corelink_reader_init(&reader, r->links ? r->links : "",
                         r->links ? strlen(r->links) : 0);
    while (corelink_next(&reader, &item) == DFOTA_DONE)
        if (item.target_len > skip &&
            lwm2m_path_parse(item.target + skip, item.target_len - skip,
                             &path) == 0 &&
            path.depth > 0 && path.id[0] == object)
            return true;
    return false;
}

static void answer(struct registrar *s, struct lwm2m_way *way,
                   const struct coap_ticket *ticket, uint8_t code,
                   const struct registration *location)
{
    uint8_t memory[64];
    char id[ID_TEXT + 1];
    struct coap_options o;

    coap_options_init(&o, memory, sizeof memory);
    if (s->part)
        coap_options_add_all(&o, s->part->options, s->part->options_len);
    if (location) {
        snprintf(id, sizeof id, "%016" PRIx64, location->id);
        coap_options_add_str(&o, COAP_LOCATION_PATH, "rd");
        coap_options_add_str(&o, COAP_LOCATION_PATH, id);
    }
    coap_peer_answer(way->peer, s->now, ticket,
                     &(struct coap_answer){.code = code,
                                           .options = o.data,
                                           .options_len = o.len});
}

static void heard(struct registrar *s, struct registration *r,
                  struct lwm2m_way *way)
{
    r->heard_ms = s->now;
    r->expires_ms = s->now + r->lifetime_s * 1000ULL;
    table_reorder(s, r);
    if (r->way != way)
        way_attach(s, way, r);
}

/* ---- Register ------------------------------------------------------------ */

/* returns 0, or the code that refuses it. */
static uint8_t check(struct registrar *s, const struct lwm2m_way *way,
                     const struct coap_msg *m, struct said *said)
{
    char name[REGISTRAR_ENDPOINT_MAX + 1], prefix[REGISTRAR_PREFIX_MAX + 1];
    uint32_t lifetime;

    /* 1.1 lets a client leave out what its credentials say. */
    if (said->endpoint_len == 0 && way->identity) {
        said->endpoint = (const uint8_t *)way->identity;
        said->endpoint_len = strlen(way->identity);
    }
    if (said->endpoint_len == 0 ||
        said->endpoint_len > REGISTRAR_ENDPOINT_MAX ||
        !dfota_is_text((const char *)said->endpoint, said->endpoint_len) ||
        lifetime_of(said, &lifetime) != 0 ||
        check_links((const char *)m->payload, m->payload_len, prefix) != 0)
        return COAP_BAD_REQUEST;
    if (said->version_len > 0 &&
        (said->version_len < 3 || memcmp(said->version, "1.", 2) != 0))
        return COAP_PRECONDITION;
    if (m->payload_len > REGISTRAR_LINKS_MAX)
        return COAP_TOO_LARGE;
    memcpy(name, said->endpoint, said->endpoint_len);
    name[said->endpoint_len] = '\0';
    if (way->identity && strcmp(way->identity, name) != 0)
        return COAP_FORBIDDEN;
    if (s->ops->allow && !s->ops->allow(s->ctx, name, way->identity))
        return COAP_FORBIDDEN;
    return 0;
}

/* The same endpoint registers anew: its observations are void, its location
 * is another, its job goes on. */
static struct registration *replace(struct registrar *s,
                                    const struct said *said)
{
    const char *endpoint = (const char *)said->endpoint;
    struct registration *old =
        table_by_endpoint(s, endpoint, said->endpoint_len);
    struct registration *r;
    struct registration_ask *waiting = NULL;
    struct lwm2m_job *job = NULL;

    if (old) {
        job = old->job;
        old->job = NULL;
        old->leaving = true;
        waiting = asks_take(s, old, job);
        asks_drop(s, old);
        table_remove(s, old);
    }
    r = table_add(s, endpoint, said->endpoint_len);
    if (r)
        r->job = job;
    else if (job)
        job_orphan(job);
    asks_give(r, waiting);
    return r;
}

static void on_register(struct registrar *s, struct lwm2m_way *way,
                        const struct coap_ticket *ticket,
                        const struct coap_msg *m)
{
    struct registration *r;
    struct said said;
    uint8_t code;

    hear(m, &said);
    code = check(s, way, m, &said);
    if (code) {
        answer(s, way, ticket, code, NULL);
        return;
    }
    r = replace(s, &said);
    if (!r || keep_links(r, m->payload, m->payload_len) != 0) {
        if (r && r->job)
            job_orphan(r->job);
        if (r) {
            r->job = NULL;
            r->leaving = true;
            asks_drop(s, r);
            table_remove(s, r);
        }
        answer(s, way, ticket, COAP_UNAVAILABLE, NULL);
        return;
    }
    r->lifetime_s = REGISTRAR_LIFETIME_S;
    lifetime_of(&said, &r->lifetime_s);
    r->v11 = said.version_len >= 3 && said.version[2] >= '1';
    r->queue = said.queue;
    r->registered_ms = s->now;
    r->firmware =
        (struct registration_firmware){.delivery = -1, .protocols = 0xff};
    heard(s, r, way);
    answer(s, way, ticket, COAP_CREATED, r);
    s->ops->event(s->ctx, r, REGISTRAR_REGISTERED);
    if (r->job)
        job_heard(r->job, r, true);
    registration_greet(s, r);
}

/* ---- Update, De-register ------------------------------------------------- */

static void on_update(struct registrar *s, struct lwm2m_way *way,
                      const struct coap_ticket *ticket,
                      const struct coap_msg *m, struct registration *r)
{
    bool moved = r->way != way || r->restored;
    struct said said;
    uint32_t lifetime = r->lifetime_s;

    hear(m, &said);
    if (lifetime_of(&said, &lifetime) != 0 ||
        (m->payload_len > 0 &&
         keep_links(r, m->payload, m->payload_len) != 0)) {
        answer(s, way, ticket, COAP_BAD_REQUEST, NULL);
        return;
    }
    r->lifetime_s = lifetime;
    if (said.binding_len > 0)
        r->queue = said.queue || (r->v11 && r->queue);
    r->restored = false;
    /* What was asked on the old way is answered no more. */
    if (moved)
        asks_drop_sent(s, r, true);
    heard(s, r, way);
    answer(s, way, ticket, COAP_CHANGED, NULL);
    s->ops->event(s->ctx, r, REGISTRAR_UPDATED);
    if (r->job)
        job_heard(r->job, r, false);
    /* An observation belongs to the way it was made on. */
    if (moved)
        registration_greet(s, r);
    else
        asks_flush(s, r);
}

static void leave(struct registrar *s, struct registration *r)
{
    s->ops->event(s->ctx, r, REGISTRAR_GONE);
    asks_drop(s, r);
    if (!r->job) {
        table_remove(s, r);
        return;
    }
    /* The job waits for the endpoint to come back. */
    r->absent = true;
    r->expires_ms = UINT64_MAX;
    table_reorder(s, r);
    job_away(r->job);
    way_detach(s, r);
}

void registration_release(struct registrar *s, struct registration *r)
{
    r->job = NULL;
    if (!r->absent)
        return;
    r->leaving = true;
    asks_drop(s, r);
    table_remove(s, r);
}

/* "/rd/0123456789abcdef". NULL: no such registration. */
static struct registration *at_location(struct registrar *s, const char *path)
{
    uint64_t id = 0;
    const char *p = path + strlen("/rd/");
    struct registration *r;

    if (strlen(p) != ID_TEXT || strspn(p, "0123456789abcdef") != ID_TEXT)
        return NULL;
    for (; *p; p++)
        id = id << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
    r = table_by_id(s, id);
    return r && !r->absent ? r : NULL;
}

static void on_location(struct registrar *s, struct lwm2m_way *way,
                        const struct coap_ticket *ticket,
                        const struct coap_msg *m, const char *path)
{
    struct registration *r = at_location(s, path);

    /* Another identity learns nothing, not even that it is there. */
    if (r && way->identity && strcmp(way->identity, r->endpoint) != 0)
        r = NULL;
    if (!r) {
        answer(s, way, ticket, COAP_NOT_FOUND, NULL);
    } else if (m->code == COAP_POST || m->code == COAP_PUT) {
        on_update(s, way, ticket, m, r);
    } else if (m->code == COAP_DELETE) {
        answer(s, way, ticket, COAP_DELETED, NULL);
        leave(s, r);
    } else {
        answer(s, way, ticket, COAP_NOT_ALLOWED, NULL);
    }
}

static void dispatch(struct registrar *s, struct lwm2m_way *way,
                     const struct coap_ticket *ticket, const struct coap_msg *m,
                     const char *path)
{
    if (!path[3] && m->code == COAP_POST)
        on_register(s, way, ticket, m);
    else if (!path[3])
        answer(s, way, ticket, COAP_NOT_ALLOWED, NULL);
    else
        on_location(s, way, ticket, m, path);
}

/* The links of a client with many objects are more than a message. */
static void on_block(struct registrar *s, struct lwm2m_way *way,
                     const struct coap_ticket *ticket, const struct coap_msg *m,
                     const char *path)
{
    struct coap_part part;
    struct coap_msg whole;
    enum coap_taken taken = half_take(s, way, path, m, &part, &whole);

    coap_part_settle(&part);
    s->part = &part;
    if (taken == COAP_BODY_WHOLE)
        dispatch(s, way, ticket, &whole, path);
    else
        answer(s, way, ticket, part.code, NULL);
    s->part = NULL;
    if (taken == COAP_BODY_WHOLE)
        half_release(s, way, path);
}

bool registrar_request(struct registrar *s, uint64_t now, struct lwm2m_way *way,
                       const struct coap_ticket *ticket,
                       const struct coap_msg *m)
{
    static const uint16_t known[] = {COAP_URI_HOST, COAP_URI_PORT,
                                     COAP_URI_PATH, COAP_URI_QUERY,
                                     COAP_ACCEPT,   COAP_BLOCK1};
    char path[COAP_PATH_MAX];
    struct coap_option block;

    s->now = now;
    coap_msg_path(m, path, sizeof path);
    if (strcmp(path, "/rd") != 0 && strncmp(path, "/rd/", 4) != 0)
        return false;
    if (coap_msg_critical(m, known, sizeof known / sizeof known[0]))
        answer(s, way, ticket, COAP_BAD_OPTION, NULL);
    else if (coap_msg_find(m, COAP_BLOCK1, &block))
        on_block(s, way, ticket, m, path);
    else
        dispatch(s, way, ticket, m, path);
    return true;
}

/* ---- from before ----------------------------------------------------------
 */

int registrar_restore(struct registrar *s, struct lwm2m_way *way,
                      const struct registration_past *past,
                      struct registration **out)
{
    size_t len = strlen(past->endpoint);
    struct registration *r;
    int err;

    if (len == 0 || len > REGISTRAR_ENDPOINT_MAX)
        return DFOTA_E_SYNTAX;
    if (table_by_endpoint(s, past->endpoint, len) || table_by_id(s, past->id))
        return DFOTA_E_STATE;
    r = table_add_as(s, past->endpoint, len, past->id);
    if (!r)
        return DFOTA_E_NOMEM;
    err = keep_links(r, past->links, strlen(past->links));
    r->version = past->version ? strdup(past->version) : NULL;
    if (err || (past->version && !r->version)) {
        table_remove(s, r);
        return err ? err : DFOTA_E_NOMEM;
    }
    r->lifetime_s = past->lifetime_s;
    r->v11 = past->v11;
    r->queue = past->queue;
    r->restored = true;
    r->firmware =
        (struct registration_firmware){.delivery = -1, .protocols = 0xff};
    r->expires_ms = s->now + past->left_ms;
    r->heard_ms =
        s->now > past->heard_before_ms ? s->now - past->heard_before_ms : 0;
    table_reorder(s, r);
    way_attach(s, way, r);
    *out = r;
    return 0;
}

void registrar_way_gone(struct registrar *s, uint64_t now,
                        struct lwm2m_way *way)
{
    s->now = now;
    half_release(s, way, NULL);
    while (way->first) {
        struct registration *r = way->first;

        asks_drop_sent(s, r, r->queue);
        if (r->job)
            job_away(r->job);
        way_detach(s, r);
    }
}

void registrar_way_resumed(struct registrar *s, uint64_t now,
                           struct lwm2m_way *way)
{
    struct registration *r = registrar_find(s, way->identity);

    s->now = now;
    if (!r || r->absent || r->way == way)
        return;
    asks_drop_sent(s, r, true);
    r->heard_ms = now;
    way_attach(s, way, r);
    if (r->job)
        job_heard(r->job, r, false);
    registration_greet(s, r);
}

void registrar_tick(struct registrar *s, uint64_t now)
{
    unsigned budget = AT_ONCE;
    struct registration *r;

    s->now = now;
    while ((r = table_overdue(s, &budget)))
        leave(s, r);
}
