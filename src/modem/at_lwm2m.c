/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AT+QLWCFG and its kin: the LwM2M client's accounts and registration. The
 * application note does not have them; names and parameters are those that
 * modules in the field print for AT+QLWCFG=? (docs/decisions/0751).
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "link/dtls.h"
#include "modem/handlers.h"
#include "modem/lwm2m_module.h"

enum { ACCOUNTS = LWM2M_SECURITY_MAX };

static bool is_key(const struct at_call *call, const char *key)
{
    const char *text = at_text(call, 0);

    return text && strcasecmp(text, key) == 0;
}

/* The account of an id: which slot it is in does not matter to the host. */
static bool account_of(const struct at_call *call, int64_t *id)
{
    return at_integer(call, 1, 0, ACCOUNTS - 1, -1, id) && *id >= 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(const char *text, uint8_t *out, uint16_t *out_len)
{
    size_t len = strlen(text);

    if (len % 2 != 0 || len / 2 > LWM2M_KEY_MAX)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    *out_len = (uint16_t)(len / 2);
    return true;
}

/* "host:port" or a URI. */
static bool take_address(struct lwm2m_security *s, const char *address)
{
    const char *scheme = s->mode == LWM2M_NOSEC ? "coap" : "coaps";
    int len;

    if (strstr(address, "://"))
        len = snprintf(s->uri, sizeof s->uri, "%s", address);
    else
        len = snprintf(s->uri, sizeof s->uri, "%s://%s", scheme, address);
    return address[0] && len > 0 && (size_t)len < sizeof s->uri;
}

static int keep(struct module *m, const struct lwm2m_settings *changed)
{
    /* Accounts are read when the client is made. */
    lwm2m_stop(m);
    if (lwm2m_settings_save(changed) != 0)
        return AT_ERROR;
    *lwm2m_settings_of(m) = *changed;
    return AT_OK;
}

static int show_security(struct module *m, int64_t id)
{
    const struct lwm2m_security *s = &lwm2m_settings_of(m)->kept.security[id];

    if (s->used)
        terminal_info(m, "+QLWCFG: \"security\",%d,%u,\"%s\",%u,%u,\"%.*s\"",
                      (int)id, s->short_id, s->uri, s->bootstrap, s->mode,
                      s->mode == LWM2M_PSK ? (int)s->identity_len : 0,
                      (const char *)s->identity);
    return AT_OK;
}

/* "security",<id>,<ssid>,<address>,<bootstrap>,<mode>[,<pskID>,<psk_key>] */
static int cfg_security(struct module *m, const struct at_call *call)
{
    struct lwm2m_settings changed = *lwm2m_settings_of(m);
    struct lwm2m_security s = {.used = true};
    const char *address = at_text(call, 3), *identity = at_text(call, 6),
               *key = at_text(call, 7);
    int64_t id, ssid, bootstrap, mode;

    if (!account_of(call, &id))
        return AT_ERROR;
    if (call->params->count == 2)
        return show_security(m, id);
    if (call->params->count > 8 || !address ||
        !at_integer(call, 2, 1, 65534, -1, &ssid) || ssid < 0 ||
        !at_integer(call, 4, 0, 1, 0, &bootstrap) ||
        !at_integer(call, 5, 0, LWM2M_NOSEC, -1, &mode) || mode < 0 ||
        mode == 1)
        return AT_ERROR;
    s.instance = (uint16_t)id;
    s.short_id = (uint16_t)ssid;
    s.bootstrap = bootstrap;
    s.mode = (uint8_t)mode;
    if (!take_address(&s, address))
        return AT_ERROR;
    if (mode == LWM2M_PSK) {
        if (!identity || !key || strlen(identity) > DTLS_IDENTITY_MAX ||
            !take_hex(key, s.secret, &s.secret_len) || s.secret_len == 0 ||
            s.secret_len > DTLS_KEY_MAX)
            return AT_ERROR;
        s.identity_len = (uint16_t)strlen(identity);
        memcpy(s.identity, identity, s.identity_len);
    }
    changed.kept.security[id] = s;
    return keep(m, &changed);
}

static int show_server(struct module *m, int64_t id)
{
    const struct lwm2m_server *s = &lwm2m_settings_of(m)->kept.server[id];

    if (s->used)
        terminal_info(m, "+QLWCFG: \"server\",%d,%u,%u,%u,%u,%u,\"%s\"",
                      (int)id, s->lifetime_s, s->pmin_s, s->pmax_s,
                      s->disable_s, s->storing, s->binding);
    return AT_OK;
}

/* "server",<id>,<lifetime>,<pmin>,<pmax>,<disable>,<storing>,<binding>: of
 * the account of that id in "security", whose short server id it gets */
static int cfg_server(struct module *m, const struct at_call *call)
{
    struct lwm2m_settings changed = *lwm2m_settings_of(m);
    struct lwm2m_server s = {.used = true};
    const char *binding = at_text(call, 7);
    int64_t id, lifetime, pmin, pmax, disable, storing;

    if (!account_of(call, &id) || id >= LWM2M_SERVER_MAX)
        return AT_ERROR;
    if (call->params->count == 2)
        return show_server(m, id);
    if (call->params->count > 8 || !changed.kept.security[id].used ||
        !at_integer(call, 2, 1, UINT32_MAX, 86400, &lifetime) ||
        !at_integer(call, 3, 0, 86400, 0, &pmin) ||
        !at_integer(call, 4, 0, 86400, 0, &pmax) ||
        !at_integer(call, 5, 0, 86400, 86400, &disable) ||
        !at_integer(call, 6, 0, 1, 1, &storing) ||
        (binding && strcmp(binding, "U") != 0 && strcmp(binding, "UQ") != 0))
        return AT_ERROR;
    s.instance = (uint16_t)id;
    s.short_id = changed.kept.security[id].short_id;
    s.lifetime_s = (uint32_t)lifetime;
    s.pmin_s = (uint32_t)pmin;
    s.pmax_s = (uint32_t)pmax;
    s.disable_s = (uint32_t)disable;
    s.storing = storing;
    snprintf(s.binding, sizeof s.binding, "%s", binding ? binding : "U");
    changed.kept.server[id] = s;
    return keep(m, &changed);
}

/* "epname/mode",3: urn:imei:<IMEI>; 7,<name>: that name */
static int cfg_endpoint(struct module *m, const struct at_call *call)
{
    struct lwm2m_settings changed = *lwm2m_settings_of(m);
    const char *name = at_text(call, 2);
    int64_t mode;

    if (call->params->count == 1) {
        if (changed.endpoint[0])
            terminal_info(m, "+QLWCFG: \"epname/mode\",7,\"%s\"",
                          changed.endpoint);
        else
            terminal_info(m, "+QLWCFG: \"epname/mode\",3");
        return AT_OK;
    }
    if (!at_integer(call, 1, 3, 7, -1, &mode) || (mode != 3 && mode != 7) ||
        (mode == 7) != (name != NULL) || call->params->count > 3 ||
        (name && (!name[0] || strlen(name) > LWM2M_ENDPOINT_MAX)))
        return AT_ERROR;
    snprintf(changed.endpoint, sizeof changed.endpoint, "%s", name ? name : "");
    return keep(m, &changed);
}

static int cfg_flag(struct module *m, const struct at_call *call,
                    const char *key, size_t at)
{
    struct lwm2m_settings changed = *lwm2m_settings_of(m);
    bool *flag = (bool *)((char *)&changed + at);
    int64_t value;

    if (call->params->count == 1) {
        terminal_info(m, "+QLWCFG: \"%s\",%d", key, *flag);
        return AT_OK;
    }
    if (call->params->count != 2 || !at_integer(call, 1, 0, 1, -1, &value) ||
        value < 0)
        return AT_ERROR;
    *flag = value;
    return keep(m, &changed);
}

static int cfg_reset(struct module *m, const struct at_call *call)
{
    struct lwm2m_settings changed = *lwm2m_settings_of(m);

    if (call->params->count != 1 || lwm2m_busy(m))
        return AT_ERROR;
    memset(&changed.kept, 0, sizeof changed.kept);
    changed.endpoint[0] = '\0';
    changed.startup = true;
    changed.v11 = changed.firmware_v11 = false;
    return keep(m, &changed);
}

int at_qlwcfg(struct module *m, const struct at_call *call)
{
    if (is_key(call, "security"))
        return cfg_security(m, call);
    if (is_key(call, "server"))
        return cfg_server(m, call);
    if (is_key(call, "epname/mode"))
        return cfg_endpoint(m, call);
    if (is_key(call, "startup"))
        return cfg_flag(m, call, "startup",
                        offsetof(struct lwm2m_settings, startup));
    if (is_key(call, "version"))
        return cfg_flag(m, call, "version",
                        offsetof(struct lwm2m_settings, v11));
    if (is_key(call, "fota/version"))
        return cfg_flag(m, call, "fota/version",
                        offsetof(struct lwm2m_settings, firmware_v11));
    return is_key(call, "reset") ? cfg_reset(m, call) : AT_ERROR;
}

int at_qlwreg(struct module *m, const struct at_call *call)
{
    (void)call;
    return lwm2m_register(m) == 0 ? AT_OK : AT_ERROR;
}

int at_qlwupdate(struct module *m, const struct at_call *call)
{
    (void)call;
    return lwm2m_update_registration(m) == 0 ? AT_OK : AT_ERROR;
}

int at_qlwdereg(struct module *m, const struct at_call *call)
{
    (void)call;
    return lwm2m_deregister(m) == 0 ? AT_OK : AT_ERROR;
}

int at_qlwstat(struct module *m, const struct at_call *call)
{
    static const char *const names[] = {
        [LWM2M_OFF] = "off",
        [LWM2M_WAITING] = "waiting",
        [LWM2M_CONNECTING] = "connecting",
        [LWM2M_BOOTSTRAPPING] = "bootstrapping",
        [LWM2M_REGISTERING] = "registering",
        [LWM2M_REGISTERED] = "registered",
        [LWM2M_LEAVING] = "deregistering",
    };
    enum lwm2m_client_state state = lwm2m_state_of(m);

    (void)call;
    terminal_info(m, "+QLWSTAT: %d,\"%s\"", (int)state, names[state]);
    return AT_OK;
}
