/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of the client, written and deleted: by a server within what
 * the definitions allow, by the bootstrap server as it likes.
 */
#include <string.h>

#include "base/err.h"
#include "lwm2m/client_parts.h"

static int in_range(const struct lwm2m_value *v, int64_t low, int64_t high,
                    int64_t *out)
{
    int err = lwm2m_as_integer(v, out);

    return err || *out < low || *out > high ? DFOTA_E_SYNTAX : 0;
}

static int write_bytes(const struct lwm2m_value *v, uint8_t *out,
                       uint16_t *out_len)
{
    size_t len = 0;
    int err = lwm2m_as_bytes(v, out, LWM2M_KEY_MAX, &len);

    *out_len = (uint16_t)len;
    return err;
}

static int write_security(struct lwm2m_security *s, unsigned id,
                          const struct lwm2m_value *v)
{
    int64_t i = 0;
    int err = 0;

    switch (id) {
    case 0:
        return lwm2m_as_text(v, s->uri, sizeof s->uri);
    case 1:
        return lwm2m_as_boolean(v, &s->bootstrap);
    case 2:
        err = in_range(v, 0, 4, &i);
        s->mode = (uint8_t)i;
        return err;
    case 3:
        return write_bytes(v, s->identity, &s->identity_len);
    case 4:
        return write_bytes(v, s->server_key, &s->server_key_len);
    case 5:
        return write_bytes(v, s->secret, &s->secret_len);
    case 10:
        err = in_range(v, 1, 65534, &i);
        s->short_id = (uint16_t)i;
        return err;
    case 11:
        err = in_range(v, 0, UINT32_MAX, &i);
        s->hold_off_s = (uint32_t)i;
        return err;
    default:
        return 0; /* SMS and the like: taken, and of no use here */
    }
}

static bool is_binding(const char *s)
{
    static const char *const all[] = {"U", "UQ", "Q"};

    for (size_t i = 0; i < 3; i++)
        if (strcmp(s, all[i]) == 0)
            return true;
    return false;
}

static int write_server(struct lwm2m_server *s, unsigned id,
                        const struct lwm2m_value *v)
{
    char binding[sizeof s->binding];
    int64_t i = 0;
    int err;

    switch (id) {
    case 0:
        err = in_range(v, 1, 65534, &i);
        s->short_id = (uint16_t)i;
        return err;
    case 1:
        err = in_range(v, 1, UINT32_MAX, &i);
        s->lifetime_s = (uint32_t)i;
        return err;
    case 2:
        err = in_range(v, 0, UINT32_MAX, &i);
        s->pmin_s = (uint32_t)i;
        return err;
    case 3:
        err = in_range(v, 0, UINT32_MAX, &i);
        s->pmax_s = (uint32_t)i;
        return err;
    case 5:
        err = in_range(v, 0, UINT32_MAX, &i);
        s->disable_s = (uint32_t)i;
        return err;
    case 6:
        return lwm2m_as_boolean(v, &s->storing);
    case 7:
        if (lwm2m_as_text(v, binding, sizeof binding) != 0 ||
            !is_binding(binding))
            return DFOTA_E_SYNTAX;
        memcpy(s->binding, binding, sizeof binding);
        return 0;
    default:
        return 0;
    }
}

/* An instance for the bootstrap server to fill. NULL: no room. */
static struct lwm2m_security *security_make(struct lwm2m_client *c, unsigned id)
{
    struct lwm2m_security *s = objects_security_at(c, id);

    for (int i = 0; !s && i < LWM2M_SECURITY_MAX; i++)
        if (!c->kept.security[i].used) {
            s = &c->kept.security[i];
            *s = (struct lwm2m_security){
                .used = true, .instance = (uint16_t)id, .mode = LWM2M_NOSEC};
        }
    return s;
}

static struct lwm2m_server *server_make(struct lwm2m_client *c, unsigned id)
{
    struct lwm2m_server *s = objects_server_at(c, id);

    for (int i = 0; !s && i < LWM2M_SERVER_MAX; i++)
        if (!c->kept.server[i].used) {
            s = &c->kept.server[i];
            *s = (struct lwm2m_server){.used = true,
                                       .instance = (uint16_t)id,
                                       .lifetime_s = 86400,
                                       .disable_s = 86400,
                                       .binding = "U"};
        }
    return s;
}

/* The URI; what resets. A package comes another way (client_package.c):
 * text and JSON carry one only to forget it. */
