/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "modem/handlers.h"

bool at_integer(const struct at_call *call, size_t i, int64_t low, int64_t high,
                int64_t otherwise, int64_t *value)
{
    const struct param *p = &call->params->p[i];

    *value = otherwise;
    if (i >= call->params->count || p->kind == PARAM_NONE)
        return true;
    *value = p->value;
    return p->kind == PARAM_INT && p->value >= low && p->value <= high;
}

const char *at_text(const struct at_call *call, size_t i)
{
    const struct param *p = &call->params->p[i];

    if (i >= call->params->count || p->kind == PARAM_NONE)
        return NULL;
    return p->text;
}

static int set_flag(const struct at_call *call, bool *flag)
{
    if (call->command->number > 1)
        return AT_ERROR;
    *flag = call->command->number == 1;
    return AT_OK;
}

int at_echo(struct module *m, const struct at_call *call)
{
    return set_flag(call, &m->term.echo);
}

int at_verbose(struct module *m, const struct at_call *call)
{
    return set_flag(call, &m->term.verbose);
}

int at_quiet(struct module *m, const struct at_call *call)
{
    return set_flag(call, &m->term.quiet);
}

/* ATZ: back to what AT&W stored. */
int at_reset(struct module *m, const struct at_call *call)
{
    if (call->command->number > 1)
        return AT_ERROR;
    terminal_reset(m);
    return AT_OK;
}

/* AT&F: back to the factory's settings, what AT&W stored stays. */
int at_factory(struct module *m, const struct at_call *call)
{
    if (call->command->number > 0)
        return AT_ERROR;
    terminal_reset(m);
    m->term.echo = true;
    m->term.cmee = 1;
    return AT_OK;
}

int at_save(struct module *m, const struct at_call *call)
{
    if (call->command->number > 1)
        return AT_ERROR;
    m->set.echo = m->term.echo;
    m->set.cmee = m->term.cmee;
    return settings_save(&m->set) == 0 ? AT_OK : AT_ERROR;
}

int at_s(struct module *m, const struct at_call *call)
{
    struct syntax *s = &m->term.syntax;
    uint8_t *places[] = {&s->s3, &s->s4, &s->s5};
    uint32_t number = call->command->number;
    int64_t value;

    if (number == 0) { /* rings before an answer: there are no calls */
        if (call->command->form == FORM_READ)
            terminal_info(m, "000");
        return at_integer(call, 0, 0, 255, 0, &value) ? AT_OK : AT_ERROR;
    }
    if (number < 3 || number > 5)
        return AT_ERROR;
    if (call->command->form == FORM_READ) {
        terminal_info(m, "%03u", *places[number - 3]);
        return AT_OK;
    }
    /* V.250 lets a missing value mean 0: a line end that nobody can type. */
    if (call->params->count == 0 || !at_integer(call, 0, 0, 127, 0, &value))
        return AT_ERROR;
    *places[number - 3] = (uint8_t)value;
    return AT_OK;
}

int at_d(struct module *m, const struct at_call *call)
{
    if (call->command->number > 2)
        return AT_ERROR;
    m->term.dtr_rule = (uint8_t)call->command->number;
    return AT_OK;
}

int at_view(struct module *m, const struct at_call *call)
{
    const struct terminal *t = &m->term;

    (void)call;
    terminal_info(m, "E%d Q%d V%d &D%u S3:%03u S4:%03u S5:%03u", t->echo,
                  t->quiet, t->verbose, t->dtr_rule, t->syntax.s3, t->syntax.s4,
                  t->syntax.s5);
    return AT_OK;
}

int at_zero_or_one(struct module *m, const struct at_call *call)
{
    (void)m;
    return call->command->number <= 1 ? AT_OK : AT_ERROR;
}

int at_any(struct module *m, const struct at_call *call)
{
    (void)m;
    return call->command->number <= 4 ? AT_OK : AT_ERROR;
}

static bool is_rate(const struct module *m, int64_t value)
{
    const char *p = m->d->rates;

    while (*p) {
        if (*p >= '0' && *p <= '9') {
            char *end;

            if (strtoll(p, &end, 10) == value)
                return true;
            p = end;
        } else {
            p++;
        }
    }
    return false;
}

int at_rate(struct module *m, const struct at_call *call)
{
    int64_t value;

    if (call->command->form == FORM_TEST) {
        terminal_info(m, "+IPR: (),(%s)", m->d->rates);
        return AT_OK;
    }
    if (call->command->form == FORM_READ) {
        terminal_info(m, "+IPR: %u", m->set.rate);
        return AT_OK;
    }
    if (call->params->count != 1 ||
        !at_integer(call, 0, 0, 4000000, 0, &value) || !is_rate(m, value))
        return AT_ERROR;
    m->set.rate = (uint32_t)value;
    m->term.rate_due = true;
    return settings_save(&m->set) == 0 ? AT_OK : AT_ERROR;
}

int at_cmee(struct module *m, const struct at_call *call)
{
    int64_t value;

    if (call->command->form == FORM_READ) {
        terminal_info(m, "+CMEE: %u", m->term.cmee);
        return AT_OK;
    }
    if (call->params->count > 1 || !at_integer(call, 0, 0, 2, 0, &value))
        return AT_ERROR;
    m->term.cmee = (uint8_t)value;
    return AT_OK;
}

static void list_one(void *ctx, const struct command *c)
{
    terminal_info(ctx, "AT%s", c->name);
}

int at_list(struct module *m, const struct at_call *call)
{
    (void)call;
    dialect_commands(m->d, list_one, m);
    return AT_OK;
}

int at_gcap(struct module *m, const struct at_call *call)
{
    (void)call;
    terminal_info(m, "+GCAP: +CGSM");
    return AT_OK;
}
