/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trigger and the download; what happens in DFOTA mode is
 * agent_update.c.
 */
#include "modem/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/modem.h"
#include "os/files.h"
#include "os/log.h"

static bool is_coap(const struct url *u)
{
    return u->scheme == URL_COAP || u->scheme == URL_COAPS;
}

const char *agent_stage(const struct module *m)
{
    static const char *const names[] = {
        [AGENT_IDLE] = "idle",
        [AGENT_ACCEPTED] = "accepted",
        [AGENT_DOWNLOADING] = "downloading",
        [AGENT_UPLOADING] = "uploading",
        [AGENT_DELAYED] = "delayed",
        [AGENT_SETTLING] = "settling",
        [AGENT_RESETTING] = "resetting",
        [AGENT_UPDATING] = "updating",
        [AGENT_ENDED] = "ended",
    };

    return names[m->agent.state];
}

const char *agent_work(const struct module *m)
{
    static const char *const names[] = {
        [DFOTA_STAGE_IDLE] = "none",         [DFOTA_STAGE_PREPARE] = "prepare",
        [DFOTA_STAGE_DECODE] = "decode",     [DFOTA_STAGE_COPY] = "copy",
        [DFOTA_STAGE_FINISHED] = "finished",
    };

    return m->agent.state == AGENT_UPDATING ? names[m->chip.progress.stage]
                                            : "none";
}

const struct wording *agent_words(const struct module *m, enum origin origin)
{
    return origin == ORIGIN_POLL && m->d->polling ? &m->d->polling->words
                                                  : &m->d->words;
}

bool agent_active(const struct module *m)
{
    return m->agent.state != AGENT_IDLE || poll_busy(m);
}

bool agent_busy(const struct module *m)
{
    return agent_active(m) || lwm2m_busy(m);
}

static void later(struct module *m, uv_timer_cb callback, uint32_t ms)
{
    uv_timer_start(&m->agent.timer, callback, module_pause(m, ms), 0);
}

static void end_download(struct module *m, enum cause cause)
{
    bool coap = is_coap(&m->agent.url);

    urc_end(m, coap ? STAGE_COAPEND : STAGE_HTTPEND,
            m->d->answers[cause].number);
}

/* From here on a power cut counts as one in UPDATING. */
static void mark(struct module *m)
{
    m->set.pending = true;
    settings_save(&m->set);
    settings_mark(&m->set, m->agent.origin);
}

/* No reset on the way: DFOTA mode begins with START. */
static void on_start_here(uv_timer_t *timer)
{
    struct module *m = timer->data;

    mark(m);
    poll_hold(m);
    m->term.dumb = true;
    m->power = POWER_DFOTA;
    agent_boot_dfota(m, DFOTA_BOOT_FIRST);
}

/* The mark is made before the word is said. */
static void on_settled(uv_timer_t *timer)
{
    struct module *m = timer->data;

    m->agent.state = AGENT_RESETTING;
    if (m->d->dumb_from == DUMB_FROM_START) {
        later(m, on_start_here, m->d->timing.reset);
        return;
    }
    mark(m);
    if (m->d->dumb_from == DUMB_FROM_RESETTING)
        urc_stage(m, STAGE_RESETTING);
    m->term.dumb = true;
    module_reset(m, m->d->timing.reset);
}

/* A module that asks by itself gives the host time, if the host wants. */
static void settle(struct module *m)
{
    if (m->agent.origin == ORIGIN_POLL && m->set.delay_s > 0) {
        m->agent.state = AGENT_DELAYED;
        urc_end(m, STAGE_UPDATE_TIMEOUT, m->set.delay_s);
        later(m, on_settled, m->set.delay_s * 1000U);
        return;
    }
    m->agent.state = AGENT_SETTLING;
    later(m, on_settled, m->d->timing.settle);
}

bool agent_accept(struct module *m)
{
    if (m->agent.state != AGENT_DELAYED)
        return false;
    m->agent.state = AGENT_SETTLING;
    later(m, on_settled, 1);
    return true;
}

static void on_progress(struct module *m, unsigned percent)
{
    /* The last step belongs to the verdict. */
    urc_count(m, &m->agent.counter, percent < 100 ? percent : 99);
}

static void on_downloaded(struct module *m, enum cause cause)
{
    struct agent *a = &m->agent;

    if (cause == CAUSE_NONE) {
        urc_count(m, &a->counter, 100);
        m->set.package_len = (uint32_t)a->download.got;
        if (settings_save(&m->set) != 0)
            cause = CAUSE_STORE;
    }
    end_download(m, cause);
    if (cause == CAUSE_NONE && m->d->after_download) {
        terminal_urc(m, "%s", m->d->after_download);
        m->radio.contexts = 0;
    }
    if (cause == CAUSE_NONE && !a->manual) {
        settle(m);
        return;
    }
    a->state = AGENT_IDLE;
    if (a->origin == ORIGIN_POLL)
        poll_not_downloaded(m, m->d->answers[cause].number);
    poll_wake(m);
}

