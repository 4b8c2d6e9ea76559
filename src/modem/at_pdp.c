/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data contexts, in the way of the LTE families (by number) and in the way
 * of the GSM ones (select one, start a task, activate).
 */
#include <stdio.h>

#include "modem/handlers.h"

static bool take_text(const struct at_call *call, size_t i, char *to)
{
    const char *text = at_text(call, i);

    return !text ||
           snprintf(to, CONTEXT_TEXT_MAX, "%s", text) < CONTEXT_TEXT_MAX;
}

static int keep(struct module *m, int64_t cid, const struct pdp_context *c)
{
    struct pdp_context before = m->set.contexts[cid - 1];

    m->set.contexts[cid - 1] = *c;
    if (settings_save(&m->set) == 0)
        return AT_OK;
    m->set.contexts[cid - 1] = before;
    return AT_ERROR;
}

/* AT+CGDCONT=<cid>[,<type>[,<apn>..]]; the cid alone undefines it. */
int at_cgdcont(struct module *m, const struct at_call *call)
{
    struct pdp_context c = {.defined = call->params->count > 1, .type = 3};
    const char *type = at_text(call, 1);
    int64_t cid;

    if (call->command->form == FORM_READ) {
        for (unsigned i = 0; i < CONTEXTS; i++) {
            const struct pdp_context *d = &m->set.contexts[i];

            if (d->defined)
                terminal_info(m, "+CGDCONT: %u,\"%s\",\"%s\",\"0.0.0.0\",0,0",
                              i + 1, contexts_type(d->type), d->apn);
        }
        return AT_OK;
    }
    if (call->params->count < 1 ||
        !at_integer(call, 0, 1, CONTEXTS, -1, &cid) || cid < 1 ||
        (type && !(c.type = contexts_find_type(type))) ||
        !take_text(call, 2, c.apn))
        return AT_ERROR;
    return keep(m, cid, &c);
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

/* AT+QICSGP=<cid>[,<type>,<apn>[,<user>,<password>[,<auth>]]] */
int at_qicsgp(struct module *m, const struct at_call *call)
{
    struct pdp_context c = {.defined = true};
    int64_t cid, type, auth;

    if (call->params->count < 1 ||
        !at_integer(call, 0, 1, CONTEXTS, -1, &cid) || cid < 1)
        return AT_ERROR;
    if (call->params->count == 1) {
        c = m->set.contexts[cid - 1];
        terminal_info(m, "+QICSGP: %u,\"%s\",\"%s\",\"%s\",%u", c.type, c.apn,
                      c.user, c.password, c.auth);
        return AT_OK;
    }
    if (call->params->count > 6 || !at_integer(call, 1, 1, 3, 1, &type) ||
        !at_integer(call, 5, 0, 3, 0, &auth) || !take_text(call, 2, c.apn) ||
        !take_text(call, 3, c.user) || !take_text(call, 4, c.password))
        return AT_ERROR;
    c.type = (uint8_t)type;
    c.auth = (uint8_t)auth;
    return keep(m, cid, &c);
}

int at_qiact(struct module *m, const struct at_call *call)
{
    int64_t cid;

    if (call->command->form == FORM_READ) {
        for (unsigned i = 0; i < CONTEXTS; i++) {
            if (m->radio.contexts >> i & 1)
                terminal_info(m, "+QIACT: %u,1,%u,\"%s\"", i + 1,
                              m->set.contexts[i].type, m->d->radio.address);
        }
        return AT_OK;
    }
    if (call->params->count != 1 ||
        !at_integer(call, 0, 1, CONTEXTS, -1, &cid) || cid < 1 ||
        !m->set.contexts[cid - 1].defined || !radio_registered(&m->radio))
        return AT_ERROR;
    m->radio.contexts |= (uint16_t)(1U << (cid - 1));
    return AT_OK;
}

int at_qideact(struct module *m, const struct at_call *call)
{
    int64_t cid;

    if (call->params->count != 1 ||
        !at_integer(call, 0, 1, CONTEXTS, -1, &cid) || cid < 1)
        return AT_ERROR;
    m->radio.contexts &= (uint16_t) ~(1U << (cid - 1));
    return AT_OK;
}

/* AT+QIFGCNT=<0|1>: which context the next commands are about. */
int at_qifgcnt(struct module *m, const struct at_call *call)
{
    int64_t id;

    if (call->command->form == FORM_READ) {
        terminal_info(m, "+QIFGCNT: %u", m->radio.foreground);
        return AT_OK;
    }
    if (call->params->count != 1 || !at_integer(call, 0, 0, 1, -1, &id) ||
        id < 0)
        return AT_ERROR;
    m->radio.foreground = (uint8_t)id;
    return AT_OK;
}

/* AT+QICSGP=1[,<apn>[,<user>,<password>]]: GPRS is the only bearer. */
int at_qicsgp_bearer(struct module *m, const struct at_call *call)
{
    struct pdp_context c = m->set.contexts[m->radio.foreground];
    int64_t bearer;

    if (call->command->form == FORM_READ) {
        terminal_info(m, "+QICSGP: 1,\"%s\",\"%s\",\"%s\"", c.apn, c.user,
                      c.password);
        return AT_OK;
    }
    if (call->params->count < 1 || call->params->count > 4 ||
        !at_integer(call, 0, 1, 1, -1, &bearer) || bearer < 0 ||
        !take_text(call, 1, c.apn) || !take_text(call, 2, c.user) ||
        !take_text(call, 3, c.password))
        return AT_ERROR;
    c.defined = true;
    c.type = 1;
    return keep(m, m->radio.foreground + 1, &c);
}

/* AT+QIREGAPP[=<apn>,<user>,<password>]: start the task. */
int at_qiregapp(struct module *m, const struct at_call *call)
{
    struct pdp_context c = m->set.contexts[m->radio.foreground];

    if (call->command->form == FORM_EXEC) {
        m->radio.task = true;
        return AT_OK;
    }
    if (call->params->count > 3 || !take_text(call, 0, c.apn) ||
        !take_text(call, 1, c.user) || !take_text(call, 2, c.password))
        return AT_ERROR;
    c.defined = true;
    c.type = 1;
    m->radio.task = true;
    return keep(m, m->radio.foreground + 1, &c);
}

int at_qiact_bearer(struct module *m, const struct at_call *call)
{
    (void)call;
    if (!m->radio.task || !radio_registered(&m->radio))
        return AT_ERROR;
    m->radio.contexts |= (uint16_t)(1U << m->radio.foreground);
    return AT_OK;
}

int at_qideact_bearer(struct module *m, const struct at_call *call)
{
    (void)call;
    m->radio.contexts &= (uint16_t) ~(1U << m->radio.foreground);
    m->radio.task = false;
    return AT_OK;
}
