/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of the client: which resources there are, and their values.
 * Security is never read over the network, not even by the bootstrap server.
 */
#include <string.h>

#include "base/err.h"
#include "lwm2m/client_parts.h"

enum { ALL = 3, V11 = 2 };

static const struct resource resources[] = {
    {0, 0, 0, TYPE_STRING, ALL},
    {0, 1, 0, TYPE_BOOLEAN, ALL},
    {0, 2, 0, TYPE_INTEGER, ALL},
    {0, 3, 0, TYPE_BYTES, ALL},
    {0, 4, 0, TYPE_BYTES, ALL},
    {0, 5, 0, TYPE_BYTES, ALL},
    {0, 10, 0, TYPE_INTEGER, ALL},
    {0, 11, 0, TYPE_INTEGER, ALL},
    {1, 0, CAN_READ, TYPE_INTEGER, ALL},
    {1, 1, CAN_READ | CAN_WRITE, TYPE_INTEGER, ALL},
    {1, 2, CAN_READ | CAN_WRITE, TYPE_INTEGER, ALL},
    {1, 3, CAN_READ | CAN_WRITE, TYPE_INTEGER, ALL},
    {1, 4, CAN_EXECUTE, TYPE_NONE, ALL},
    {1, 5, CAN_READ | CAN_WRITE, TYPE_INTEGER, ALL},
    {1, 6, CAN_READ | CAN_WRITE, TYPE_BOOLEAN, ALL},
    {1, 7, CAN_READ | CAN_WRITE, TYPE_STRING, ALL},
    {1, 8, CAN_EXECUTE, TYPE_NONE, ALL},
    {1, 9, CAN_EXECUTE, TYPE_NONE, V11},
    {3, 0, CAN_READ, TYPE_STRING, ALL},
    {3, 1, CAN_READ, TYPE_STRING, ALL},
    {3, 2, CAN_READ, TYPE_STRING, ALL},
    {3, 3, CAN_READ, TYPE_STRING, ALL},
    {3, 4, CAN_EXECUTE, TYPE_NONE, ALL},
    {3, 9, CAN_READ, TYPE_INTEGER, ALL},
    {3, 10, CAN_READ, TYPE_INTEGER, ALL},
    {3, 11, CAN_READ | IS_MULTIPLE, TYPE_INTEGER, ALL},
    {3, 12, CAN_EXECUTE, TYPE_NONE, ALL},
    {3, 13, CAN_READ | CAN_WRITE, TYPE_INTEGER, ALL},
    {3, 16, CAN_READ, TYPE_STRING, ALL},
    {3, 17, CAN_READ, TYPE_STRING, ALL},
    {3, 18, CAN_READ, TYPE_STRING, ALL},
    {3, 21, CAN_READ, TYPE_INTEGER, ALL},
    {5, 0, CAN_WRITE, TYPE_BYTES, ALL},
    {5, 1, CAN_READ | CAN_WRITE, TYPE_STRING, ALL},
    {5, 2, CAN_EXECUTE, TYPE_NONE, ALL},
    {5, 3, CAN_READ, TYPE_INTEGER, ALL},
    {5, 5, CAN_READ, TYPE_INTEGER, ALL},
    {5, 6, CAN_READ, TYPE_STRING, ALL},
    {5, 7, CAN_READ, TYPE_STRING, ALL},
    {5, 8, CAN_READ | IS_MULTIPLE, TYPE_INTEGER, ALL},
    {5, 9, CAN_READ, TYPE_INTEGER, ALL},
    {5, 10, CAN_EXECUTE, TYPE_NONE, V11},
    {5, 11, CAN_READ | CAN_WRITE, TYPE_INTEGER, V11},
    {5, 12, CAN_READ, TYPE_INTEGER, V11},
    {5, 13, CAN_READ | CAN_WRITE, TYPE_INTEGER, V11},
};

enum { RESOURCES = sizeof resources / sizeof resources[0] };

static bool in_version(const struct lwm2m_client *c, const struct resource *r)
{
    bool v11 = r->object == 5 ? c->c.firmware_v11 : c->c.v11;

    return r->versions & (v11 ? 2 : 1);
}