static uint8_t write_firmware(struct lwm2m_client *c,
                              const struct lwm2m_record *r, bool apply)
{
    const struct lwm2m_value *v = &r->value;
    int64_t i;
    bool empty = v->len == 0 || (v->len == 1 && *(const char *)v->data == 0);

    if (r->path.id[2] >= 11) {
        bool severity = r->path.id[2] == 11;

        if (in_range(v, 0, severity ? 2 : UINT32_MAX, &i) != 0)
            return COAP_BAD_REQUEST;
        if (apply && severity)
            c->firmware.kept.severity = (uint8_t)i;
        else if (apply)
            c->firmware.kept.defer_s = (uint32_t)i;
        return COAP_CHANGED;
    }
    if (v->kind != LWM2M_TEXT && v->kind != LWM2M_RAW &&
        !(r->path.id[2] == 0 && v->kind == LWM2M_BYTES))
        return COAP_BAD_REQUEST;
    if (r->path.id[2] == 0 && !empty)
        return COAP_UNSUPPORTED_FORMAT;
    if (!apply)
        return COAP_CHANGED;
    return r->path.id[2] == 0
               ? firmware_event(&c->firmware, FIRMWARE_ON_RESET)
               : firmware_write_uri(&c->firmware, v->data, v->len);
}

static uint8_t write_checked(struct lwm2m_client *c,
                             const struct lwm2m_record *r, bool bootstrap,
                             bool apply)
{
    const struct lwm2m_path *p = &r->path;
    struct lwm2m_security security = {0}, *to = &security;
    struct lwm2m_server server = {0}, *at = &server;
    int64_t i;
    int err = 0;

    if (p->id[0] == 0) {
        if (apply)
            to = security_make(c, p->id[1]);
        err = to ? write_security(to, p->id[2], &r->value) : DFOTA_E_FULL;
    } else if (p->id[0] == 1) {
        if (apply)
            at = bootstrap ? server_make(c, p->id[1])
                           : objects_server_at(c, p->id[1]);
        err = at ? write_server(at, p->id[2], &r->value) : DFOTA_E_FULL;
    } else if (p->id[0] == 5) {
        return write_firmware(c, r, apply);
    } else if (p->id[0] == 3 && p->id[2] == 13) {
        struct lwm2m_device d = {0};

        err = lwm2m_as_integer(&r->value, &i);
        c->ops->device(c->ctx, &d);
        if (!err && apply)
            c->time_offset_s = i - d.time_s;
    }
    return err ? COAP_BAD_REQUEST : COAP_CHANGED;
}

uint8_t objects_write(struct lwm2m_client *c, const struct lwm2m_record *r,
                      bool bootstrap, bool apply)
{
    const struct lwm2m_path *p = &r->path;
    const struct resource *def;

    if (r->value.kind == LWM2M_EMPTY)
        return COAP_CHANGED;
    if (p->depth < LWM2M_DEPTH_RESOURCE)
        return COAP_BAD_REQUEST;
    def = objects_find(c, p->id[0], p->id[2]);
    if (bootstrap && p->id[0] <= 1)
        return write_checked(c, r, true, apply);
    if (p->id[0] == 0)
        return COAP_UNAUTHORIZED;
    if (!def || !objects_have(c, p))
        return COAP_NOT_FOUND;
    if (!(def->can & CAN_WRITE) || p->depth > LWM2M_DEPTH_RESOURCE)
        return COAP_NOT_ALLOWED;
    return write_checked(c, r, false, apply);
}

uint8_t objects_delete(struct lwm2m_client *c, const struct lwm2m_path *p)
{
    struct lwm2m_path at = lwm2m_path_make(2, 0, 0, 0);

    if (p->depth > LWM2M_DEPTH_INSTANCE ||
        (p->depth > 0 && !objects_have(c, p)))
        return COAP_BAD_REQUEST;
    /* The account of the bootstrap server itself stays. */
    for (int i = 0; i < LWM2M_SECURITY_MAX; i++) {
        at.id[1] = c->kept.security[i].instance;
        if (!c->kept.security[i].bootstrap && lwm2m_path_covers(p, &at))
            memset(&c->kept.security[i], 0, sizeof c->kept.security[i]);
    }
    at.id[0] = 1;
    for (int i = 0; i < LWM2M_SERVER_MAX; i++) {
        at.id[1] = c->kept.server[i].instance;
        if (lwm2m_path_covers(p, &at))
            memset(&c->kept.server[i], 0, sizeof c->kept.server[i]);
    }
    return COAP_DELETED;
}
