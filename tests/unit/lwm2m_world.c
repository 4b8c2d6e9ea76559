/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static uint32_t chance(struct world *w, uint32_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % below;
}

/* ---- the network --------------------------------------------------------- */

static void put_on_wire(struct world *w, unsigned way, bool to_server,
                        const uint8_t *data, size_t len)
{
    struct world_datagram *d = calloc(1, sizeof *d), **at = &w->wire;

    assert(d && len <= sizeof d->bytes);
    memcpy(d->bytes, data, len);
    d->len = len;
    d->way = w->ways[way].other;
    d->to_server = to_server;
    d->at = w->now + w->rtt_ms / 2;
    while (*at && (*at)->at <= d->at)
        at = &(*at)->next;
    d->next = *at;
    *at = d;
}

static void transmit(struct world *w, unsigned way, bool to_server,
                     const uint8_t *data, size_t len)
{
    w->sent++;
    if (w->down || chance(w, 100) < w->loss ||
        (w->tap && w->tap(w, to_server, data, len))) {
        w->dropped++;
        return;
    }
    put_on_wire(w, way, to_server, data, len);
    if (chance(w, 100) < w->duplicates)
        put_on_wire(w, way, to_server, data, len);
}

/* ---- the server ---------------------------------------------------------- */

static void server_send(void *ctx, const uint8_t *data, size_t len)
{
    struct world_way *way = ctx;

    transmit(way->w, (unsigned)(way - way->w->ways), false, data, len);
}

static void on_bootstrapped(void *ctx, struct bootstrap *b)
{
    struct world *w = ctx;

    w->bootstrapped = b->step == BOOTSTRAP_DONE;
}

static void serve_package(struct world_way *way,
                          const struct coap_ticket *ticket,
                          const struct coap_msg *m)
{
    struct world *w = way->w;
    uint8_t memory[64];
    struct coap_options o;
    struct coap_answer a;

    coap_options_init(&o, memory, sizeof memory);
    coap_serve(m,
               &(struct coap_served){.data = w->package,
                                     .len = w->package_len,
                                     .etag = w->package,
                                     .etag_len = 4,
                                     .szx = COAP_SZX_MAX},
               &o, &a);
    coap_peer_answer(&way->server, w->now, ticket, &a);
}

static void server_request(void *ctx, const struct coap_ticket *ticket,
                           const struct coap_msg *m)
{
    struct world_way *way = ctx;
    struct world *w = way->w;
    struct coap_answer none = {.code = COAP_NOT_FOUND};
    char endpoint[64], path[COAP_PATH_MAX];
    uint8_t code;

    coap_msg_path(m, path, sizeof path);
    if (registrar_request(&w->registrar, w->now, &way->way, ticket, m))
        return;
    if (bootstrap_is_request(m, endpoint, sizeof endpoint, &code)) {
        none.code = code             ? code
                    : w->has_account ? COAP_CHANGED
                                     : COAP_FORBIDDEN;
        coap_peer_answer(&way->server, w->now, ticket, &none);
        if (none.code == COAP_CHANGED)
            bootstrap_start(&w->bootstrap, &way->server, w->now, &w->account,
                            on_bootstrapped, w);
        return;
    }
    if (strcmp(path, "/package") == 0)
        serve_package(way, ticket, m);
    else
        coap_peer_answer(&way->server, w->now, ticket, &none);
}

static const struct coap_peer_ops server_ops = {.send = server_send,
                                                .request = server_request};

static uint64_t on_random(void *ctx)
{
    struct world *w = ctx;

    return (uint64_t)chance(w, UINT32_MAX) << 32 | chance(w, UINT32_MAX);
}

static bool on_allow(void *ctx, const char *endpoint, const char *identity)
{
    const struct world *w = ctx;

    (void)endpoint;
    (void)identity;
    return !w->deny;
}

static void on_event(void *ctx, struct registration *r,
                     enum registrar_event event)
{
    struct world *w = ctx;
    char text[16];

