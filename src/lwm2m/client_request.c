/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers ask of the client: Read, Discover, Write, Write-Attributes,
 * Execute, Observe; Delete and Finish of the bootstrap server.
 */
#include <string.h>

#include "base/err.h"
#include "lwm2m/client_parts.h"

enum { OTHER_MAX = 8192 }; /* bytes of a Write that is no package */

void client_answer_with(struct lwm2m_client *c,
                        const struct coap_ticket *ticket, uint8_t code,
                        const uint8_t *options, size_t len)
{
    struct coap_answer a = {
        .code = code, .options = options, .options_len = len};

    coap_peer_answer(c->peer, c->now, ticket, &a);
}

void client_answer(struct lwm2m_client *c, const struct coap_ticket *ticket,
                   uint8_t code)
{
    client_answer_with(c, ticket, code, NULL, 0);
}

void client_drop_bodies(struct lwm2m_client *c)
{
    coap_body_init(&c->other, c->c.block_szx);
    buffer_clear(&c->other_data);
    /* The package's server may come back and start again at block 0. */
    c->may_restart = true;
}

static bool bootstrapping(const struct lwm2m_client *c)
{
    return c->state == LWM2M_BOOTSTRAPPING;
}

/* ---- Read, Discover, Observe --------------------------------------------- */

/* Without Accept one resource is text, everything else what the version of
 * the protocol prefers. */
static unsigned best_format(const struct lwm2m_client *c,
                            const struct lwm2m_path *path,
                            const struct reading *r)
{
    if (path->depth >= LWM2M_DEPTH_RESOURCE && r->n == 1 &&
        lwm2m_path_equal(path, &r->record[0].path))
        return LWM2M_FORMAT_TEXT;
    return c->c.v11 ? LWM2M_FORMAT_SENML_CBOR : LWM2M_FORMAT_TLV;
}

uint8_t client_read(struct lwm2m_client *c, const struct lwm2m_path *path,
                    unsigned *format, struct buffer *out)
{
    struct reading r = {.n = 0};
    uint8_t code = objects_read(c, path, &r);
    int err;

    if (code != COAP_CONTENT)
        return code;
    if (*format == LWM2M_FORMAT_NONE)
        *format = best_format(c, path, &r);
    err = lwm2m_write(*format, path, r.record, r.n, out);
    if (err == DFOTA_E_UNSUPPORTED)
        return COAP_NOT_ACCEPTABLE;
    return err ? COAP_SERVER_ERROR : COAP_CONTENT;
}

static uint8_t discover(struct lwm2m_client *c, const struct lwm2m_path *path,
                        struct buffer *out)
{
    const char *version = c->c.v11 ? "1.1" : "1.0";

    if (path->depth == 0 && !bootstrapping(c))
        return COAP_NOT_ALLOWED;
    if (path->depth > 0 && path->id[0] == 0 && !bootstrapping(c))
        return COAP_UNAUTHORIZED;
    if (path->depth > 0 && !objects_have(c, path))
        return COAP_NOT_FOUND;
    if (path->depth >= LWM2M_DEPTH_RESOURCE &&
        !objects_find(c, path->id[0], path->id[2]))
        return COAP_NOT_FOUND;
    if (bootstrapping(c))
        buffer_printf(out, c->c.v11 ? "</>;lwm2m=%s" : "lwm2m=\"%s\"", version);
    objects_links(c, path, false, out);
    return out->err ? COAP_SERVER_ERROR : COAP_CONTENT;
}

int client_observe_of(const struct coap_msg *m)
{
    uint32_t v;

    if (coap_msg_uint(m, COAP_OBSERVE, &v) != 0)
        return -1;
    return v <= 1 ? (int)v : -1;
}

/* The bootstrap server may read what it wrote, but no keys (1.1). */
static bool may_read(const struct lwm2m_client *c,
                     const struct lwm2m_path *path)
{
    if (!bootstrapping(c) || (path->depth > 0 && path->id[0] == 0))
        return true;
    return c->c.v11 && path->id[0] == 1 &&
           (path->depth == LWM2M_DEPTH_OBJECT ||
            path->depth == LWM2M_DEPTH_INSTANCE);
}

void client_answer_read(struct lwm2m_client *c,
                        const struct coap_ticket *ticket,
                        const struct coap_msg *m, struct coap_answer *a,
                        unsigned format, const struct coap_options *more,
                        const struct buffer *out)
{
    uint8_t memory[64];
    struct coap_options options;

    coap_options_init(&options, memory, sizeof memory);
    if (a->code == COAP_CONTENT)
        coap_serve(m,
                   &(struct coap_served){.data = (const uint8_t *)out->data,
                                         .len = (uint32_t)out->len,
                                         .szx = c->c.block_szx,
                                         .format = (uint16_t)format,
                                         .has_format = true,
                                         .options = more->data,
                                         .options_len = more->len},
                   &options, a);
    coap_peer_answer(c->peer, c->now, ticket, a);
}

