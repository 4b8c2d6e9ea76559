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
    return m->agent.words->restore.step > 0;
}

/* The whole image fits into the backup: an update that is found open is in
 * RESTORE. */
static bool one_window(const struct module *m)
{
    return m->c->memory.backup >= m->c->memory.slot;
}

static void on_ended(uv_timer_t *timer)
{
    struct module *m = timer->data;

    agent_stop(m);
    module_reset(m, m->d->timing.boot);
}

static void end_update(struct module *m, int err)
{
    struct agent *a = &m->agent;
    enum cause cause = agent_cause(err, a->restoring);
    uint16_t number = m->d->answers[cause].number;

    if (a->origin == ORIGIN_POLL)
        poll_ended(m, number);
    if (a->origin == ORIGIN_LWM2M)
        lwm2m_update_ended(m, cause == CAUSE_NONE);
    if (cause == CAUSE_NONE && a->origin == ORIGIN_LOCAL && m->d->local_file)
        filestore_remove(&m->files, m->d->local_file);
    if (m->set.pending) {
        m->set.pending = false;
        settings_save(&m->set);
    }
    /* Just before it is said: a cut on either side finds what the line
     * told. */
    settings_unmark(&m->set);
    if (cause == CAUSE_NONE)
        urc_count(m, &a->counter, 100);
    else
        log_error("the update failed: %s", dfota_strerror(err));
    urc_end(m, STAGE_END, number);
    a->failed = cause != CAUSE_NONE;
    a->state = AGENT_ENDED;
    if (a->failed && !m->d->reboot_on_failure) {
        agent_stop(m);
        module_resume(m); /* at once */
        return;
    }
    uv_timer_start(&a->timer, on_ended, module_pause(m, m->d->timing.reboot),
                   0);
}

static void begin_restore(struct module *m, bool again)
{
    struct agent *a = &m->agent;

    a->restoring = true;
    urc_count_begin(&a->counter, STAGE_RESTORE,
                    again ? &a->words->restore_resumed : &a->words->restore);
}

static void show_progress(struct module *m)
{
    struct agent *a = &m->agent;
    unsigned done = chip_permille(&m->chip, !has_restore(m)) / 10;

    if (has_restore(m) && !a->restoring &&
        m->chip.progress.stage == DFOTA_STAGE_COPY) {
        urc_count(m, &a->counter, 100);
        begin_restore(m, false);
    }
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

/* What is said first: an update that is found in RESTORE goes on there. */
static void say_start(struct module *m)
{
    struct agent *a = &m->agent;
    bool again = a->found != DFOTA_BOOT_FIRST && has_restore(m) &&
                 a->words->resume_word && one_window(m);

    a->restoring = false;
    urc_count_begin(&a->counter, STAGE_UPDATING, &a->words->updating);
    if (again)
        urc_resumed(m);
    if (!again || a->origin == ORIGIN_LOCAL)
        urc_stage(m, STAGE_START);
    if (again)
        begin_restore(m, true);
}

static void begin_steps(struct module *m)
{
    struct agent *a = &m->agent;
    int err;

    a->state = AGENT_UPDATING;
    say_start(m);
    err = a->found == DFOTA_BOOT_FIRST ? chip_start(&m->chip) : 0;
    if (err || a->found == DFOTA_BOOT_FINISHED) {
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

void agent_boot_dfota(struct module *m, enum dfota_boot found)
{
    /* A cut has wiped the memory: what is kept tells who began it. */
    m->agent.origin = (enum origin)m->set.origin;
    m->agent.words = agent_words(m, m->agent.origin);
    m->agent.found = found;
    m->agent.state = AGENT_RESETTING;
    uv_timer_start(&m->agent.timer, on_begin, 0, 0);
}

void agent_boot_held(struct module *m, int err)
{
    enum cause cause;

    m->agent.words = agent_words(m, (enum origin)m->set.origin);
    cause = agent_cause(err, has_restore(m));
    urc_stage(m, STAGE_START);
    urc_end(m, STAGE_END, m->d->answers[cause].number);
    log_error("no image is whole; `recover FILE` on the control socket puts "
              "one there");
}