    w->registered += event == REGISTRAR_REGISTERED;
    w->updated += event == REGISTRAR_UPDATED;
    w->gone += event == REGISTRAR_GONE;
    w->informed += event == REGISTRAR_FIRMWARE;
    if (event != REGISTRAR_FIRMWARE || !r->firmware.known)
        return;
    snprintf(text, sizeof text, "%u/%u ", r->firmware.state,
             r->firmware.result);
    if (strlen(w->history) < strlen(text) ||
        strcmp(w->history + strlen(w->history) - strlen(text), text) != 0)
        snprintf(w->history + strlen(w->history),
                 sizeof w->history - strlen(w->history), "%s", text);
}

static const struct registrar_ops registrar_ops = {
    .random = on_random, .allow = on_allow, .event = on_event};

/* ---- ways ---------------------------------------------------------------- */

static unsigned open_way(struct world *w, const struct coap_peer_ops *ops,
                         bool fetch)
{
    unsigned i = w->ways_count++ % WORLD_WAYS;
    struct world_way *way = &w->ways[i];

    if (way->open)
        registrar_way_gone(&w->registrar, w->now, &way->way);
    coap_peer_release(&way->server);
    coap_peer_release(&way->client);
    memset(way, 0, sizeof *way);
    way->w = w;
    way->open = true;
    way->other = i;
    way->way.peer = &way->server;
    coap_peer_init(&way->server, &server_ops, way, &w->params,
                   chance(w, UINT32_MAX));
    way->fetch = fetch;
    coap_peer_init(&way->client, ops, way, &w->params, chance(w, UINT32_MAX));
    return i;
}

/* ---- the client ---------------------------------------------------------- */

static void client_connect(void *ctx, const struct lwm2m_security *s)
{
    struct world *w = ctx;

    (void)s;
    w->connected = false;
    w->connected_at = w->now + 10;
}

static void client_disconnect(void *ctx)
{
    struct world *w = ctx;

    w->connected = false;
    w->connected_at = COAP_NEVER;
}

static void client_keep_cb(void *ctx, const struct lwm2m_kept *kept)
{
    struct world *w = ctx;

    w->kept = *kept;
    w->keeps++;
}

static void client_device(void *ctx, struct lwm2m_device *d)
{
    const struct world *w = ctx;

    *d = (struct lwm2m_device){.manufacturer = "Quectel",
                               .model = "BG95",
                               .serial = "861234567890123",
                               .version = w->version,
                               .type = "module",
                               .hardware = "1.0",
                               .battery_percent = w->battery,
                               .memory_free_kb = 1024,
                               .memory_total_kb = 4096,
                               .time_s = 1367491215};
}

static void client_reboot(void *ctx)
{
    struct world *w = ctx;

    w->loses_power = true;
}

static const struct lwm2m_client_ops client_ops = {
    .connect = client_connect,
    .disconnect = client_disconnect,
    .keep = client_keep_cb,
    .device = client_device,
    .reboot = client_reboot,
};

static int fw_begin(void *ctx)
{
    struct world *w = ctx;

    if (w->at_busy)
        return DFOTA_E_BUSY;
    w->begun++;
    w->flash_len = 0;
    w->stored = false;
    return 0;
}

static int fw_write(void *ctx, const void *data, size_t len)
{
    struct world *w = ctx;

    if (w->store_err)
        return w->store_err;
    if (len > sizeof w->flash - w->flash_len)
        return DFOTA_E_FULL;
    memcpy(w->flash + w->flash_len, data, len);
    w->flash_len += (uint32_t)len;
    return 0;
}

static int fw_finish(void *ctx)
{
    struct world *w = ctx;

    if (w->verify_err)
        return w->verify_err;
    if (w->flash_len != w->package_len ||
        memcmp(w->flash, w->package, w->package_len) != 0)
        return DFOTA_E_SIGNATURE;
    w->stored = true;
    return 0;
}

