/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The package of an update by LwM2M: written by the server or fetched from a
 * URI, stored on the chip, verified, applied; and the URCs of all that.
 */
#include <string.h>

#include "base/err.h"
#include "modem/lwm2m_parts.h"
#include "os/log.h"

static uint64_t now_of(const struct module *m)
{
    return uv_now(m->loop);
}

/* ---- the package --------------------------------------------------------- */

static int begin_package(struct module *m)
{
    if (agent_active(m))
        return DFOTA_E_BUSY;
    m->set.package_len = 0;
    if (settings_save(&m->set) != 0)
        return DFOTA_E_IO;
    return chip_package_begin(&m->chip);
}

static int fw_begin(void *ctx)
{
    struct module *m = ctx;
    int err = begin_package(m);

    m->lwm2m->pulls = false;
    m->lwm2m->got = 0;
    if (!err)
        terminal_urc(m, "+LWM2M: \"FOTA\",\"DOWNLOADING\",\"START\"");
    return err;
}

static int fw_write(void *ctx, const void *data, size_t len)
{
    struct module *m = ctx;

    m->lwm2m->got += (uint32_t)len;
    return chip_package_write(&m->chip, data, len);
}

/* Stored whole: it becomes the module's package, and is verified as an
 * update would verify it. */
static int verify(struct module *m, uint32_t len)
{
    int err = chip_package_end(&m->chip);

    m->set.package_len = len;
    if (!err)
        err = settings_save(&m->set);
    return err ? err : chip_check(&m->chip, len);
}

static int fw_finish(void *ctx)
{
    struct module *m = ctx;
    struct lwm2m_module *l = m->lwm2m;
    int err = verify(m, l->pulls ? (uint32_t)l->download.got : l->got);

    if (!l->pulls) {
        if (!err)
            terminal_urc(m, "+LWM2M: \"FOTA\",\"DOWNLOADING\",\"COMPLETED\"");
        return err;
    }
    terminal_urc(m, "+LWM2M: \"FOTA\",\"DOWNLOADED\",%u",
                 err ? m->d->answers[CAUSE_LENGTH].number : 0);
    return err;
}

static void fw_erase(void *ctx)
{
    struct module *m = ctx;

    download_stop(&m->lwm2m->download);
    m->set.package_len = 0;
    settings_save(&m->set);
    chip_package_erase(&m->chip);
}

/* "ftp://": a protocol, though none that the module has heard of. */
static bool names_a_scheme(const char *uri)
{
    size_t len = strspn(uri, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    return len > 0 && strncmp(uri + len, "://", 3) == 0;
}

static int parse(const struct module *m, const char *uri, struct url *url)
{
    int err = url_parse(url, uri, strlen(uri), &m->d->url);

    if (err == DFOTA_E_SYNTAX && url->scheme == 0 && names_a_scheme(uri))
        return DFOTA_E_UNSUPPORTED;
    return err == DFOTA_E_SYNTAX || err == DFOTA_E_FULL ? DFOTA_E_ARG : err;
}

static int fw_check(void *ctx, const char *uri)
{
    struct module *m = ctx;
    struct url url;

    return agent_active(m) ? DFOTA_E_BUSY : parse(m, uri, &url);
}

/* ---- the fetch ----------------------------------------------------------- */

/* What a download's end is for the Firmware Update object. */
static int err_of(enum cause cause)
{
    switch (cause) {
    case CAUSE_NONE:
        return 0;
    case CAUSE_URL:
    case CAUSE_STATUS:
    case CAUSE_NOT_FOUND:
        return DFOTA_E_ARG;
    case CAUSE_TOO_LARGE:
    case CAUSE_STORE:
        return DFOTA_E_FULL;
    case CAUSE_LENGTH:
        return DFOTA_E_CORRUPT;
    default:
        return DFOTA_E_CONNECT;
    }
}

static void on_progress(struct module *m, unsigned percent)
{
    urc_count(m, &m->lwm2m->counter, percent < 100 ? percent : 99);
}

static void on_downloaded(struct module *m, enum cause cause)
{
    struct lwm2m_module *l = m->lwm2m;

    if (cause == CAUSE_NONE)
        urc_count(m, &l->counter, 100);
    else
        terminal_urc(m, "+LWM2M: \"FOTA\",\"DOWNLOADED\",%u",
                     m->d->answers[cause].number);
    lwm2m_client_fetched(&l->client, now_of(m), err_of(cause));
}

/* The download begins when there is a network, after a reboot too. */
static void begin_fetch(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;

    l->pull_due = false;
    urc_stage(m, l->coap ? STAGE_COAPSTART : STAGE_HTTPSTART);
    m->set.package_len = 0;
    settings_save(&m->set);
    l->download.progress = on_progress;
    l->download.done = on_downloaded;
    l->download.wants_digest = false;
    if (url_usable(&l->url, m->set.ip_type != 0))
        download_begin(&l->download, &l->url);
    else
        on_downloaded(m, CAUSE_URL);
}

void lwm2m_fetch_when_due(uv_timer_t *timer)
{
    struct module *m = timer->data;

    if (m->lwm2m->pull_due && m->lwm2m->running && radio_registered(&m->radio))
        begin_fetch(m);
}

static void fw_fetch(void *ctx, const char *uri, bool resume)
{
    struct module *m = ctx;
    struct lwm2m_module *l = m->lwm2m;
    static const struct percent none = {0};

    (void)resume; /* the download's own note tells where it was */
    if (parse(m, uri, &l->url) != 0)
        return;
    l->coap = l->url.scheme == URL_COAP || l->url.scheme == URL_COAPS;
    l->pulls = true;
    l->pull_due = true;
    urc_count_begin(&l->counter, STAGE_DOWNLOADING,
                    l->coap ? &none : &m->d->words.downloading);
    uv_timer_start(&l->fetch_timer, lwm2m_fetch_when_due, 0, 0);
}

static void fw_changed(void *ctx)
{
    const struct module *m = ctx;
    const struct firmware_kept *kept = &m->lwm2m->client.firmware.kept;

    log_debug("LwM2M: firmware state %u, result %u", kept->state, kept->result);
}

static void fw_update(void *ctx)
{
    struct module *m = ctx;

    m->lwm2m->set.found = FIRMWARE_FOUND_NOTHING;
    lwm2m_settings_save(&m->lwm2m->set);
    agent_apply(m);
}

const struct firmware_ops lwm2m_firmware_ops = {
    .begin = fw_begin,
    .write = fw_write,
    .finish = fw_finish,
    .erase = fw_erase,
    .check = fw_check,
    .fetch = fw_fetch,
    .changed = fw_changed,
    .update = fw_update,
};