static void begin_download(struct module *m)
{
    struct agent *a = &m->agent;
    static const struct percent none = {0};
    bool coap = is_coap(&a->url);

    a->state = AGENT_DOWNLOADING;
    urc_count_begin(&a->counter, STAGE_DOWNLOADING,
                    coap ? &none : &a->words->downloading);
    urc_stage(m, coap ? STAGE_COAPSTART : STAGE_HTTPSTART);
    /* Whatever package was there is about to be overwritten. */
    m->set.package_len = 0;
    settings_save(&m->set);
    if (!radio_registered(&m->radio)) {
        on_downloaded(m, CAUSE_OFFLINE);
    } else if (!url_usable(&a->url, m->set.ip_type != 0)) {
        on_downloaded(m, CAUSE_URL);
    } else {
        a->download.progress = on_progress;
        a->download.done = on_downloaded;
        download_begin(&a->download, &a->url);
    }
}

/* A file becomes the stored package, as a download does. One that cannot
 * be read or does not fit leaves no package: START, END tell. */
static void import(struct module *m, const char *file)
{
    uint8_t *data = NULL;
    size_t len = 0;
    char *path = NULL;

    m->set.package_len = 0;
    if (filestore_path(&m->files, file, &path) == 0 &&
        files_read(path, m->c->memory.package, &data, &len) == 0 &&
        chip_package_begin(&m->chip) == 0 &&
        chip_package_write(&m->chip, data, len) == 0 &&
        chip_package_end(&m->chip) == 0)
        m->set.package_len = (uint32_t)len;
    else
        chip_package_erase(&m->chip);
    settings_save(&m->set);
    free(data);
    free(path);
}

static void on_start(uv_timer_t *timer)
{
    struct module *m = timer->data;

    if (m->agent.origin != ORIGIN_LOCAL) {
        begin_download(m);
        return;
    }
    if (m->agent.file[0])
        import(m, m->agent.file);
    on_settled(timer);
}

static bool is_worn(const struct module *m)
{
    return m->d->updates_max > 0 && m->set.updates >= m->d->updates_max;
}

static void accept_trigger(struct module *m, enum origin origin)
{
    m->agent.origin = origin;
    m->agent.words = agent_words(m, origin);
    m->agent.download.wants_digest = false;
    m->agent.state = AGENT_ACCEPTED;
}

int agent_start_url(struct module *m, const struct url *url)
{
    struct agent *a = &m->agent;

    if (agent_busy(m))
        return terminal_answer(m, CAUSE_BUSY);
    if (m->d->needs_context &&
        !(radio_registered(&m->radio) && m->radio.contexts))
        return terminal_answer(m, CAUSE_OFFLINE);
    if (!url->has_port)
        log_warn("%s://%s names no port: %u is used, as the document says",
                 url_scheme_name(url->scheme), url->host, url->port);
    if (is_worn(m))
        return terminal_answer(m, CAUSE_WORN);
    a->url = *url;
    accept_trigger(m, ORIGIN_URL);
    return AT_OK;
}

void agent_start_polled(struct module *m, const struct url *url,
                        const uint8_t *sha256)
{
    struct agent *a = &m->agent;

    a->url = *url;
    accept_trigger(m, ORIGIN_POLL);
    a->download.wants_digest = sha256 != NULL;
    if (sha256)
        memcpy(a->download.wanted, sha256, sizeof a->download.wanted);
    begin_download(m);
}

int agent_start_local(struct module *m, const char *file)
{
    struct agent *a = &m->agent;
    uint32_t size = m->set.package_len;

    if (agent_busy(m))
        return terminal_answer(m, CAUSE_BUSY);
    if (is_worn(m))
        return terminal_answer(m, CAUSE_WORN);
    if (file[0] && filestore_size(&m->files, file, &size) != 0)
        size = 0;
    if (size == 0 && m->d->answers[CAUSE_NO_PACKAGE].form != ANSWER_UPDATE)
        return terminal_answer(m, CAUSE_NO_PACKAGE);
    snprintf(a->file, sizeof a->file, "%s", file);
    accept_trigger(m, ORIGIN_LOCAL);
    return AT_OK;
}

void agent_apply(struct module *m)
{
    accept_trigger(m, ORIGIN_LWM2M);
    m->agent.state = AGENT_RESETTING;
    mark(m);
    module_reset(m, m->d->timing.reset);
}

void agent_line_done(struct module *m)
{
    if (m->agent.state == AGENT_ACCEPTED &&
        !uv_is_active((uv_handle_t *)&m->agent.timer))
        later(m, on_start, m->d->timing.start);
}

void agent_stop(struct module *m)
{
    uv_timer_stop(&m->agent.timer);
    download_stop(&m->agent.download);
    m->agent.state = AGENT_IDLE;
}

void agent_net_lost(struct module *m)
{
    download_net_lost(&m->agent.download);
}

void agent_init(struct module *m)
{
    m->agent.state = AGENT_IDLE;
    m->agent.words = &m->d->words;
    uv_timer_init(m->loop, &m->agent.timer);
    m->agent.timer.data = m;
    download_init(&m->agent.download, m);
}

void agent_close(struct module *m)
{
    uv_close((uv_handle_t *)&m->agent.timer, NULL);
    download_close(&m->agent.download);
}