static void fw_erase(void *ctx)
{
    struct world *w = ctx;

    w->erased++;
    w->stored = false;
    w->flash_len = 0;
    if (w->fetching)
        coap_get_stop(&w->get, w->now);
    w->fetching = false;
}

static int fw_check(void *ctx, const char *uri)
{
    const struct world *w = ctx;

    if (w->at_busy)
        return DFOTA_E_BUSY;
    if (strncmp(uri, "ftp:", 4) == 0)
        return DFOTA_E_UNSUPPORTED;
    return strncmp(uri, "coap:", 5) == 0 || strncmp(uri, "http:", 5) == 0
               ? w->check_err
               : DFOTA_E_ARG;
}

static void way_send(void *ctx, const uint8_t *data, size_t len)
{
    struct world_way *way = ctx;

    transmit(way->w, (unsigned)(way - way->w->ways), true, data, len);
}

static void client_request_cb(void *ctx, const struct coap_ticket *ticket,
                              const struct coap_msg *m)
{
    struct world_way *way = ctx;

    lwm2m_client_request(&way->w->client, way->w->now, ticket, m);
}

static const struct coap_peer_ops fetch_ops = {.send = way_send};
static const struct coap_peer_ops client_peer_ops = {
    .send = way_send, .request = client_request_cb};

static int on_get(void *ctx, const struct coap_get_event *e)
{
    struct world *w = ctx;

    switch (e->kind) {
    case COAP_GET_HEAD:
        if (COAP_CLASS(e->code) == 2 && e->from == 0)
            fw_begin(w);
        if (COAP_CLASS(e->code) != 2) {
            w->fetching = false;
            lwm2m_client_fetched(&w->client, w->now, DFOTA_E_NOTFOUND);
            return 1;
        }
        return 0;
    case COAP_GET_DATA:
        return fw_write(w, e->data, e->len);
    case COAP_GET_END:
        w->fetching = false;
        lwm2m_client_fetched(&w->client, w->now, 0);
        return 0;
    default:
        w->fetching = false;
        lwm2m_client_fetched(&w->client, w->now, DFOTA_E_TIMEOUT);
        return 0;
    }
}

static void fw_fetch(void *ctx, const char *uri, bool resume)
{
    struct world *w = ctx;
    const char *path = strstr(uri, "://");
    struct coap_options o;
    struct coap_get_request r = {.szx = COAP_SZX_MAX,
                                 .event = on_get,
                                 .ctx = w,
                                 .options = w->get_options};

    snprintf(w->fetched_uri, sizeof w->fetched_uri, "%s", uri);
    path = path ? strchr(path + 3, '/') : NULL;
    coap_options_init(&o, w->get_options, sizeof w->get_options);
    coap_options_add_path(&o, path ? path : "/");
    r.options_len = o.len;
    if (resume && w->flash_len > 0) {
        r.from = w->flash_len;
        r.etag = w->package;
        r.etag_len = 4;
    }
    w->fetch_way = open_way(w, &fetch_ops, true);
    w->fetching = true;
    coap_get_start(&w->get, &w->ways[w->fetch_way].client, w->now, &r);
}

static void fw_changed(void *ctx)
{
    (void)ctx;
}

static void fw_update(void *ctx)
{
    struct world *w = ctx;

    w->updates++;
    w->loses_power = true;
}

static const struct firmware_ops fw_ops = {
    .begin = fw_begin,
    .write = fw_write,
    .finish = fw_finish,
    .erase = fw_erase,
    .check = fw_check,
    .fetch = fw_fetch,
    .changed = fw_changed,
    .update = fw_update,
};

static void boot(struct world *w, enum firmware_found found)
{
    lwm2m_client_init(&w->client, &client_ops, &fw_ops, w, &w->config,
                      &w->params, &w->kept);
    w->client.now = w->now;
    lwm2m_client_boot(&w->client, found, w->stored);
    lwm2m_client_start(&w->client, w->now);
}

