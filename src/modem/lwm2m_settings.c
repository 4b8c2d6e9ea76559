/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/lwm2m_settings.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "os/buffer.h"
#include "os/files.h"
#include "os/log.h"

enum { FILE_MAX = 65536 };

/* ---- writing ------------------------------------------------------------- */

static json_t *bytes_json(const void *data, size_t len)
{
    struct buffer text;
    json_t *j;

    buffer_init(&text, 2 * (size_t)LWM2M_KEY_MAX);
    lwm2m_base64_write(&text, data, len, false);
    j = json_stringn(text.data, text.len);
    buffer_release(&text);
    return j;
}

static json_t *security_json(const struct lwm2m_security *s)
{
    return json_pack("{si sb ss si si sI so so so}", "instance", s->instance,
                     "bootstrap", s->bootstrap, "uri", s->uri, "mode", s->mode,
                     "short_id", s->short_id, "hold_off_s",
                     (json_int_t)s->hold_off_s, "identity",
                     bytes_json(s->identity, s->identity_len), "server_key",
                     bytes_json(s->server_key, s->server_key_len), "secret",
                     bytes_json(s->secret, s->secret_len));
}

static json_t *server_json(const struct lwm2m_server *s)
{
    return json_pack(
        "{si si sI sI sI sI sb ss}", "instance", s->instance, "short_id",
        s->short_id, "lifetime_s", (json_int_t)s->lifetime_s, "pmin_s",
        (json_int_t)s->pmin_s, "pmax_s", (json_int_t)s->pmax_s, "disable_s",
        (json_int_t)s->disable_s, "storing", s->storing, "binding", s->binding);
}

static json_t *settings_json(const struct lwm2m_settings *s)
{
    const struct firmware_kept *f = &s->kept.firmware;
    json_t *security = json_array(), *servers = json_array();

    for (int i = 0; i < LWM2M_SECURITY_MAX; i++)
        if (s->kept.security[i].used)
            json_array_append_new(security,
                                  security_json(&s->kept.security[i]));
    for (int i = 0; i < LWM2M_SERVER_MAX; i++)
        if (s->kept.server[i].used)
            json_array_append_new(servers, server_json(&s->kept.server[i]));
    return json_pack("{ss sb sb sb si si so so s{si si sb si sI sI ss}}",
                     "endpoint", s->endpoint, "startup", s->startup, "v11",
                     s->v11, "firmware_v11", s->firmware_v11, "protocols",
                     s->protocols, "found", s->found, "security", security,
                     "server", servers, "firmware", "state", f->state, "result",
                     f->result, "pulling", f->pulling, "severity", f->severity,
                     "defer_s", (json_int_t)f->defer_s, "changed_s",
                     (json_int_t)f->changed_s, "uri", f->uri);
}

