/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "modem/handlers.h"

int at_csq(struct module *m, const struct at_call *call)
{
    int csq = radio_csq(&m->radio);

    (void)call;
    terminal_info(m, "+CSQ: %d,%u", csq, csq == 99 ? 99 : m->d->radio.ber);
    return AT_OK;
}

int at_cesq(struct module *m, const struct at_call *call)
{
    (void)call;
    terminal_info(m, "+CESQ: %s",
                  radio_csq(&m->radio) == 99 ? "99,99,255,255,255,255"
                                             : m->d->radio.cesq);
    return AT_OK;
}

static int registration(struct module *m, const struct at_call *call,
                        const char *name, int which, uint8_t home)
{
    uint8_t report = m->creg_report[which];
    uint8_t stat = radio_stat(&m->radio, home);
    int64_t value;

    if (call->command->form == FORM_WRITE) {
        if (call->params->count > 1 || !at_integer(call, 0, 0, 2, 0, &value))
            return AT_ERROR;
        m->creg_report[which] = (uint8_t)value;
        return AT_OK;
    }
    if (report == 2 && (stat == 1 || stat == 5))
        terminal_info(m, "%s: %u,%u,\"2D5D\",\"01A2D001\",%u", name, report,
                      stat, m->d->radio.access);
    else
        terminal_info(m, "%s: %u,%u", name, report, stat);
    return AT_OK;
}

int at_creg(struct module *m, const struct at_call *call)
{
    return registration(m, call, "+CREG", 0, m->d->radio.creg);
}

int at_cgreg(struct module *m, const struct at_call *call)
{
    return registration(m, call, "+CGREG", 1, m->d->radio.cgreg);
}

int at_cereg(struct module *m, const struct at_call *call)
{
    return registration(m, call, "+CEREG", 2, m->d->radio.cereg);
}

int at_cops(struct module *m, const struct at_call *call)
{
    const struct radio_profile *p = &m->d->radio;
    int64_t mode;

    if (call->command->form == FORM_WRITE)
        return at_integer(call, 0, 0, 4, 0, &mode) ? AT_OK : AT_ERROR;
    if (!radio_registered(&m->radio))
        terminal_info(m, "+COPS: 0");
    else
        terminal_info(m, "+COPS: 0,%u,\"%s\",%u", p->operator_format,
                      p->operator_name, p->access);
    return AT_OK;
}

int at_cpin(struct module *m, const struct at_call *call)
{
    (void)call;
    if (m->radio.sim == SIM_OUT)
        return 10;
    terminal_info(m, "+CPIN: READY");
    return AT_OK;
}

int at_cgatt(struct module *m, const struct at_call *call)
{
    int64_t value;

    if (call->command->form == FORM_READ) {
        terminal_info(m, "+CGATT: %d", radio_registered(&m->radio));
        return AT_OK;
    }
    if (call->params->count != 1 || !at_integer(call, 0, 0, 1, 0, &value))
        return AT_ERROR;
    m->radio.attached = value == 1;
    module_radio_changed(m);
    return AT_OK;
}

static int set_fun(struct module *m, uint8_t fun, bool reset)
{
    if (reset && agent_busy(m))
        agent_stop(m);
    m->radio.fun = fun;
    if (reset)
        module_reset(m, m->d->timing.boot);
    else
        module_radio_changed(m);
    return AT_OK;
}

int at_cfun(struct module *m, const struct at_call *call)
{
    int64_t fun, reset;

    if (call->command->form == FORM_READ) {
        terminal_info(m, "+CFUN: %u", m->radio.fun);
        return AT_OK;
    }
    if (call->params->count < 1 || call->params->count > 2 ||
        !at_integer(call, 0, 0, 4, -1, &fun) ||
        !at_integer(call, 1, 0, 1, 0, &reset) ||
        (fun != 0 && fun != 1 && fun != 4))
        return AT_ERROR;
    return set_fun(m, (uint8_t)fun, reset == 1);
}

/* +CCLK: "yy/MM/dd,hh:mm:ss+zz", zz quarters of an hour: UTC here. */
int at_cclk(struct module *m, const struct at_call *call)
{
    time_t now = (time_t)module_clock(m);
    struct tm tm;
    char text[80];

    (void)call;
    gmtime_r(&now, &tm);
    snprintf(text, sizeof text, "%02d/%02d/%02d,%02d:%02d:%02d+00",
             tm.tm_year % 100, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    terminal_info(m, "+CCLK: \"%s\"", text);
    return AT_OK;
}

static void on_powered_down(uv_timer_t *timer)
{
    struct module *m = timer->data;

    terminal_urc(m, "POWERED DOWN");
    module_power_off(m);
}

int at_qpowd(struct module *m, const struct at_call *call)
{
    int64_t mode;

    if (call->params->count > 1 || !at_integer(call, 0, 0, 1, 1, &mode))
        return AT_ERROR;
    uv_timer_start(&m->power_timer, on_powered_down, module_pause(m, 500), 0);
    return AT_OK;
}