const struct resource *objects_find(const struct lwm2m_client *c,
                                    unsigned object, unsigned id)
{
    for (size_t i = 0; i < RESOURCES; i++)
        if (resources[i].object == object && resources[i].id == id &&
            in_version(c, &resources[i]))
            return &resources[i];
    return NULL;
}

/* ---- instances ----------------------------------------------------------- */

struct lwm2m_security *objects_security_at(struct lwm2m_client *c, unsigned id)
{
    for (int i = 0; i < LWM2M_SECURITY_MAX; i++)
        if (c->kept.security[i].used && c->kept.security[i].instance == id)
            return &c->kept.security[i];
    return NULL;
}

struct lwm2m_server *objects_server_at(struct lwm2m_client *c, unsigned id)
{
    for (int i = 0; i < LWM2M_SERVER_MAX; i++)
        if (c->kept.server[i].used && c->kept.server[i].instance == id)
            return &c->kept.server[i];
    return NULL;
}

struct lwm2m_security *objects_security(struct lwm2m_client *c, bool bootstrap)
{
    for (int i = 0; i < LWM2M_SECURITY_MAX; i++)
        if (c->kept.security[i].used &&
            c->kept.security[i].bootstrap == bootstrap)
            return &c->kept.security[i];
    return NULL;
}

/* The server whose account the management connection belongs to. */
struct lwm2m_server *objects_server(struct lwm2m_client *c)
{
    const struct lwm2m_security *s = objects_security(c, false);

    for (int i = 0; s && i < LWM2M_SERVER_MAX; i++)
        if (c->kept.server[i].used && c->kept.server[i].short_id == s->short_id)
            return &c->kept.server[i];
    return NULL;
}

static bool has_instance(const struct lwm2m_client *c, unsigned object,
                         unsigned id)
{
    struct lwm2m_client *all = (struct lwm2m_client *)c;

    switch (object) {
    case 0:
        return objects_security_at(all, id) != NULL;
    case 1:
        return objects_server_at(all, id) != NULL;
    default:
        return (object == 3 || object == 5) && id == 0;
    }
}

bool objects_have(const struct lwm2m_client *c, const struct lwm2m_path *p)
{
    bool object = p->depth > 0 && (p->id[0] == 0 || p->id[0] == 1 ||
                                   p->id[0] == 3 || p->id[0] == 5);

    if (p->depth < LWM2M_DEPTH_INSTANCE)
        return object;
    return has_instance(c, p->id[0], p->id[1]);
}

/* ---- reading ------------------------------------------------------------- */

static void put(struct reading *r, const struct lwm2m_path *path,
                struct lwm2m_value v)
{
    if (r->n < RECORDS_MAX)
        r->record[r->n++] = (struct lwm2m_record){.path = *path, .value = v};
}

static void put_text(struct reading *r, const struct lwm2m_path *path,
                     const char *s)
{
    size_t len = s ? strlen(s) : 0;
    struct lwm2m_value v = {.kind = LWM2M_TEXT, .len = len};

    if (!s || len > sizeof r->text - r->text_len)
        return;
    v.data = memcpy(r->text + r->text_len, s, len);
    r->text_len += len;
    put(r, path, v);
}

static void put_instance(struct reading *r, const struct lwm2m_path *path,
                         unsigned id, int64_t value)
{
    struct lwm2m_path p = *path;

    lwm2m_path_push(&p, id);
    put(r, &p, lwm2m_integer(value));
}

static void read_server(struct lwm2m_client *c, const struct lwm2m_path *p,
                        struct reading *r)
{
    const struct lwm2m_server *s = objects_server_at(c, p->id[1]);

    switch (p->id[2]) {
    case 0:
        put(r, p, lwm2m_integer(s->short_id));
        break;
    case 1:
        put(r, p, lwm2m_integer(s->lifetime_s));
        break;
    case 2:
        put(r, p, lwm2m_integer(s->pmin_s));
        break;
    case 3:
        put(r, p, lwm2m_integer(s->pmax_s));
        break;
    case 5:
        put(r, p, lwm2m_integer(s->disable_s));
        break;
    case 6:
        put(r, p, lwm2m_boolean(s->storing));
        break;
    case 7:
        put_text(r, p, s->binding);
        break;
    default:
        break;
    }
}

static void read_device(struct lwm2m_client *c, const struct lwm2m_path *p,
                        struct reading *r)
{
    struct lwm2m_device d = {.battery_percent = -1};

