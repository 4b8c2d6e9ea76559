/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/handlers.h"

int at_information(struct module *m, const struct at_call *call)
{
    if (call->command->number > 0)
        return AT_ERROR;
    terminal_info(m, "%s", m->d->manufacturer);
    terminal_info(m, "%s", m->c->model);
    terminal_info(m, "Revision: %s", m->version);
    return AT_OK;
}

int at_manufacturer(struct module *m, const struct at_call *call)
{
    (void)call;
    terminal_info(m, "%s", m->d->manufacturer);
    return AT_OK;
}

int at_model(struct module *m, const struct at_call *call)
{
    (void)call;
    terminal_info(m, "%s", m->c->model);
    return AT_OK;
}

int at_revision(struct module *m, const struct at_call *call)
{
    (void)call;
    terminal_info(m, "%s%s", m->d->revision_prefix, m->version);
    return AT_OK;
}

int at_version(struct module *m, const struct at_call *call)
{
    (void)call;
    terminal_info(m, "%s", m->version);
    return AT_OK;
}

int at_imei(struct module *m, const struct at_call *call)
{
    (void)call;
    terminal_info(m, "%s", m->d->radio.imei);
    return AT_OK;
}

int at_imsi(struct module *m, const struct at_call *call)
{
    (void)call;
    if (m->radio.sim == SIM_OUT)
        return 10;
    terminal_info(m, "%s", m->d->radio.imsi);
    return AT_OK;
}