static void on_get(struct lwm2m_client *c, const struct coap_ticket *ticket,
                   const struct coap_msg *m, const struct lwm2m_path *path)
{
    uint8_t more_memory[8];
    struct coap_options more;
    struct coap_answer a = {0};
    struct buffer out;
    uint32_t accept = LWM2M_FORMAT_NONE, seq;
    unsigned format;
    int observe = client_observe_of(m);

    coap_msg_uint(m, COAP_ACCEPT, &accept);
    format = accept;
    buffer_init(&out, 16384);
    if (accept == LWM2M_FORMAT_LINK)
        a.code = discover(c, path, &out);
    else if (!may_read(c, path))
        a.code = COAP_NOT_ALLOWED;
    else
        a.code = client_read(c, path, &format, &out);
    coap_options_init(&more, more_memory, sizeof more_memory);
    if (a.code == COAP_CONTENT && observe == 0 &&
        observe_begin(c, ticket, path, NULL, format, &seq))
        coap_options_add_uint(&more, COAP_OBSERVE, seq);
    if (observe == 1)
        observe_end(c, ticket);
    client_answer_read(c, ticket, m, &a, format, &more, &out);
    buffer_release(&out);
}

/* ---- Write --------------------------------------------------------------- */

struct writing {
    struct lwm2m_client *c;
    bool apply;
    uint8_t code; /* 0: all well so far */
};

static int on_record(void *ctx, const struct lwm2m_record *r)
{
    struct writing *w = ctx;
    uint8_t code = objects_write(w->c, r, bootstrapping(w->c), w->apply);

    /* Lifetime or binding may be new: the server is told. */
    if (w->apply && r->path.id[0] == 1 && !bootstrapping(w->c))
        w->c->update_due = true;
    if (code == COAP_CHANGED)
        return 0;
    /* Of many resources, one that this client does not have is skipped by
     * the bootstrap server's writes (1.1 Core, 6.1.7.2). */
    if (code == COAP_NOT_FOUND && bootstrapping(w->c))
        return 0;
    w->code = code;
    return DFOTA_E_CANCELLED;
}

uint8_t client_code_of(int err)
{
    switch (err) {
    case 0:
        return COAP_CHANGED;
    case DFOTA_E_UNSUPPORTED:
        return COAP_UNSUPPORTED_FORMAT;
    case DFOTA_E_FULL:
        return COAP_TOO_LARGE;
    default:
        return COAP_BAD_REQUEST;
    }
}

/* It is read twice. */
uint8_t client_apply(struct lwm2m_client *c, const struct lwm2m_path *path,
                     unsigned format, const uint8_t *data, size_t len)
{
    struct writing w = {.c = c};
    struct lwm2m_sink sink = {.ctx = &w, .record = on_record};
    int err = lwm2m_read(format, path, data, len, &sink);

    if (err)
        return w.code ? w.code : client_code_of(err);
    w.apply = true;
    err = lwm2m_read(format, path, data, len, &sink);
    client_keep(c);
    observe_changed(c, path);
    return err ? (w.code ? w.code : client_code_of(err)) : COAP_CHANGED;
}

static void on_write(struct lwm2m_client *c, const struct coap_ticket *ticket,
                     const struct coap_msg *m, const struct lwm2m_path *path,
                     unsigned format)
{
    struct coap_part part;
    enum coap_taken taken;

    if (path->depth == 0 || (path->depth == 1 && !bootstrapping(c))) {
        client_answer(c, ticket, COAP_NOT_ALLOWED);
        return;
    }
    if (!lwm2m_path_equal(path, &c->other_path))
        coap_body_init(&c->other, c->c.block_szx);
    c->other_path = *path;
    taken = coap_body_take(&c->other, m, OTHER_MAX, &part);
    if (taken != COAP_BODY_REFUSED && part.off == 0)
        buffer_clear(&c->other_data);
    if (taken != COAP_BODY_REFUSED &&
        buffer_add(&c->other_data, part.data, part.len) != 0)
        part.code = COAP_TOO_LARGE;
    else if (taken == COAP_BODY_WHOLE)
        part.code =
            client_apply(c, path, format, (const uint8_t *)c->other_data.data,
                         c->other_data.len);
    if (taken == COAP_BODY_WHOLE)
        buffer_release(&c->other_data);
    coap_part_settle(&part);
    client_answer_with(c, ticket, part.code, part.options, part.options_len);
}

/* ---- Execute ------------------------------------------------------------- */

static void reset_later(struct lwm2m_client *c, bool updates)
{
    c->reset_updates = updates;
    c->reset_ms = c->now + c->c.update_delay_ms;
    c->reset_end_ms = c->reset_ms + c->c.told_ms;
}

static uint8_t execute_server(struct lwm2m_client *c, unsigned id)
{
    const struct lwm2m_server *s = objects_server(c);

    switch (id) {
    case 4:
        c->disable_ms = (s ? s->disable_s : 86400) * 1000ULL;
        c->disable_due = true;
        break;
    case 8:
        c->update_due = true;
        break;
    default:
        if (!objects_security(c, true))
            return COAP_NOT_ALLOWED;
        c->want_bootstrap = c->bootstrap_due = true;
    }
    return COAP_CHANGED;
}

