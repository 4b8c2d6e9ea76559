/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registration and bootstrap of the client, its clock, and the glue between
 * its parts. What is ordered inside a callback of the CoAP layer (connect
 * again, reset) is carried out by the next tick.
 */
#include "lwm2m/client.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/client_parts.h"

enum { RETRY_DOUBLINGS = 6, LOOK_MS = 20, TRIES = 5 };

const struct lwm2m_client_config lwm2m_client_defaults = {
    .package_max = 6291456,
    .block_szx = COAP_SZX_MAX,
    .protocols = 15,
    .awake_ms = 93000,
    .retry_ms = 60000,
    .silence_ms = 300000,
    .update_delay_ms = 3000,
    .told_ms = 10000,
};

void client_set_state(struct lwm2m_client *c, enum lwm2m_client_state state)
{
    if (c->state == state)
        return;
    c->state = state;
    if (c->ops->state)
        c->ops->state(c->ctx, state);
}

void client_keep(struct lwm2m_client *c)
{
    c->kept.firmware = c->firmware.kept;
    c->ops->keep(c->ctx, &c->kept);
}

bool client_queue_mode(struct lwm2m_client *c)
{
    const struct lwm2m_server *s = objects_server(c);

    return s && strchr(s->binding, 'Q');
}

/* ---- time ---------------------------------------------------------------- */

uint64_t client_earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void client_rearm(struct lwm2m_client *c)
{
    uint64_t at = c->due_ms, before = c->wake;

    at = client_earlier(at, c->observe_ms);
    if (c->reset_ms)
        at = client_earlier(at, c->reset_ms);
    if (c->pushing)
        at = client_earlier(at, c->block_ms + c->c.silence_ms);
    if (c->update_due || c->disable_due || c->bootstrap_due)
        at = client_earlier(at, c->now);
    if (!c->asleep && c->state == LWM2M_REGISTERED && client_queue_mode(c))
        at = client_earlier(at, c->awake_ms);
    c->wake = at;
    if (at != before && c->ops->wake)
        c->ops->wake(c->ctx, at);
}

void client_stay_awake(struct lwm2m_client *c)
{
    c->awake_ms = c->now + c->c.awake_ms;
    c->asleep = false;
}

/* ---- the peer ------------------------------------------------------------ */

static void drop_peer(struct lwm2m_client *c)
{
    if (!c->connected)
        return;
    observe_drop_all(c);
    if (c->request)
        coap_peer_cancel(c->peer, c->now, c->request);
    c->connected = false;
    c->peer = NULL;
    c->request = 0;
}

/* ---- tries --------------------------------------------------------------- */

void client_wait_until(struct lwm2m_client *c, uint64_t ms)
{
    c->due_ms = ms;
    client_set_state(c, LWM2M_WAITING);
}

/* Who cannot register asks the bootstrap server for another account, and
 * who is not served there tries the one he has. */
static void change_servers(struct lwm2m_client *c)
{
    if (c->failures % TRIES == 0 && objects_security(c, true) &&
        objects_security(c, false) && objects_server(c))
        c->want_bootstrap = !c->want_bootstrap;
}

/* What was tried failed: later again, twice as much later each time. */
void client_try_later(struct lwm2m_client *c)
{
    unsigned doublings =
        c->failures < RETRY_DOUBLINGS ? c->failures : RETRY_DOUBLINGS;

    if (c->failures < UINT8_MAX)
        c->failures++;
    change_servers(c);
    client_wait_until(c, c->now + ((uint64_t)c->c.retry_ms << doublings));
}

static void connect_now(struct lwm2m_client *c)
{
    bool bootstrap = c->want_bootstrap || !objects_security(c, false);
    const struct lwm2m_security *s = objects_security(c, bootstrap);

    if (!s || (!bootstrap && !objects_server(c))) {
        c->due_ms = COAP_NEVER;
        client_set_state(c, LWM2M_OFF);
        return;
    }
    c->want_bootstrap = bootstrap;
    drop_peer(c);
    c->due_ms = COAP_NEVER;
    client_set_state(c, LWM2M_CONNECTING);
    c->ops->connect(c->ctx, s);
}

