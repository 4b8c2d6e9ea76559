/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AT+QCFGEXT: settings by key; which keys there are, the dialect's table
 * says. All its errors are plain ERROR.
 */
#include <stdio.h>
#include <strings.h>

#include "modem/handlers.h"

enum { DELAY_MAX_S = 60 };

static bool take_text(const struct at_call *call, size_t i, char *to)
{
    const char *text = at_text(call, i);

    if (!text)
        return true;
    return snprintf(to, SETTING_APN_MAX, "%s", text) < SETTING_APN_MAX;
}

static int set_apn(struct module *m, const struct at_call *call)
{
    struct settings changed = m->set;
    int64_t type;

    if (call->params->count < 3 || call->params->count > 5 ||
        !at_integer(call, 1, 0, 2, m->set.ip_type, &type) ||
        !take_text(call, 2, changed.apn) || !take_text(call, 3, changed.user) ||
        !take_text(call, 4, changed.password))
        return AT_ERROR;
    changed.ip_type = (uint8_t)type;
    if (settings_save(&changed) != 0)
        return AT_ERROR;
    m->set = changed;
    return AT_OK;
}

int ext_apn(struct module *m, const struct at_call *call)
{
    if (call->params->count > 1)
        return set_apn(m, call);
    terminal_info(m, "+QCFGEXT: \"fota_apn\",%u,\"%s\",\"%s\",\"%s\"",
                  m->set.ip_type, m->set.apn, m->set.user, m->set.password);
    return AT_OK;
}

int ext_delay(struct module *m, const struct at_call *call)
{
    int64_t delay;

    if (call->params->count == 1) {
        terminal_info(m, "+QCFGEXT: \"sbfota_delay\",%u", m->set.delay_s);
        return AT_OK;
    }
    if (call->params->count != 2 ||
        !at_integer(call, 1, 0, DELAY_MAX_S, -1, &delay) || delay < 0)
        return AT_ERROR;
    m->set.delay_s = (uint8_t)delay;
    return settings_save(&m->set) == 0 ? AT_OK : AT_ERROR;
}

/* Go on at once, while the delay runs. */
int ext_accept(struct module *m, const struct at_call *call)
{
    int64_t accept;

    if (call->params->count != 2 || !at_integer(call, 1, 1, 1, -1, &accept) ||
        accept != 1)
        return AT_ERROR;
    return agent_accept(m) ? AT_OK : AT_ERROR;
}

int at_qcfgext(struct module *m, const struct at_call *call)
{
    const char *key = at_text(call, 0);
    const struct extension *e = m->d->extensions;

    for (; key && e && e->key; e++) {
        if (strcasecmp(key, e->key) == 0)
            return e->handler(m, call);
    }
    return AT_ERROR;
}
