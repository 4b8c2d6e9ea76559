/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent in DFOTA mode: START, UPDATING.., END, reboot. One step of the
 * updater per turn of the loop, so that the control socket stays alive and
 * flash takes the time that flash takes.
 */
#include "base/err.h"
#include "modem/modem.h"
#include "os/log.h"

enum cause agent_cause(int err, bool restoring)
{
    switch (err) {
    case 0:
        return CAUSE_NONE;
    case DFOTA_E_NOPACKAGE:
        return CAUSE_NO_PACKAGE;
    case DFOTA_E_CORRUPT:
    case DFOTA_E_TRUNCATED:
    case DFOTA_E_VERSION:
    case DFOTA_E_ARCH:
    case DFOTA_E_SIGNATURE:
    case DFOTA_E_KEY:
    case DFOTA_E_COUNTER:
    case DFOTA_E_PERMIT:
    case DFOTA_E_TARGET:
        return CAUSE_PACKAGE;
    case DFOTA_E_CLASS:
    case DFOTA_E_SLOT:
    case DFOTA_E_BACKUP:
    case DFOTA_E_SOURCE:
        return CAUSE_MISMATCH;
    case DFOTA_E_ARENA:
    case DFOTA_E_NOMEM:
        return CAUSE_MEMORY;
    default:
        return restoring ? CAUSE_RESTORE : CAUSE_UPDATE;
    }
}

static bool has_restore(const struct module *m)
{
    return m->d->restore.step > 0;
}

static void on_ended(uv_timer_t *timer)
{
    struct module *m = timer->data;

    bool stays = m->agent.failed && !m->d->reboot_on_failure;

    agent_stop(m);
    if (stays && m->power == POWER_DFOTA)
        module_resume(m);
    else
        module_reset(m, m->d->timing.boot);
}

/* What was in the package is in the slot: the length first, then confirm,
 * then the package goes; each step may be the last before a cut, and the
 * next boot takes it from there (modem.c). */
static void succeed(struct module *m)
{
    struct agent *a = &m->agent;

    urc_count(m, &a->counter, 100);
    urc_end(m, STAGE_END, m->d->answers[CAUSE_NONE].number);
}

static void end_update(struct module *m, int err)
{
    struct agent *a = &m->agent;
    enum cause cause = agent_cause(err, a->restoring);

    if (cause == CAUSE_NONE) {
        succeed(m);
    } else {
        log_error("the update failed: %s", dfota_strerror(err));
        urc_end(m, STAGE_END, m->d->answers[cause].number);
    }
    a->failed = cause != CAUSE_NONE;
    m->set.pending = false;
    settings_save(&m->set);
    a->state = AGENT_ENDED;
    uv_timer_start(&a->timer, on_ended, module_pause(m, m->d->timing.reboot),
                   0);
}

/* A boot that finds RESTORE begun says so and counts that; one that goes
 * from UPDATING to RESTORE finishes the first count. */
static void begin_restore(struct module *m)
{
    struct agent *a = &m->agent;
    bool again = a->resumed && a->counter.next == a->counter.rule->first;

    a->restoring = true;
    if (again && m->d->resume_banner)
        terminal_urc(m, "%s", m->d->resume_banner);
    else
        urc_count(m, &a->counter, 100);
    urc_count_begin(&a->counter, STAGE_RESTORE,
                    again ? &m->d->restore_resumed : &m->d->restore);
}

static void show_progress(struct module *m)
{
    struct agent *a = &m->agent;
    unsigned done = chip_permille(&m->chip, !has_restore(m)) / 10;

    if (has_restore(m) && !a->restoring &&
        m->chip.progress.stage == DFOTA_STAGE_COPY)
        begin_restore(m);
    if (a->restoring)
        done = chip_restore_permille(&m->chip) / 10;
    /* 100 is said once the image is known to be good. */
    urc_count(m, &a->counter, done < 100 ? done : 99);
}

static uint64_t flash_time_ms(struct module *m)
{
    double us = (double)chip_take_time_us(&m->chip);

    return m->c->speed > 0 ? (uint64_t)(us / 1000 / m->c->speed) : 0;
}

static void on_step(uv_timer_t *timer)
{
    struct module *m = timer->data;
    int err = chip_poll(&m->chip);

    show_progress(m);
    if (err == DFOTA_MORE)
        uv_timer_start(timer, on_step, flash_time_ms(m), 0);
    else
        end_update(m, err == DFOTA_DONE ? 0 : err);
}

static void begin_steps(struct module *m)
{
    struct agent *a = &m->agent;
    int err;

    a->state = AGENT_UPDATING;
    a->restoring = false;
    urc_count_begin(&a->counter, STAGE_UPDATING, &m->d->updating);
    urc_stage(m, STAGE_START);
    err = a->resumed ? 0 : chip_start(&m->chip);
    if (err) {
        end_update(m, err);
        return;
    }
    if (m->set.pending) {
        m->set.pending = false;
        m->set.updates++;
        settings_save(&m->set);
    }
    uv_timer_start(&a->timer, on_step, 0, 0);
}

static void on_begin(uv_timer_t *timer)
{
    begin_steps(timer->data);
}

void agent_boot_dfota(struct module *m, bool resumed)
{
    m->agent.resumed = resumed;
    m->agent.state = AGENT_RESETTING;
    uv_timer_start(&m->agent.timer, on_begin, 0, 0);
}

void agent_boot_held(struct module *m, int err)
{
    enum cause cause = agent_cause(err, has_restore(m));

    urc_stage(m, STAGE_START);
    urc_end(m, STAGE_END, m->d->answers[cause].number);
    log_error("no image is whole; `recover FILE` on the control socket puts "
              "one there");
}
