/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of lwm2m/ on the module's loop: when it lives, its socket and
 * its timer.
 */
#include "modem/lwm2m_module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/coap_url.h"
#include "modem/lwm2m_credentials.h"
#include "modem/lwm2m_parts.h"
#include "os/log.h"

enum { HANDSHAKE_MS = 60000 }; /* five retransmissions of RFC 6347 */

static uint64_t now_of(const struct module *m)
{
    return uv_now(m->loop);
}

/* ---- time ---------------------------------------------------------------- */

static void on_time(uv_timer_t *timer)
{
    struct module *m = timer->data;

    if (m->lwm2m->running)
        lwm2m_client_tick(&m->lwm2m->client, now_of(m));
}

static void on_wake(void *ctx, uint64_t at)
{
    struct module *m = ctx;
    uint64_t now = now_of(m);

    if (at == COAP_NEVER)
        uv_timer_stop(&m->lwm2m->timer);
    else
        uv_timer_start(&m->lwm2m->timer, on_time, at > now ? at - now : 0, 0);
}

/* ---- the way to the server ----------------------------------------------- */

static void on_open(void *ctx, struct coap_socket *s)
{
    struct module *m = ctx;

    lwm2m_client_connected(&m->lwm2m->client, now_of(m), coap_socket_peer(s));
}

static void on_failed(void *ctx, struct coap_socket *s, enum link_error error,
                      const char *text)
{
    struct module *m = ctx;

    (void)s;
    (void)error;
    log_warn("LwM2M: %s", text);
    lwm2m_client_lost(&m->lwm2m->client, now_of(m));
}

static void on_request(void *ctx, struct coap_socket *s,
                       const struct coap_ticket *ticket,
                       const struct coap_msg *msg)
{
    struct module *m = ctx;

    (void)s;
    lwm2m_client_request(&m->lwm2m->client, now_of(m), ticket, msg);
}

static const struct coap_socket_ops socket_ops = {
    .open = on_open, .failed = on_failed, .request = on_request};

static void on_disconnect(void *ctx)
{
    struct module *m = ctx;

    coap_socket_close(m->lwm2m->socket);
    m->lwm2m->socket = NULL;
}

/* What cannot even be begun fails as everything does: from the loop. */
static void on_hopeless(uv_timer_t *timer)
{
    struct module *m = timer->data;

    lwm2m_client_lost(&m->lwm2m->client, now_of(m));
}

static void on_connect(void *ctx, const struct lwm2m_security *s)
{
    struct module *m = ctx;
    struct lwm2m_module *l = m->lwm2m;
    struct dtls_credentials *credentials = NULL;
    struct coap_url u;
    int err = coap_url_parse(&u, s->uri);

    on_disconnect(m);
    if (!err && !radio_registered(&m->radio))
        err = DFOTA_E_CONNECT;
    if (!err && u.secure)
        err = lwm2m_credentials(m, s, &credentials);
    if (!err)
        l->socket = coap_socket_open(
            m->loop,
            &(struct coap_socket_config){.host = u.host,
                                         .port = u.port,
                                         .ip_type = m->set.ip_type,
                                         .dtls = credentials,
                                         .params = &l->params,
                                         .handshake_ms =
                                             module_patience(m, HANDSHAKE_MS),
                                         .fault = &m->fault},
            &socket_ops, m);
    dtls_credentials_free(credentials);
    if (l->socket)
        return;
    log_warn("LwM2M: %s cannot be reached: %s", s->uri, dfota_strerror(err));
    uv_timer_start(&l->timer, on_hopeless, 0, 0);
}

/* ---- the device ---------------------------------------------------------- */

static void on_keep(void *ctx, const struct lwm2m_kept *kept)
{
    struct module *m = ctx;

    m->lwm2m->set.kept = *kept;
    lwm2m_settings_save(&m->lwm2m->set);
}

static void on_device(void *ctx, struct lwm2m_device *d)
{
    const struct module *m = ctx;

    *d = (struct lwm2m_device){
        .manufacturer = m->d->manufacturer,
        .model = m->c->model,
        .serial = m->d->radio.imei,
        .version = m->version,
        .type = m->d->name,
        .battery_percent = m->radio.battery,
        .memory_free_kb = (m->c->memory.package - m->set.package_len) / 1024,
        .memory_total_kb = m->c->memory.package / 1024,
        .time_s = module_clock(m)};
}

static void on_reboot(void *ctx)
{
    struct module *m = ctx;

    module_reset(m, m->d->timing.boot);
}

static const struct lwm2m_client_ops client_ops = {
    .connect = on_connect,
    .disconnect = on_disconnect,
    .keep = on_keep,
    .device = on_device,
    .reboot = on_reboot,
    .wake = on_wake,
};

/* ---- life ---------------------------------------------------------------- */

static bool is_configured(const struct lwm2m_module *l)
{
    for (int i = 0; i < LWM2M_SECURITY_MAX; i++)
        if (l->set.kept.security[i].used)
            return true;
    return false;
}

