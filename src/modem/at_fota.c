/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AT+QFOTADL, every form that any family has; which ones this one has, and
 * what their errors are, its tables say.
 */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "modem/handlers.h"
#include "os/log.h"

static int refuse(const struct module *m)
{
    return terminal_answer(m, CAUSE_PARAMETER);
}

static int from_url(struct module *m, const struct at_call *call)
{
    const struct param *p = &call->params->p[0];
    struct url url;

    if (!(m->d->fota_forms & FOTA_URL) || call->params->count != 1 ||
        p->raw_len > m->d->url.max ||
        url_parse(&url, p->text, p->len, &m->d->url) != 0)
        return refuse(m);
    return agent_start_url(m, &url);
}

static int from_path(struct module *m, const struct at_call *call)
{
    const struct param *p = &call->params->p[0];

    uint32_t size;

    if (call->params->count != 1 || p->len > FILE_NAME_MAX ||
        strncmp(p->text, m->d->path_folder, strlen(m->d->path_folder)) != 0 ||
        filestore_size(&m->files, p->text, &size) != 0)
        return refuse(m);
    return agent_start_local(m, p->text);
}

static int com_sink(void *ctx, const uint8_t *data, size_t len)
{
    struct module *m = ctx;

    return chip_package_write(&m->chip, data, len);
}

static int com_done(struct module *m, enum data_end end)
{
    const struct datamode *d = &m->term.data;
    int err = chip_package_end(&m->chip);

    m->agent.state = AGENT_IDLE;
    m->set.package_len = d->got;
    if (settings_save(&m->set) != 0 || err || end == DATA_FAILED ||
        end == DATA_ESCAPED)
        return AT_ERROR;
    terminal_info(m, "+QFOTADL: %u,%x", d->got, d->sum);
    return AT_OK;
}

/* ="COM:",<size>[,<timeout>] */
static int from_com(struct module *m, const struct at_call *call)
{
    int64_t size, timeout;

    if (!(m->d->fota_forms & FOTA_COM) || call->params->count < 2 ||
        call->params->count > 3 ||
        !at_integer(call, 1, 1, m->d->com_max, 0, &size) || size == 0 ||
        !at_integer(call, 2, 1, 65535, 5, &timeout))
        return refuse(m);
    if (agent_busy(m))
        return terminal_answer(m, CAUSE_BUSY);
    m->set.package_len = 0;
    if (settings_save(&m->set) != 0 || chip_package_begin(&m->chip) != 0)
        return AT_ERROR;
    m->agent.state = AGENT_UPLOADING;
    m->term.data.sink = com_sink;
    m->term.data.ctx = m;
    m->term.data.acknowledge = false;
    terminal_data(m, (uint32_t)size, (uint32_t)timeout, com_done);
    return AT_LATER;
}

static int trigger_mode(struct module *m, const struct at_call *call)
{
    int64_t mode;

    if (call->params->count == 1) {
        terminal_info(m, "+QFOTADL: 3,%d", !m->agent.manual);
        return AT_OK;
    }
    if (call->params->count != 2 || !at_integer(call, 1, 0, 1, -1, &mode) ||
        mode < 0)
        return refuse(m);
    m->agent.manual = mode == 0;
    return AT_OK;
}

static int erase(struct module *m)
{
    if (agent_busy(m))
        return terminal_answer(m, CAUSE_BUSY);
    m->set.package_len = 0;
    if (chip_package_erase(&m->chip) != 0 || settings_save(&m->set) != 0)
        return AT_ERROR;
    return AT_OK;
}

static int numbered(struct module *m, const struct at_call *call)
{
    int64_t number = call->params->p[0].value;
    bool extended = m->d->fota_forms & FOTA_EXTENDED;

    if (number == 3 && extended)
        return trigger_mode(m, call);
    if (call->params->count != 1)
        return refuse(m);
    if (number == 1 && m->d->fota_forms & FOTA_LOCAL)
        return agent_start_local(m, m->d->local_file ? m->d->local_file : "");
    if (number == 4 && extended) {
        terminal_info(m, "+QFOTADL: 4,%u", m->set.package_len);
        return AT_OK;
    }
    return number == 5 && extended ? erase(m) : refuse(m);
}

int at_qfotadl(struct module *m, const struct at_call *call)
{
    const struct param *first = &call->params->p[0];

    if (call->params->count == 0 || first->kind == PARAM_NONE)
        return refuse(m);
    if (first->kind == PARAM_INT)
        return numbered(m, call);
    if (first->kind == PARAM_STRING && strcasecmp(first->text, "COM:") == 0)
        return from_com(m, call);
    return m->d->path_folder && first->text[0] == '/' ? from_path(m, call)
                                                      : from_url(m, call);
}