/* ---- what the clock brings ----------------------------------------------- */

static void on_due(struct lwm2m_client *c)
{
    c->due_ms = COAP_NEVER;
    switch (c->state) {
    case LWM2M_WAITING:
        connect_now(c);
        break;
    case LWM2M_REGISTERED:
        client_send_update(c);
        break;
    case LWM2M_BOOTSTRAPPING:
        client_try_later(c);
        break;
    default:
        break;
    }
}

/* The state Updating is to reach the server before the connection ends. No
 * callback tells of an ACK: it is looked for, for as long as that may take. */
static void on_reset(struct lwm2m_client *c)
{
    if (c->connected && coap_peer_owes(c->peer) && c->now < c->reset_end_ms) {
        c->reset_ms = c->now + LOOK_MS;
        return;
    }
    c->reset_ms = 0;
    if (c->reset_updates)
        c->firmware_ops->update(c->ctx);
    else
        c->ops->reboot(c->ctx);
}

static void do_ordered(struct lwm2m_client *c)
{
    if (c->update_due && c->state == LWM2M_REGISTERED)
        client_send_update(c);
    c->update_due = false;
    if (c->disable_due)
        client_leave(c);
    if (c->bootstrap_due) {
        c->bootstrap_due = false;
        client_wait_until(c, c->now);
    }
}

void lwm2m_client_tick(struct lwm2m_client *c, uint64_t now)
{
    c->now = now;
    do_ordered(c);
    if (c->due_ms <= now)
        on_due(c);
    if (c->pushing && now - c->block_ms >= c->c.silence_ms) {
        client_package_end(c);
        firmware_event(&c->firmware, FIRMWARE_ON_LOST);
    }
    c->observe_ms = observe_tick(c);
    if (c->reset_ms && c->reset_ms <= now)
        on_reset(c);
    if (!c->asleep && c->state == LWM2M_REGISTERED && client_queue_mode(c) &&
        c->awake_ms <= now && !c->request) {
        c->asleep = true;
        if (c->ops->state)
            c->ops->state(c->ctx, c->state);
    }
    client_rearm(c);
}

void lwm2m_client_request(struct lwm2m_client *c, uint64_t now,
                          const struct coap_ticket *ticket,
                          const struct coap_msg *m)
{
    c->now = now;
    if (!c->connected)
        return;
    client_stay_awake(c);
    client_request(c, ticket, m);
    /* Orders and changes: once the answer has left. */
    c->observe_ms = now;
    client_rearm(c);
}

void lwm2m_client_connected(struct lwm2m_client *c, uint64_t now,
                            struct coap_peer *peer)
{
    c->now = now;
    if (c->state != LWM2M_CONNECTING)
        return;
    c->peer = peer;
    c->connected = true;
    client_stay_awake(c);
    client_drop_bodies(c);
    if (c->want_bootstrap)
        client_send_bootstrap(c);
    else
        client_send_register(c);
    client_rearm(c);
}

void lwm2m_client_lost(struct lwm2m_client *c, uint64_t now)
{
    c->now = now;
    if (c->state == LWM2M_OFF || c->state == LWM2M_WAITING)
        return;
    if (c->state == LWM2M_LEAVING) {
        client_off(c);
    } else if (c->state == LWM2M_REGISTERED) {
        client_wait_until(c, now);
    } else {
        client_try_later(c);
    }
    drop_peer(c);
    c->ops->disconnect(c->ctx);
    client_rearm(c);
}

/* ---- firmware ------------------------------------------------------------ */

static void on_firmware_changed(void *ctx)
{
    struct lwm2m_client *c = ctx;
    struct lwm2m_path path = lwm2m_path_make(2, 5, 0, 0);
    struct lwm2m_device d = {.battery_percent = -1};

    c->ops->device(c->ctx, &d);
    c->firmware.kept.changed_s = d.time_s + c->time_offset_s;
    client_keep(c);
    observe_changed(c, &path);
    c->observe_ms = c->now;
    c->firmware_ops->changed(c->ctx);
}

/* The machine's ops are the owner's, but for the change, which concerns the
 * observers first. */
