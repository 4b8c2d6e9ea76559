/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <strings.h>

#include "modem/handlers.h"

enum { CONTEXTS = 15 };

int at_cgdcont(struct module *m, const struct at_call *call)
{
    int64_t cid;

    if (call->command->form == FORM_READ) {
        terminal_info(m, "+CGDCONT: 1,\"IPV4V6\",\"%s\",\"0.0.0.0\",0,0",
                      m->set.apn);
        return AT_OK;
    }
    if (call->params->count < 1 || !at_integer(call, 0, 1, CONTEXTS, 1, &cid))
        return AT_ERROR;
    return AT_OK;
}

int at_cgpaddr(struct module *m, const struct at_call *call)
{
    int64_t cid = 1;

    if (call->command->form == FORM_WRITE &&
        (call->params->count != 1 ||
         !at_integer(call, 0, 1, CONTEXTS, 1, &cid)))
        return AT_ERROR;
    terminal_info(m, "+CGPADDR: %d,\"%s\"", (int)cid,
                  radio_registered(&m->radio) ? m->d->radio.address
                                              : "0.0.0.0");
    return AT_OK;
}

/* AT+QICSGP=<cid>[,<type>,"apn"[,"user","password"[,<auth>]]] */
int at_qicsgp(struct module *m, const struct at_call *call)
{
    int64_t cid, type;

    if (call->params->count < 1 || !at_integer(call, 0, 1, CONTEXTS, 1, &cid))
        return AT_ERROR;
    if (call->params->count == 1) {
        terminal_info(m, "+QICSGP: 1,\"%s\",\"\",\"\",0", m->set.apn);
        return AT_OK;
    }
    return at_integer(call, 1, 1, 3, 1, &type) ? AT_OK : AT_ERROR;
}

int at_qiact(struct module *m, const struct at_call *call)
{
    int64_t cid;

    if (call->command->form == FORM_READ) {
        if (m->radio.context)
            terminal_info(m, "+QIACT: 1,1,1,\"%s\"", m->d->radio.address);
        return AT_OK;
    }
    if (call->params->count != 1 ||
        !at_integer(call, 0, 1, CONTEXTS, 1, &cid) ||
        !radio_registered(&m->radio))
        return AT_ERROR;
    m->radio.context = true;
    return AT_OK;
}

int at_qideact(struct module *m, const struct at_call *call)
{
    int64_t cid;

    if (!at_integer(call, 0, 1, CONTEXTS, 1, &cid))
        return AT_ERROR;
    m->radio.context = false;
    return AT_OK;
}

static bool take_text(const struct at_call *call, size_t i, char *to)
{
    const char *text = at_text(call, i);

    if (!text)
        return true;
    return snprintf(to, SETTING_TEXT_MAX, "%s", text) < SETTING_TEXT_MAX;
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

int at_qcfgext(struct module *m, const struct at_call *call)
{
    const char *key = at_text(call, 0);

    if (!key || !m->d->apn_key || strcasecmp(key, m->d->apn_key) != 0)
        return AT_ERROR;
    if (call->params->count > 1)
        return set_apn(m, call);
    terminal_info(m, "+QCFGEXT: \"%s\",%u,\"%s\",\"%s\",\"%s\"", m->d->apn_key,
                  m->set.ip_type, m->set.apn, m->set.user, m->set.password);
    return AT_OK;
}