int lwm2m_settings_save(const struct lwm2m_settings *s)
{
    json_t *root = settings_json(s);
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    mode_t before = umask(0077); /* keys */
    int err = text ? files_write(s->path, text, strlen(text)) : DFOTA_E_NOMEM;

    umask(before);
    if (err)
        log_error("%s: %s", s->path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
    free(text);
    json_decref(root);
    return err;
}

/* ---- reading ------------------------------------------------------------- */

static bool take_number(const json_t *o, const char *key, int64_t max,
                        int64_t *out)
{
    const json_t *j = json_object_get(o, key);

    if (!j)
        return true;
    if (!json_is_integer(j) || json_integer_value(j) < 0 ||
        json_integer_value(j) > max)
        return false;
    *out = json_integer_value(j);
    return true;
}

static bool take_flag(const json_t *o, const char *key, bool *out)
{
    const json_t *j = json_object_get(o, key);

    if (!j)
        return true;
    *out = json_is_true(j);
    return json_is_boolean(j);
}

static bool take_text(const json_t *o, const char *key, char *out, size_t room)
{
    const json_t *j = json_object_get(o, key);

    if (!j)
        return true;
    if (!json_is_string(j) || json_string_length(j) >= room)
        return false;
    memcpy(out, json_string_value(j), json_string_length(j) + 1);
    return true;
}

static bool take_bytes(const json_t *o, const char *key, uint8_t *out,
                       uint16_t *out_len)
{
    const json_t *j = json_object_get(o, key);
    size_t len;

    if (!j)
        return true;
    if (!json_is_string(j) ||
        lwm2m_base64_read(json_string_value(j), json_string_length(j), out,
                          LWM2M_KEY_MAX, &len) != 0)
        return false;
    *out_len = (uint16_t)len;
    return true;
}

static bool take_security(const json_t *o, struct lwm2m_security *s)
{
    int64_t instance = 0, mode = LWM2M_NOSEC, id = 1, hold_off = 0;

    if (!take_number(o, "instance", 255, &instance) ||
        !take_flag(o, "bootstrap", &s->bootstrap) ||
        !take_text(o, "uri", s->uri, sizeof s->uri) ||
        !take_number(o, "mode", LWM2M_NOSEC, &mode) ||
        !take_number(o, "short_id", 65534, &id) ||
        !take_number(o, "hold_off_s", UINT32_MAX, &hold_off) ||
        !take_bytes(o, "identity", s->identity, &s->identity_len) ||
        !take_bytes(o, "server_key", s->server_key, &s->server_key_len) ||
        !take_bytes(o, "secret", s->secret, &s->secret_len))
        return false;
    s->used = true;
    s->instance = (uint16_t)instance;
    s->mode = (uint8_t)mode;
    s->short_id = (uint16_t)id;
    s->hold_off_s = (uint32_t)hold_off;
    return true;
}

static bool take_server(const json_t *o, struct lwm2m_server *s)
{
    int64_t instance = 0, id = 1, lifetime = 86400, pmin = 0, pmax = 0,
            disable = 86400;

    memcpy(s->binding, "U", 2);
    if (!take_number(o, "instance", 255, &instance) ||
        !take_number(o, "short_id", 65534, &id) ||
        !take_number(o, "lifetime_s", UINT32_MAX, &lifetime) ||
        !take_number(o, "pmin_s", UINT32_MAX, &pmin) ||
        !take_number(o, "pmax_s", UINT32_MAX, &pmax) ||
        !take_number(o, "disable_s", UINT32_MAX, &disable) ||
        !take_flag(o, "storing", &s->storing) ||
        !take_text(o, "binding", s->binding, sizeof s->binding))
        return false;
    s->used = true;
    s->instance = (uint16_t)instance;
    s->short_id = (uint16_t)id;
    s->lifetime_s = (uint32_t)lifetime;
    s->pmin_s = (uint32_t)pmin;
    s->pmax_s = (uint32_t)pmax;
    s->disable_s = (uint32_t)disable;
    return true;
}

static bool take_firmware(const json_t *o, struct firmware_kept *f)
{
    int64_t state = 0, result = 0, severity = 0, defer = 0;

    if (!take_number(o, "severity", 2, &severity) ||
        !take_number(o, "defer_s", UINT32_MAX, &defer) ||
        !take_number(o, "changed_s", INT64_MAX, &f->changed_s) ||
        !take_number(o, "state", FIRMWARE_UPDATING, &state) ||
        !take_number(o, "result", FIRMWARE_CANCELLED, &result) ||
        !take_flag(o, "pulling", &f->pulling) ||
        !take_text(o, "uri", f->uri, sizeof f->uri))
        return false;
    f->state = (uint8_t)state;
    f->result = (uint8_t)result;
    f->severity = (uint8_t)severity;
    f->defer_s = (uint32_t)defer;
    return true;
}

static bool take_all(const json_t *root, struct lwm2m_settings *s)
{
    const json_t *security = json_object_get(root, "security");
    const json_t *server = json_object_get(root, "server");
    int64_t found = 0, protocols = s->protocols;

    if (!json_is_object(root) || json_array_size(security) > 3 ||
        json_array_size(server) > LWM2M_SERVER_MAX ||
        !take_text(root, "endpoint", s->endpoint, sizeof s->endpoint) ||
        !take_flag(root, "startup", &s->startup) ||
        !take_flag(root, "v11", &s->v11) ||
        !take_flag(root, "firmware_v11", &s->firmware_v11) ||
        !take_number(root, "protocols", 15, &protocols) ||
        !take_number(root, "found", FIRMWARE_FOUND_FAILED, &found) ||
        !take_firmware(json_object_get(root, "firmware"), &s->kept.firmware))
        return false;
    s->found = (uint8_t)found;
    s->protocols = (uint8_t)protocols;
    for (size_t i = 0; i < json_array_size(security); i++)
        if (!take_security(json_array_get(security, i), &s->kept.security[i]))
            return false;
    for (size_t i = 0; i < json_array_size(server); i++)
        if (!take_server(json_array_get(server, i), &s->kept.server[i]))
            return false;
    return true;
}

static int load(struct lwm2m_settings *s)
{
    uint8_t *text;
    size_t len;
    json_t *root;
    int err = files_read(s->path, FILE_MAX, &text, &len);

    if (err == DFOTA_E_IO && errno == ENOENT)
        return 0;
    if (err) {
        log_error("%s: %s", s->path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
        return err;
    }
    root = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    err = take_all(root, s) ? 0 : DFOTA_E_SYNTAX;
    json_decref(root);
    if (err)
        log_error("%s: no settings of LwM2M; mend it or take it away", s->path);
    return err;
}

int lwm2m_settings_open(struct lwm2m_settings *s, const char *folder)
{
    memset(s, 0, sizeof *s);
    s->startup = true;
    s->protocols = lwm2m_client_defaults.protocols;
    if (asprintf(&s->path, "%s/lwm2m.json", folder) < 0) {
        s->path = NULL;
        return DFOTA_E_NOMEM;
    }
    return load(s);
}

void lwm2m_settings_close(struct lwm2m_settings *s)
{
    free(s->path);
    s->path = NULL;
}