static int fw_begin(void *ctx)
{
    struct lwm2m_client *c = ctx;

    return c->firmware_ops->begin(c->ctx);
}

static int fw_write(void *ctx, const void *data, size_t len)
{
    struct lwm2m_client *c = ctx;

    return c->firmware_ops->write(c->ctx, data, len);
}

static int fw_finish(void *ctx)
{
    struct lwm2m_client *c = ctx;

    return c->firmware_ops->finish(c->ctx);
}

static void fw_erase(void *ctx)
{
    struct lwm2m_client *c = ctx;

    c->firmware_ops->erase(c->ctx);
}

static int fw_check(void *ctx, const char *uri)
{
    struct lwm2m_client *c = ctx;

    return c->firmware_ops->check(c->ctx, uri);
}

static void fw_fetch(void *ctx, const char *uri, bool resume)
{
    struct lwm2m_client *c = ctx;

    c->firmware_ops->fetch(c->ctx, uri, resume);
}

static const struct firmware_ops own_firmware_ops = {
    .begin = fw_begin,
    .write = fw_write,
    .finish = fw_finish,
    .erase = fw_erase,
    .check = fw_check,
    .fetch = fw_fetch,
    .changed = on_firmware_changed,
};

void lwm2m_client_fetched(struct lwm2m_client *c, uint64_t now, int err)
{
    c->now = now;
    firmware_fetched(&c->firmware, err);
    lwm2m_client_tick(c, now);
}

void lwm2m_client_boot(struct lwm2m_client *c, enum firmware_found found,
                       bool stored)
{
    struct firmware_kept kept = c->kept.firmware;

    firmware_boot(&c->firmware, &kept, found, stored);
    client_keep(c);
}

/* ---- life ---------------------------------------------------------------- */

void lwm2m_client_init(struct lwm2m_client *c, const struct lwm2m_client_ops *o,
                       const struct firmware_ops *firmware, void *ctx,
                       const struct lwm2m_client_config *config,
                       const struct coap_params *params,
                       const struct lwm2m_kept *kept)
{
    memset(c, 0, sizeof *c);
    c->ops = o;
    c->firmware_ops = firmware;
    c->ctx = ctx;
    c->c = *config;
    c->params = params;
    snprintf(c->endpoint, sizeof c->endpoint, "%s", config->endpoint);
    if (kept)
        c->kept = *kept;
    firmware_init(&c->firmware, &own_firmware_ops, c, config->firmware_v11);
    c->firmware.kept = c->kept.firmware;
    coap_body_init(&c->body, config->block_szx);
    coap_body_init(&c->other, config->block_szx);
    buffer_init(&c->other_data, 8192);
    c->due_ms = c->wake = c->observe_ms = COAP_NEVER;
}

void lwm2m_client_release(struct lwm2m_client *c)
{
    drop_peer(c);
    client_package_end(c);
    buffer_release(&c->other_data);
}

void lwm2m_client_configure(struct lwm2m_client *c, unsigned i,
                            const struct lwm2m_security *security,
                            const struct lwm2m_server *server)
{
    if (security && i < LWM2M_SECURITY_MAX)
        c->kept.security[i] = *security;
    if (server && i < LWM2M_SERVER_MAX)
        c->kept.server[i] = *server;
    client_keep(c);
}

int lwm2m_client_start(struct lwm2m_client *c, uint64_t now)
{
    c->now = now;
    if (!objects_security(c, true) &&
        (!objects_security(c, false) || !objects_server(c)))
        return DFOTA_E_STATE;
    c->failures = 0;
    client_wait_until(c, now);
    client_rearm(c);
    return 0;
}

void lwm2m_client_stop(struct lwm2m_client *c, uint64_t now)
{
    c->now = now;
    c->disable_ms = 0;
    client_leave(c);
    client_rearm(c);
}

void lwm2m_client_update(struct lwm2m_client *c, uint64_t now)
{
    c->now = now;
    c->update_due = true;
    client_rearm(c);
}

void lwm2m_client_changed(struct lwm2m_client *c, uint64_t now,
                          const struct lwm2m_path *path)
{
    c->now = now;
    observe_changed(c, path);
    c->observe_ms = now;
    client_rearm(c);
}