static void make_client(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;
    struct lwm2m_client_config c = lwm2m_client_defaults;

    if (l->set.endpoint[0])
        snprintf(l->endpoint, sizeof l->endpoint, "%s", l->set.endpoint);
    else
        snprintf(l->endpoint, sizeof l->endpoint, "urn:imei:%s",
                 m->d->radio.imei);
    c.endpoint = l->endpoint;
    c.v11 = l->set.v11;
    c.firmware_v11 = l->set.firmware_v11;
    c.protocols = l->set.protocols;
    c.package_max = m->c->memory.package;
    c.retry_ms = (uint32_t)module_patience(m, c.retry_ms);
    c.silence_ms = (uint32_t)module_patience(m, c.silence_ms);
    c.update_delay_ms = (uint32_t)module_pause(m, c.update_delay_ms);
    /* c.told_ms is for ACKs, which take what they take at any speed. */
    lwm2m_client_init(&l->client, &client_ops, &lwm2m_firmware_ops, m, &c,
                      &l->params, &l->set.kept);
    l->client.now = now_of(m);
    l->running = true;
    lwm2m_client_boot(&l->client, (enum firmware_found)l->set.found,
                      m->set.package_len > 0);
    l->set.found = FIRMWARE_FOUND_NOTHING;
    lwm2m_settings_save(&l->set);
}

int lwm2m_register(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;

    if (!is_configured(l) || !radio_registered(&m->radio))
        return DFOTA_E_STATE;
    if (!l->running)
        make_client(m);
    return lwm2m_client_start(&l->client, now_of(m));
}

void lwm2m_network_found(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;

    if (!l || !radio_registered(&m->radio) || m->power != POWER_ON)
        return;
    if (!l->running && l->set.startup && is_configured(l))
        lwm2m_register(m);
    else if (l->running && l->client.state != LWM2M_OFF &&
             l->client.state != LWM2M_REGISTERED)
        lwm2m_client_start(&l->client, now_of(m));
    if (l->running && l->pull_due)
        uv_timer_start(&l->fetch_timer, lwm2m_fetch_when_due, 0, 0);
}

void lwm2m_network_lost(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;

    if (!l || !l->running)
        return;
    download_net_lost(&l->download);
    lwm2m_client_lost(&l->client, now_of(m));
}

void lwm2m_stop(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;

    if (!l || !l->running)
        return;
    l->running = l->pull_due = false;
    lwm2m_client_release(&l->client);
    download_stop(&l->download);
    on_disconnect(m);
    uv_timer_stop(&l->timer);
    uv_timer_stop(&l->fetch_timer);
}

bool lwm2m_busy(const struct module *m)
{
    const struct lwm2m_module *l = m->lwm2m;

    return l && l->set.kept.firmware.state != FIRMWARE_IDLE;
}

void lwm2m_update_ended(struct module *m, bool updated)
{
    struct lwm2m_module *l = m->lwm2m;

    if (!l || l->set.kept.firmware.state != FIRMWARE_UPDATING)
        return;
    l->set.found = updated ? FIRMWARE_FOUND_UPDATED : FIRMWARE_FOUND_FAILED;
    lwm2m_settings_save(&l->set);
}

struct lwm2m_settings *lwm2m_settings_of(struct module *m)
{
    return &m->lwm2m->set;
}

int lwm2m_update_registration(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;

    if (!l->running || l->client.state != LWM2M_REGISTERED)
        return DFOTA_E_STATE;
    lwm2m_client_update(&l->client, now_of(m));
    return 0;
}

int lwm2m_deregister(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;

    if (!l->running || l->client.state == LWM2M_OFF)
        return DFOTA_E_STATE;
    lwm2m_client_stop(&l->client, now_of(m));
    return 0;
}

enum lwm2m_client_state lwm2m_state_of(const struct module *m)
{
    return m->lwm2m->running ? m->lwm2m->client.state : LWM2M_OFF;
}

int lwm2m_open(struct module *m)
{
    struct lwm2m_module *l;
    int err;

    if (!m->d->lwm2m)
        return 0;
    l = calloc(1, sizeof *l);
    if (!l)
        return DFOTA_E_NOMEM;
    err = lwm2m_settings_open(&l->set, m->c->state);
    if (err) {
        lwm2m_settings_close(&l->set);
        free(l);
        return err;
    }
    l->params = coap_params_rfc;
    uv_timer_init(m->loop, &l->timer);
    uv_timer_init(m->loop, &l->fetch_timer);
    l->timer.data = l->fetch_timer.data = m;
    m->lwm2m = l;
    download_init(&l->download, m);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void lwm2m_close(struct module *m)
{
    struct lwm2m_module *l = m->lwm2m;

    if (!l)
        return;
    lwm2m_stop(m);
    download_close(&l->download);
    lwm2m_settings_close(&l->set);
    m->lwm2m = NULL;
    /* The handles lie in it: it goes with the last of them. */
    l->fetch_timer.data = l;
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_close((uv_handle_t *)&l->fetch_timer, on_closed);
}