static uint8_t execute_device(struct lwm2m_client *c, unsigned id)
{
    if (id == 4)
        reset_later(c, false);
    return COAP_CHANGED;
}

static uint8_t execute_firmware(struct lwm2m_client *c, unsigned id)
{
    uint8_t code = firmware_event(&c->firmware, id == 2 ? FIRMWARE_ON_EXECUTE
                                                        : FIRMWARE_ON_CANCEL);

    if (id == 2 && code == COAP_CHANGED)
        reset_later(c, true);
    if (id != 2 && code == COAP_CHANGED)
        client_package_end(c);
    return code;
}

static uint8_t execute(struct lwm2m_client *c, const struct lwm2m_path *path)
{
    const struct resource *def = objects_find(c, path->id[0], path->id[2]);

    if (path->id[0] == 0)
        return COAP_UNAUTHORIZED;
    if (!def || !objects_have(c, path))
        return COAP_NOT_FOUND;
    if (!(def->can & CAN_EXECUTE) || path->depth != LWM2M_DEPTH_RESOURCE)
        return COAP_NOT_ALLOWED;
    if (path->id[0] == 1)
        return execute_server(c, path->id[2]);
    return path->id[0] == 3 ? execute_device(c, path->id[2])
                            : execute_firmware(c, path->id[2]);
}

/* ---- the request --------------------------------------------------------- */

/* The package, or the instance it is in. */
static bool takes_package(const struct lwm2m_path *path)
{
    struct lwm2m_path package = lwm2m_path_make(3, 5, 0, 0);

    return path->depth >= LWM2M_DEPTH_INSTANCE &&
           lwm2m_path_covers(path, &package);
}

static void on_put_or_post(struct lwm2m_client *c,
                           const struct coap_ticket *ticket,
                           const struct coap_msg *m,
                           const struct lwm2m_path *path)
{
    uint32_t format = LWM2M_FORMAT_NONE;
    bool has_format = coap_msg_uint(m, COAP_CONTENT_FORMAT, &format) == 0;
    struct coap_option query;

    /* A payload of no format is text (RFC 7252 5.5.1 leaves it open, the
     * field writes URIs so). */
    if (m->code == COAP_POST && path->depth >= LWM2M_DEPTH_RESOURCE) {
        client_answer(c, ticket, execute(c, path));
    } else if (m->code == COAP_PUT && !has_format && m->payload_len == 0 &&
               coap_msg_find(m, COAP_URI_QUERY, &query)) {
        client_answer(c, ticket,
                      objects_have(c, path) ? attributes_write(c, path, m)
                                            : COAP_NOT_FOUND);
    } else if (takes_package(path) && !bootstrapping(c)) {
        client_package(c, ticket, m, path,
                       has_format ? format : LWM2M_FORMAT_TEXT);
    } else {
        on_write(c, ticket, m, path, has_format ? format : LWM2M_FORMAT_TEXT);
    }
}

static void on_delete(struct lwm2m_client *c, const struct coap_ticket *ticket,
                      const struct lwm2m_path *path)
{
    uint8_t code = COAP_NOT_ALLOWED;

    if (bootstrapping(c)) {
        code = objects_delete(c, path);
        client_keep(c);
    }
    client_answer(c, ticket, code);
}

void client_request(struct lwm2m_client *c, const struct coap_ticket *ticket,
                    const struct coap_msg *m)
{
    static const uint16_t known[] = {
        COAP_URI_HOST, COAP_URI_PORT, COAP_URI_PATH, COAP_URI_QUERY,
        COAP_ACCEPT,   COAP_BLOCK1,   COAP_BLOCK2};
    char text[COAP_PATH_MAX];
    struct lwm2m_path path;
    bool bs;

    if (coap_msg_critical(m, known, sizeof known / sizeof known[0])) {
        client_answer(c, ticket, COAP_BAD_OPTION);
        return;
    }
    coap_msg_path(m, text, sizeof text);
    bs = strcmp(text, "/bs") == 0 && m->code == COAP_POST;
    if (bs && bootstrapping(c))
        client_answer(c, ticket, client_bootstrapped(c));
    else if (lwm2m_path_parse(text, strlen(text), &path) != 0)
        client_answer(c, ticket, COAP_NOT_FOUND);
    else if (m->code == COAP_GET)
        on_get(c, ticket, m, &path);
    else if (m->code == COAP_PUT || m->code == COAP_POST)
        on_put_or_post(c, ticket, m, &path);
    else if (m->code == COAP_DELETE)
        on_delete(c, ticket, &path);
    else if (m->code == COAP_FETCH || m->code == COAP_IPATCH)
        client_composite(c, ticket, m, &path);
    else
        client_answer(c, ticket, COAP_NOT_ALLOWED);
}
