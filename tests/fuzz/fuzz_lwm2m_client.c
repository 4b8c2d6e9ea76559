/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams of a hostile server to a registered client, and of a hostile
 * client to a server: each is a length byte (times 4) and its bytes. Byte 0
 * of the input says who is asked, and whether it bootstraps. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/client.h"
#include "lwm2m/registrar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct lwm2m_client client;
static struct registrar registrar;
static struct lwm2m_way way;
static struct coap_peer peer;
static uint64_t now, number;
static uint32_t stored;

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
    struct coap_msg m;

    (void)ctx;
    /* What leaves here is well-formed, whatever came in. */
    if (coap_msg_parse(&m, data, len) != 0)
        abort();
}

static void to_client(void *ctx, const struct coap_ticket *t,
                      const struct coap_msg *m)
{
    (void)ctx;
    lwm2m_client_request(&client, now, t, m);
}

static void to_registrar(void *ctx, const struct coap_ticket *t,
                         const struct coap_msg *m)
{
    (void)ctx;
    registrar_request(&registrar, now, &way, t, m);
}

static const struct coap_peer_ops client_peer = {.send = on_send,
                                                 .request = to_client};
static const struct coap_peer_ops server_peer = {.send = on_send,
                                                 .request = to_registrar};

static void nothing(void *ctx)
{
    (void)ctx;
}

static void on_connect(void *ctx, const struct lwm2m_security *s)
{
    (void)ctx;
    (void)s;
}

static void on_keep(void *ctx, const struct lwm2m_kept *kept)
{
    (void)ctx;
    if (kept->firmware.state > FIRMWARE_UPDATING)
        abort();
}

static void on_device(void *ctx, struct lwm2m_device *d)
{
    (void)ctx;
    *d = (struct lwm2m_device){.manufacturer = "m", .version = "1"};
}

static const struct lwm2m_client_ops client_ops = {.connect = on_connect,
                                                   .disconnect = nothing,
                                                   .keep = on_keep,
                                                   .device = on_device,
                                                   .reboot = nothing};

static int on_begin(void *ctx)
{
    (void)ctx;
    stored = 0;
    return 0;
}

static int on_write(void *ctx, const void *data, size_t len)
{
    (void)ctx;
    (void)data;
    /* Only what a state lets in is stored. */
    if (client.firmware.kept.state != FIRMWARE_DOWNLOADING)
        abort();
    stored += (uint32_t)len;
    return stored > 4096 ? DFOTA_E_FULL : 0;
}

static int on_finish(void *ctx)
{
    (void)ctx;
    return stored % 3 ? DFOTA_E_SIGNATURE : 0;
}

static int on_check(void *ctx, const char *uri)
{
    (void)ctx;
    if (strlen(uri) > FIRMWARE_URI_MAX)
        abort();
    return 0;
}

static void on_fetch(void *ctx, const char *uri, bool resume)
{
    (void)ctx;
    (void)uri;
    (void)resume;
}

static const struct firmware_ops firmware_ops = {.begin = on_begin,
                                                 .write = on_write,
                                                 .finish = on_finish,
                                                 .erase = nothing,
                                                 .check = on_check,
                                                 .fetch = on_fetch,
                                                 .changed = nothing,
                                                 .update = nothing};

static uint64_t on_random(void *ctx)
{
    (void)ctx;
    return ++number;
}

static void on_event(void *ctx, struct registration *r, enum registrar_event e)
{
    (void)ctx;
    (void)e;
    (void)registration_has(r, 5);
}

static const struct registrar_ops registrar_ops = {.random = on_random,
                                                   .event = on_event};

static void begin_client(bool v11, bool bootstrap)
{
    static struct lwm2m_kept kept;
    struct lwm2m_client_config c = lwm2m_client_defaults;

    memset(&kept, 0, sizeof kept);
    c.endpoint = "e";
    c.v11 = c.firmware_v11 = v11;
    c.package_max = 8192;
    kept.security[0] = (struct lwm2m_security){
        .used = true, .bootstrap = bootstrap, .short_id = 1, .uri = "coap://s"};
    kept.server[0] = (struct lwm2m_server){
        .used = !bootstrap, .short_id = 1, .lifetime_s = 60, .binding = "U"};
    lwm2m_client_init(&client, &client_ops, &firmware_ops, NULL, &c,
                      &coap_params_rfc, &kept);
    lwm2m_client_start(&client, now);
    lwm2m_client_tick(&client, now);
    coap_peer_init(&peer, &client_peer, NULL, &coap_params_rfc, 1);
    lwm2m_client_connected(&client, now, &peer);
}

static void begin_server(void)
{
    registrar_init(&registrar, &registrar_ops, NULL,
                   &(struct registrar_config){.max = 8});
    coap_peer_init(&peer, &server_peer, NULL, &coap_params_rfc, 1);
    way = (struct lwm2m_way){.peer = &peer};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    bool server = len > 0 && data[0] & 1;
    size_t at = 1;

    now = 1000;
    number = 0;
    if (server)
        begin_server();
    else
        begin_client(len > 0 && data[0] & 2, len > 0 && data[0] & 4);
    while (at < len) {
        size_t n = (size_t)data[at++] * 4;

        n = n < len - at ? n : len - at;
        now += n % 7 ? 10 : 70000;
        registrar_clock(&registrar, now);
        coap_peer_receive(&peer, now, data + at, n);
        if (server)
            registrar_tick(&registrar, now);
        else
            lwm2m_client_tick(&client, now);
        coap_peer_tick(&peer, now);
        at += n;
    }
    if (server) {
        registrar_way_gone(&registrar, now, &way);
        registrar_release(&registrar);
    } else {
        lwm2m_client_release(&client);
    }
    coap_peer_release(&peer);
    return 0;
}