    c->ops->device(c->ctx, &d);
    switch (p->id[2]) {
    case 0:
        put_text(r, p, d.manufacturer);
        break;
    case 1:
        put_text(r, p, d.model);
        break;
    case 2:
        put_text(r, p, d.serial);
        break;
    case 3:
        put_text(r, p, d.version);
        break;
    case 9:
        if (d.battery_percent >= 0)
            put(r, p, lwm2m_integer(d.battery_percent));
        break;
    case 10:
        put(r, p, lwm2m_integer(d.memory_free_kb));
        break;
    case 11:
        put_instance(r, p, 0, 0);
        break;
    case 13:
        put(r, p, lwm2m_integer(d.time_s + c->time_offset_s));
        break;
    case 16:
        put_text(r, p, "UQ");
        break;
    case 17:
        put_text(r, p, d.type);
        break;
    case 18:
        put_text(r, p, d.hardware);
        break;
    case 21:
        put(r, p, lwm2m_integer(d.memory_total_kb));
        break;
    default:
        break;
    }
}

static void read_firmware(struct lwm2m_client *c, const struct lwm2m_path *p,
                          struct reading *r)
{
    const struct firmware_kept *f = &c->firmware.kept;
    struct lwm2m_device d = {.battery_percent = -1};

    c->ops->device(c->ctx, &d);
    switch (p->id[2]) {
    case 1:
        put_text(r, p, f->uri);
        break;
    case 3:
        put(r, p, lwm2m_integer(f->state));
        break;
    case 5:
        put(r, p, lwm2m_integer(f->result));
        break;
    case 6:
        put_text(r, p, d.model);
        break;
    case 7:
        put_text(r, p, d.version);
        break;
    case 8:
        for (unsigned i = 0; i < 4; i++)
            if (c->c.protocols & 1u << i)
                put_instance(r, p, i, i);
        break;
    case 9:
        put(r, p, lwm2m_integer(c->c.protocols ? 2 : 1));
        break;
    case 11:
        put(r, p, lwm2m_integer(f->severity));
        break;
    case 12:
        put(r, p, lwm2m_integer(f->changed_s));
        break;
    case 13:
        put(r, p, lwm2m_integer(f->defer_s));
        break;
    default:
        break;
    }
}

static void read_resource(struct lwm2m_client *c, const struct lwm2m_path *p,
                          struct reading *r)
{
    if (p->id[0] == 1)
        read_server(c, p, r);
    else if (p->id[0] == 3)
        read_device(c, p, r);
    else if (p->id[0] == 5)
        read_firmware(c, p, r);
}

static void read_instance(struct lwm2m_client *c, unsigned object,
                          unsigned instance, struct reading *r)
{
    for (size_t i = 0; i < RESOURCES; i++) {
        struct lwm2m_path p =
            lwm2m_path_make(3, object, instance, resources[i].id);

        if (resources[i].object == object && resources[i].can & CAN_READ &&
            in_version(c, &resources[i]))
            read_resource(c, &p, r);
    }
}

static uint8_t read_one(struct lwm2m_client *c, const struct lwm2m_path *path,
                        struct reading *r)
{
    const struct resource *def = objects_find(c, path->id[0], path->id[2]);
    struct lwm2m_path p = *path;
    size_t first = r->n;

    if (!def)
        return COAP_NOT_FOUND;
    if (!(def->can & CAN_READ))
        return COAP_NOT_ALLOWED;
    p.depth = LWM2M_DEPTH_RESOURCE;
    read_resource(c, &p, r);
    if (path->depth == LWM2M_DEPTH_RESOURCE)
        return r->n > first || def->can & IS_MULTIPLE ? COAP_CONTENT
                                                      : COAP_NOT_FOUND;
    for (size_t i = first; i < r->n; i++)
        if (lwm2m_path_equal(&r->record[i].path, path)) {
            r->record[first] = r->record[i];
            r->n = first + 1;
            return COAP_CONTENT;
        }
    r->n = first;
    return COAP_NOT_FOUND;
}