void world_start(struct world *w)
{
    boot(w, FIRMWARE_FOUND_NOTHING);
}

void world_reboot(struct world *w, enum firmware_found found)
{
    w->reboots++;
    lwm2m_client_release(&w->client);
    w->fetching = false;
    w->connected = false;
    w->connected_at = COAP_NEVER;
    w->now += 20000;
    boot(w, found);
}

/* The reset that Execute of Update or of Reboot ends in. */
static void reset(struct world *w)
{
    bool updating = w->kept.firmware.state == FIRMWARE_UPDATING;
    enum firmware_found found = FIRMWARE_FOUND_NOTHING;

    w->loses_power = false;
    if (updating)
        found =
            w->update_fails ? FIRMWARE_FOUND_FAILED : FIRMWARE_FOUND_UPDATED;
    if (found == FIRMWARE_FOUND_UPDATED) {
        snprintf(w->version, sizeof w->version, "%s", w->next_version);
        w->stored = false;
    }
    world_reboot(w, found);
}

/* ---- the clock ----------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The client's end of this way is in use. */
static bool lives(const struct world *w, unsigned i)
{
    return w->ways[i].fetch || (i == w->way && w->connected);
}

static uint64_t next_event(const struct world *w)
{
    uint64_t at = lwm2m_client_wake(&w->client);

    at = earlier(at, w->connected_at);
    at = earlier(at, registrar_wake(&w->registrar));
    if (w->wire)
        at = earlier(at, w->wire->at);
    if (w->job_runs)
        at = earlier(at, lwm2m_job_wake(&w->job));
    if (w->fetching)
        at = earlier(at, coap_get_wake(&w->get));
    for (int i = 0; i < WORLD_WAYS; i++) {
        if (w->ways[i].open)
            at = earlier(at, coap_peer_wake(&w->ways[i].server));
        if (w->ways[i].open && lives(w, (unsigned)i))
            at = earlier(at, coap_peer_wake(&w->ways[i].client));
    }
    return at;
}

static void deliver(struct world *w)
{
    struct world_datagram *d = w->wire;
    struct world_way *way = &w->ways[d->way];

    w->wire = d->next;
    registrar_clock(&w->registrar, w->now);
    if (way->open && d->to_server)
        coap_peer_receive(&way->server, w->now, d->bytes, d->len);
    else if (way->open && (way->fetch || (d->way == w->way && w->connected &&
                                          !w->client.asleep)))
        coap_peer_receive(&way->client, w->now, d->bytes, d->len);
    free(d);
}

static void tick(struct world *w)
{
    while (w->wire && w->wire->at <= w->now)
        deliver(w);
    if (w->connected_at <= w->now) {
        w->connected_at = COAP_NEVER;
        w->way = open_way(w, &client_peer_ops, false);
        w->connected = true;
        lwm2m_client_connected(&w->client, w->now, &w->ways[w->way].client);
    }
    lwm2m_client_tick(&w->client, w->now);
    for (int i = 0; i < WORLD_WAYS; i++) {
        if (w->ways[i].open)
            coap_peer_tick(&w->ways[i].server, w->now);
        if (w->ways[i].open && lives(w, (unsigned)i))
            coap_peer_tick(&w->ways[i].client, w->now);
    }
    if (w->fetching)
        coap_get_tick(&w->get, w->now);
    registrar_tick(&w->registrar, w->now);
    if (w->job_runs)
        lwm2m_job_tick(&w->job, w->now);
    if (w->loses_power)
        reset(w);
}

bool world_until(struct world *w, uint64_t ms,
                 bool (*condition)(const struct world *w))
{
    uint64_t end = w->now + ms;

    /* Every turn handles an event or moves the clock. */
    for (unsigned long turn = 0; turn < 5000000; turn++) {
        uint64_t at;

        if (condition && condition(w))
            return true;
        at = next_event(w);
        if (at > end) {
            w->now = end;
            return condition ? condition(w) : true;
        }
        w->now = at > w->now ? at : w->now;
        tick(w);
    }
    return false;
}

