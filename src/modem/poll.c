/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/poll.h"

#include <stdio.h>
#include <string.h>

#include "modem/modem.h"
#include "os/log.h"
#include "port/sim/sim_flash.h"

/* What keeps a poll from being made, as POLLING says it. */
enum { NOT_REGISTERED = -1, FOREIGN_SIM = -2, NO_SIM = -3, ROAMING = -4 };

/* A timer is never set further than this: the clock may be moved. */
enum { NAP_MAX_S = 3600 };

static void on_timer(uv_timer_t *timer);

static void set_due(struct module *m, uint32_t base_s)
{
    const struct polling *p = m->d->polling;

    module_keep_clock(m);
    m->set.poll_due = module_clock(m) + base_s +
                      (int64_t)(sim_random(&m->poll.seed) % p->spread_s);
    settings_save(&m->set);
}

static void say_time(struct module *m)
{
    int64_t left = m->set.poll_due - module_clock(m);

    m->poll.announced = true;
    urc_poll(m, "polling_time", NULL, left > 0 ? (int)left : 0);
}

/* Wait for the due time. At speed 0 the module's clock runs as ours does:
 * a wait of days ends by the control socket's `clock`. */
static void arm(struct module *m)
{
    int64_t left = m->set.poll_due - module_clock(m);
    double speed = m->c->speed > 0 ? m->c->speed : 1;

    uv_timer_stop(&m->poll.timer);
    if (!m->d->polling || !m->poll.searched || m->poll.stopped ||
        agent_busy(m) || m->power != POWER_ON)
        return;
    if (left < 0)
        left = 0;
    if (left > NAP_MAX_S)
        left = NAP_MAX_S;
    uv_timer_start(&m->poll.timer, on_timer,
                   (uint64_t)((double)left * 1000 / speed), 0);
}

static void report(struct module *m)
{
    bool update = m->set.report == POLL_REPORT_UPDATE;

    m->poll.reporting = true;
    if (update)
        urc_poll(m, "report_result", "start", -1);
    fota_client_report(&m->poll.client, update, m->set.report_code);
}

/* Numbers of the network, and of a server that has a bad day: the report is
 * made again at the next start. */
static bool is_passing(uint16_t number)
{
    return (number > 700 && number <= 704) || number >= 850;
}

static void on_reported(struct module *m, uint16_t number)
{
    bool update = m->set.report == POLL_REPORT_UPDATE;

    m->poll.reporting = false;
    if (update)
        urc_poll(m, "report_result", "end", number);
    if (!is_passing(number)) {
        m->set.report = POLL_REPORT_NONE;
        settings_save(&m->set);
    }
    if (!m->poll.announced)
        say_time(m);
    arm(m);
}

/* Refused: told as a download that failed before it began. */
static void say_refused(struct module *m, uint16_t number)
{
    m->agent.words = &m->d->polling->words;
    urc_stage(m, STAGE_HTTPSTART);
    urc_end(m, STAGE_HTTPEND, number);
}

static void begin_update(struct module *m, const struct fota_plan *plan)
{
    struct url url;
    const char *text = plan->url;
    size_t len = strlen(text);

    snprintf(m->set.plan, sizeof m->set.plan, "%s", plan->plan);
    snprintf(m->set.attempt, sizeof m->set.attempt, "%s", plan->attempt);
    settings_save(&m->set);
    if (url_parse(&url, text, len, &m->d->url) == 0) {
        agent_start_polled(m, &url, plan->has_digest ? plan->sha256 : NULL);
        return;
    }
    say_refused(m, m->d->answers[CAUSE_URL].number);
    poll_not_downloaded(m, m->d->answers[CAUSE_URL].number);
}

static void on_asked(struct module *m, uint16_t number,
                     const struct fota_plan *plan)
{
    m->poll.asking = false;
    /* Kept before anything is said: a cut from here on waits as long. */
    set_due(m, m->d->polling->again_s);
    if (number == 0) {
        begin_update(m, plan);
        return;
    }
    if (number != m->d->polling->nothing_new)
        say_refused(m, number);
    say_time(m);
    arm(m);
}

static void on_done(struct module *m, uint16_t number,
                    const struct fota_plan *plan)
{
    if (m->poll.asking)
        on_asked(m, number, plan);
    else
        on_reported(m, number);
}

static int obstacle(const struct module *m)
{
    switch (m->radio.sim) {
    case SIM_OUT:
        return NO_SIM;
    case SIM_OTHER:
        return FOREIGN_SIM;
    case SIM_ROAMING:
        return ROAMING;
    default:
        return radio_registered(&m->radio) ? 0 : NOT_REGISTERED;
    }
}

static void ask(struct module *m)
{
    int why = obstacle(m);

    if (why == 0) {
        m->poll.asking = true;
        fota_client_ask(&m->poll.client);
        return;
    }
    urc_poll(m, "POLLING", NULL, why);
    if (why == FOREIGN_SIM || why == ROAMING) {
        m->poll.stopped = true;
        return;
    }
    set_due(m, m->d->polling->again_s);
    say_time(m);
    arm(m);
}

static void on_timer(uv_timer_t *timer)
{
    struct module *m = timer->data;

    if (module_clock(m) >= m->set.poll_due && !m->poll.reporting)
        ask(m);
    else
        arm(m);
}

bool poll_busy(const struct module *m)
{
    return m->poll.asking;
}

void poll_searched(struct module *m)
{
    const struct polling *p = m->d->polling;

    if (!p || m->poll.searched)
        return;
    m->poll.searched = true;
    if (m->set.poll_due == 0)
        set_due(m, p->first_s);
    if (m->set.report != POLL_REPORT_NONE && radio_registered(&m->radio)) {
        report(m);
        return;
    }
    if (radio_registered(&m->radio) && !m->poll.announced)
        say_time(m);
    arm(m);
}

void poll_wake(struct module *m)
{
    if (m->d->polling && !m->poll.reporting && !m->poll.asking)
        arm(m);
}

void poll_sim_changed(struct module *m)
{
    m->poll.stopped = false;
    poll_wake(m);
}

void poll_not_downloaded(struct module *m, uint16_t number)
{
    m->set.report = POLL_REPORT_DOWNLOAD;
    m->set.report_code = number;
    settings_save(&m->set);
    say_time(m);
    report(m);
}

void poll_ended(struct module *m, uint16_t number)
{
    m->set.report = POLL_REPORT_UPDATE;
    m->set.report_code = number;
    m->poll.announced = false; /* said again behind the report */
    settings_save(&m->set);
}

void poll_hold(struct module *m)
{
    uv_timer_stop(&m->poll.timer);
    if (m->d->polling)
        fota_client_stop(&m->poll.client);
    m->poll.asking = m->poll.reporting = m->poll.searched = false;
}

void poll_stop(struct module *m)
{
    poll_hold(m);
    m->poll.announced = m->poll.stopped = false;
}

void poll_init(struct module *m)
{
    uv_timer_init(m->loop, &m->poll.timer);
    m->poll.timer.data = m;
    m->poll.seed = m->c->seed;
    if (!m->d->polling)
        return;
    fota_client_init(&m->poll.client, m);
    m->poll.client.done = on_done;
}

void poll_close(struct module *m)
{
    if (m->d->polling)
        fota_client_close(&m->poll.client);
    uv_close((uv_handle_t *)&m->poll.timer, NULL);
}