uint8_t objects_read(struct lwm2m_client *c, const struct lwm2m_path *path,
                     struct reading *r)
{
    if (path->depth == 0)
        return COAP_NOT_ALLOWED;
    if (path->id[0] == 0)
        return COAP_UNAUTHORIZED;
    if (!objects_have(c, path))
        return COAP_NOT_FOUND;
    if (path->depth >= LWM2M_DEPTH_RESOURCE)
        return read_one(c, path, r);
    for (unsigned i = 0; i < LWM2M_NO_ID; i++) {
        if (path->depth == LWM2M_DEPTH_INSTANCE)
            i = path->id[1];
        if (has_instance(c, path->id[0], i))
            read_instance(c, path->id[0], i, r);
        /* Instances of what this client has are few and low. */
        if (path->depth == LWM2M_DEPTH_INSTANCE || i == 255)
            break;
    }
    return COAP_CONTENT;
}

/* ---- link format --------------------------------------------------------- */

static void put_link(struct buffer *out, const struct lwm2m_path *p,
                     const char *version)
{
    char text[LWM2M_PATH_TEXT];

    buffer_printf(out, "%s<%s>%s%s", out->len ? "," : "",
                  lwm2m_path_print(p, text), version ? ";ver=" : "",
                  version ? version : "");
}

static const char *version_of(const struct lwm2m_client *c, unsigned object)
{
    if (object == 5)
        return c->c.firmware_v11 ? "1.1" : NULL;
    return c->c.v11 && (object == 0 || object == 1 || object == 3) ? "1.1"
                                                                   : NULL;
}

static void link_resources(const struct lwm2m_client *c,
                           const struct lwm2m_path *instance,
                           struct buffer *out)
{
    for (size_t i = 0; i < RESOURCES; i++) {
        struct lwm2m_path p = *instance;

        if (resources[i].object != p.id[0] || !in_version(c, &resources[i]))
            continue;
        lwm2m_path_push(&p, resources[i].id);
        put_link(out, &p, NULL);
        attributes_print(c, &p, out);
    }
}

/* What tells the bootstrap server its own account from the others. */
static void put_ssid(const struct lwm2m_client *c, const struct lwm2m_path *p,
                     struct buffer *out)
{
    struct lwm2m_client *all = (struct lwm2m_client *)c;
    const struct lwm2m_security *s = objects_security_at(all, p->id[1]);

    if (p->id[0] == 0 && s && !s->bootstrap)
        buffer_printf(out, ";ssid=%u;uri=\"%s\"", s->short_id, s->uri);
    if (p->id[0] == 1)
        buffer_printf(out, ";ssid=%u",
                      objects_server_at(all, p->id[1])->short_id);
}

static void link_object(const struct lwm2m_client *c, unsigned object,
                        bool registration, struct buffer *out)
{
    struct lwm2m_path p = lwm2m_path_make(1, object, 0, 0);

    if (!registration || version_of(c, object)) {
        put_link(out, &p, version_of(c, object));
        attributes_print(c, &p, out);
    }
    p.depth = LWM2M_DEPTH_INSTANCE;
    for (unsigned i = 0; i < 256; i++) {
        if (!has_instance(c, object, i))
            continue;
        p.id[1] = (uint16_t)i;
        put_link(out, &p, NULL);
        if (c->state == LWM2M_BOOTSTRAPPING)
            put_ssid(c, &p, out);
        else if (!registration)
            link_resources(c, &p, out);
    }
}

void objects_links(const struct lwm2m_client *c, const struct lwm2m_path *path,
                   bool registration, struct buffer *out)
{
    static const uint16_t objects[] = {0, 1, 3, 5};

    if (path->depth >= LWM2M_DEPTH_INSTANCE) {
        put_link(out, path, NULL);
        attributes_print(c, path, out);
        if (path->depth == LWM2M_DEPTH_INSTANCE)
            link_resources(c, path, out);
        return;
    }
    /* One format, though a list may be said: Wakaama answers 4.00 to one. */
    if (registration)
        buffer_printf(out, "</>;rt=\"oma.lwm2m\";ct=%u",
                      c->c.v11 ? LWM2M_FORMAT_SENML_CBOR : LWM2M_FORMAT_JSON);
    for (size_t i = 0; i < 4; i++)
        if ((path->depth == 0 && (objects[i] != 0 || !registration)) ||
            (path->depth == 1 && objects[i] == path->id[0]))
            link_object(c, objects[i], registration || path->depth == 0, out);
}