void world_run(struct world *w, uint64_t ms)
{
    world_until(w, ms, NULL);
}

/* ---- for tests ----------------------------------------------------------- */

bool world_is_registered(const struct world *w)
{
    return w->client.state == LWM2M_REGISTERED;
}

bool world_job_over(const struct world *w)
{
    return w->job.state == JOB_DONE || w->job.state == JOB_FAILED;
}

struct registration *world_registration(struct world *w)
{
    return registrar_find(&w->registrar, w->config.endpoint);
}

void world_rebind(struct world *w)
{
    unsigned to = open_way(w, &client_peer_ops, false);

    /* What the server sends from the old place ends where nobody is. */
    w->ways[w->way].other = to;
    w->ways[to].other = w->way;
}

void world_inject(struct world *w, const uint8_t *data, size_t len)
{
    coap_peer_receive(&w->ways[w->way].client, w->now, data, len);
}

void world_inject_to_server(struct world *w, const uint8_t *data, size_t len)
{
    registrar_clock(&w->registrar, w->now);
    coap_peer_receive(&w->ways[w->way].server, w->now, data, len);
}

static int read_package(void *ctx, uint32_t off, void *buf, size_t len)
{
    const struct world *w = ctx;

    memcpy(buf, w->package + off, len);
    return 0;
}

int world_job(struct world *w, enum lwm2m_job_method method)
{
    w->job_config.method = method;
    w->job_config.length = w->package_len;
    w->job_config.read = read_package;
    w->job_config.ctx = w;
    w->job_config.szx = COAP_SZX_MAX;
    w->job_runs = true;
    return lwm2m_job_start(&w->job, &w->registrar, w->now,
                           world_registration(w), &w->job_config);
}

void world_server_forgets(struct world *w)
{
    struct registrar_config config = {.max = 1000};

    registrar_release(&w->registrar);
    for (int i = 0; i < WORLD_WAYS; i++)
        w->ways[i].way.first = NULL;
    registrar_init(&w->registrar, &registrar_ops, w, &config);
}

void world_init(struct world *w, uint64_t seed, uint32_t package_len)
{
    struct registrar_config config = {.max = 1000};

    memset(w, 0, sizeof *w);
    w->random = seed;
    w->now = 1000;
    w->rtt_ms = 50;
    w->params = coap_params_rfc;
    w->connected_at = COAP_NEVER;
    w->battery = 90;
    w->config = lwm2m_client_defaults;
    w->config.endpoint = "urn:imei:861234567890123";
    w->config.package_max = WORLD_PACKAGE_MAX;
    strcpy(w->version, "1.0");
    strcpy(w->next_version, "2.0");
    w->kept.security[0] =
        (struct lwm2m_security){.used = true,
                                .mode = LWM2M_NOSEC,
                                .short_id = 1,
                                .uri = "coap://127.0.0.1:5683"};
    w->kept.server[0] = (struct lwm2m_server){.used = true,
                                              .short_id = 1,
                                              .lifetime_s = 300,
                                              .disable_s = 600,
                                              .binding = "U"};
    w->package_len = package_len;
    for (uint32_t i = 0; i < package_len; i++)
        w->package[i] = (uint8_t)chance(w, 256);
    registrar_init(&w->registrar, &registrar_ops, w, &config);
}

void world_release(struct world *w)
{
    registrar_release(&w->registrar);
    lwm2m_client_release(&w->client);
    for (int i = 0; i < WORLD_WAYS; i++) {
        coap_peer_release(&w->ways[i].server);
        coap_peer_release(&w->ways[i].client);
    }
    while (w->wire) {
        struct world_datagram *d = w->wire;

        w->wire = d->next;
        free(d);
    }
}
