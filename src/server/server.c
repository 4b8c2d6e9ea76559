/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/api/api.h"
#include "server/api/services.h"
#include "server/datagrams.h"
#include "server/delivery/blobs.h"
#include "server/delivery/deliver.h"
#include "server/delivery/folder.h"
#include "server/delivery/public.h"
#include "server/depot/depot.h"
#include "server/http/http.h"
#include "server/http/selfsigned.h"
#include "server/http/tls.h"
#include "server/node/data_lock.h"
#include "server/node/first_person.h"
#include "server/node/housekeeping.h"
#include "server/node/machine.h"
#include "server/node/node_life.h"
#include "server/watch/admin.h"

enum {
    LISTENERS_MAX = 5,
    MEMORY_FOR_CONTENT = 64 * 1024 * 1024,
    CONTENT_IN_MEMORY_MAX = 16 * 1024 * 1024,
    FEW_CONNECTIONS = 64,
    PEOPLE_CONNECTIONS = 640, /* streams of pages among them */
    DISK_PERCENT_MIN = 5
};

struct server {
    struct options options;
    struct deliver deliver; /* --serve-dir */
    struct node node;
    struct vault *vault;
    struct depot *depot;
    struct delays *delays;
    struct api_services services;
    struct upkeep upkeep;
    struct api api, local_api;
    struct admin admin;
    struct public_service devices;
    struct datagrams datagrams;
    char cert_path[PATH_MAX], key_path[PATH_MAX], socket_path[PATH_MAX];
    struct tls *tls;
    unsigned threads, connections_max;
    struct http_listener *listeners[LISTENERS_MAX];
    int n_listeners;
    struct housekeeping *housekeeping;
    pthread_t upkeep_thread;
    pthread_mutex_t lock; /* of stopping */
    pthread_cond_t wake;
    bool has_upkeep, stopping;
    pthread_mutex_t reloading;
    int data_lock; /* -1: none */
};

static int make_path(char path[PATH_MAX], const char *prefix,
                     const char *folder, const char *name)
{
    int len = snprintf(path, PATH_MAX, "%s%s/%s", prefix, folder, name);

    if (len >= 0 && len < PATH_MAX)
        return 0;
    log_error("%s: the path is too long", folder);
    return DFOTA_E_ARG;
}

static int provide_pair(struct server *server)
{
    const char *folder = server->options.data;
    int err = make_path(server->cert_path, "", folder, "tls-cert.pem");

    if (!err)
        err = make_path(server->key_path, "", folder, "tls-key.pem");
    if (err)
        return err;
    if (files_make_folder(folder) != 0) {
        log_error("%s: %s; choose another data folder with --data", folder,
                  strerror(errno));
        return DFOTA_E_IO;
    }
    server->options.pairs[0] =
        (struct tls_pair){server->cert_path, server->key_path};
    server->options.n_certs = 1;
    return selfsigned_provide(server->cert_path, server->key_path);
}

/* coaps without keys takes the certificate of HTTPS. What proxies hand over
 * is checked without one of ours. */
static int start_tls(struct server *server)
{
    struct options *options = &server->options;
    bool shows = options->https || (options->coaps && !options->lwm2m_keys);
    int err = shows && options->n_certs == 0 ? provide_pair(server) : 0;

    if (err || (!shows && (!options->client_ca || options->proxies.n == 0)))
        return err;
    return tls_create(options->pairs, shows ? options->n_certs : 0,
                      options->client_ca, options->client_crl, &server->tls);
}

static int start_datagrams(struct server *server, struct node *node)
{
    return datagrams_start(&server->datagrams, &server->options,
                           &server->deliver, node, server->cert_path[0]);
}

/* name: out, where it listens; NULL: not wanted */
static int start_listener(struct server *server, const char *scheme,
                          const char *address, struct tls *tls,
                          const struct http_service *service, char name[96])
{
    bool for_people = service->answer == api_service_answer;
    bool for_few = for_people || service->answer == admin_answer;
    const struct http_config config = {.address = address,
                                       .tls = tls,
                                       .service = *service,
                                       .proxies = &server->options.proxies,
                                       .clients = for_few ? NULL : server->tls,
                                       .threads = for_few ? 1 : server->threads,
                                       .connections_max =
                                           for_people ? PEOPLE_CONNECTIONS
                                           : for_few  ? FEW_CONNECTIONS
                                                     : server->connections_max};
    struct http_listener *listener;
    char text[128];
    int err;

    if (!address)
        return 0;
    err = http_open(&config, &listener);
    if (err)
        return err;
    server->listeners[server->n_listeners++] = listener;
    http_name(listener, text, sizeof text);
    if (name)
        snprintf(name, 96, "%.95s", text);
    printf("dfotad: listening %s %s\n", scheme, text);
    fflush(stdout);
    return 0;
}

static int open_blobs(struct deliver *deliver, int folder)
{
    deliver->folder = folder;
    deliver->blobs = blobs_create(MEMORY_FOR_CONTENT, CONTENT_IN_MEMORY_MAX);
    return deliver->blobs ? 0 : DFOTA_E_NOMEM;
}

/* ---- --serve-dir: a folder and nothing else ---- */

static int start_folder(struct server *server)
{
    const struct options *options = &server->options;
    const struct http_service packages = {.answer = deliver_answer,
                                          .ctx = &server->deliver};
    const struct http_service admin = {.answer = admin_answer};
    const char *folder = options->serve_dir;
    int fd, err;

    if (folder_open(folder, &fd) != 0) {
        log_error("%s: %s; --serve-dir wants a folder that can be read", folder,
                  strerror(errno));
        return DFOTA_E_IO;
    }
    err = open_blobs(&server->deliver, fd);
    if (!err)
        err = start_tls(server);
    if (!err)
        err = start_listener(server, "http", options->http, NULL, &packages,
                             NULL);
    if (!err)
        err = start_listener(server, "https", options->https, server->tls,
                             &packages, NULL);
    if (!err)
        err = start_datagrams(server, NULL);
    return err ? err
               : start_listener(server, "admin", options->admin, NULL, &admin,
                                NULL);
}

/* ---- a node ---- */

static void *keep_up(void *ctx)
{
    struct server *server = ctx;
    struct timespec until;

    pthread_mutex_lock(&server->lock);
    while (!server->stopping) {
        pthread_mutex_unlock(&server->lock);
        atomic_store(&server->node.database_is_off,
                     upkeep_round(&server->upkeep) != 0);
        pthread_mutex_lock(&server->lock);
        clock_gettime(CLOCK_MONOTONIC, &until); /* a clock may be set back */
        until.tv_sec++;
        if (!server->stopping)
            pthread_cond_timedwait(&server->wake, &server->lock, &until);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static int start_workers(struct server *server)
{
    const struct options *options = &server->options;
    const struct retention keeping = {.telemetry_s = options->keep_telemetry,
                                      .results_s = options->keep_results,
                                      .audit_s = options->keep_audit};
    const struct depot_config config = {.node = &server->node,
                                        .vault = server->vault,
                                        .workers = (unsigned)options->workers,
                                        .signing_key = options->signing_key};
    int err = depot_start(&config, &server->depot);

    if (err)
        return err;
    server->upkeep.node = &server->node;
    server->delays = delays_create();
    server->has_upkeep =
        pthread_create(&server->upkeep_thread, NULL, keep_up, server) == 0;
    if (!server->delays || !server->has_upkeep ||
        api_services_start(&server->services, &server->node,
                           options->webhooks_local) != 0 ||
        first_person_make(&server->node) != 0)
        return DFOTA_E_NOMEM;
    return housekeeping_start(&server->node, &keeping, &server->housekeeping);
}

static int reload_for_api(void *ctx)
{
    return server_reload(ctx);
}

static void set_services(struct server *server)
{
    server->api = (struct api){.node = &server->node,
                               .vault = server->vault,
                               .depot = server->depot,
                               .lwm2m = server->datagrams.lwm2m,
                               .upkeep = &server->upkeep,
                               .workers = server->services.workers,
                               .streams = server->services.streams,
                               .courier = server->services.courier,
                               .delays = server->delays,
                               .webhooks_local = server->options.webhooks_local,
                               .reload = reload_for_api,
                               .reload_ctx = server,
                               .housekeeping = server->housekeeping,
                               .tls = server->tls};
    server->local_api = server->api;
    server->local_api.local = true;
    server->admin = (struct admin){.node = &server->node,
                                   .housekeeping = server->housekeeping,
                                   .lwm2m = server->datagrams.lwm2m,
                                   .tls = server->tls};
    server->devices = (struct public_service){
        .deliver = server->deliver,
        .api = {.node = &server->node, .delays = server->delays},
        .has_plain_api = server->options.device_api_plain};
}

/* Where nothing else was said, modules reach it where it listens. */
static void set_address(char *out, const char *given, const char *scheme,
                        const char *name)
{
    if (given)
        snprintf(out, NODE_URL_ROOM, "%s", given);
    else if (name[0])
        snprintf(out, NODE_URL_ROOM, "%s://%s", scheme, name);
}

static int start_devices(struct server *server)
{
    const struct options *options = &server->options;
    const struct http_service devices = {public_answer, &server->devices,
                                         public_content};
    char http_at[96] = "", https_at[96] = "";
    int err =
        start_listener(server, "http", options->http, NULL, &devices, http_at);

    if (!err)
        err = start_listener(server, "https", options->https, server->tls,
                             &devices, https_at);
    /* Behind a proxy that is for the proxy. */
    set_address(server->node.public_http, options->public_http, "http",
                options->proxies.n > 0 ? "" : http_at);
    set_address(server->node.public_https, options->public_https, "https",
                https_at);
    return err;
}

static int start_people(struct server *server)
{
    const struct options *options = &server->options;
    const struct http_service api = {api_service_answer, &server->api,
                                     api_service_content};
    const struct http_service local = {api_service_answer, &server->local_api,
                                       api_service_content};
    const struct http_service admin = {.answer = admin_answer,
                                       .ctx = &server->admin};
    int err =
        make_path(server->socket_path, "unix:", options->data, "ctl.sock");

    if (!err)
        err = start_listener(server, "ctl", server->socket_path, NULL, &local,
                             NULL);
    if (!err)
        err = start_listener(server, "api", options->api, NULL, &api, NULL);
    return err ? err
               : start_listener(server, "admin", options->admin, NULL, &admin,
                                NULL);
}

struct node_config server_node_config(const struct options *options)
{
    return (struct node_config){.folder = options->data,
                                .database = options->database,
                                .name = options->node,
                                .disk_percent_min = DISK_PERCENT_MIN,
                                .approve_self = options->approve_self};
}

static int start_node(struct server *server)
{
    const struct options *options = &server->options;
    const struct node_config config = server_node_config(options);
    int err = data_lock_take(options->data, &server->data_lock);

    if (!err)
        err = node_open(&config, &server->node, &server->vault);
    server->node.loopback = options->public_loopback;

    if (!err)
        err = open_blobs(&server->deliver, dup(vault_folder(server->vault)));
    server->deliver.vault = server->vault;
    if (!err)
        err = start_tls(server);
    if (!err)
        err = start_workers(server);
    if (!err)
        err = start_datagrams(server, &server->node);
    if (!err) {
        set_services(server);
        err = start_devices(server);
    }
    if (!err)
        err = datagrams_lead(&server->datagrams, options, &server->node,
                             server->vault);
    return err ? err : start_people(server);
}

int server_start(const struct options *options, struct server **out)
{
    struct server *server = calloc(1, sizeof *server);
    pthread_condattr_t steady;

    if (!server)
        return DFOTA_E_NOMEM;
    *out = server;
    server->options = *options;
    server->deliver.folder = server->data_lock = -1;
    pthread_mutex_init(&server->lock, NULL);
    pthread_mutex_init(&server->reloading, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&server->wake, &steady);
    pthread_condattr_destroy(&steady);
    server->threads = machine_threads();
    server->connections_max = machine_connections();
    return options->serve_dir ? start_folder(server) : start_node(server);
}

/* ---- the end ---- */

static void stop_upkeep(struct server *server)
{
    if (!server->has_upkeep)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_signal(&server->wake);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->upkeep_thread, NULL);
}

/* Whoever waits for an answer gets it before the listeners close: the
 * library does not stand a connection that is still suspended. */
void server_stop(struct server *server)
{
    if (!server)
        return;
    stop_upkeep(server);
    housekeeping_stop(server->housekeeping);
    depot_stop(server->depot);
    api_services_quiesce(&server->services);
    vault_quiesce(server->vault);
    node_quiesce(&server->node);
    delays_quiesce(server->delays);
    while (server->n_listeners > 0)
        http_close(server->listeners[--server->n_listeners]);
    datagrams_stop(&server->datagrams);
    if (server->socket_path[0])
        unlink(server->socket_path + strlen("unix:"));
    api_services_stop(&server->services);
    delays_destroy(server->delays);
    node_close(&server->node, server->vault);
    tls_destroy(server->tls);
    blobs_destroy(server->deliver.blobs);
    if (server->deliver.folder >= 0)
        close(server->deliver.folder);
    data_lock_release(server->data_lock);
    pthread_cond_destroy(&server->wake);
    pthread_mutex_destroy(&server->reloading);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* ---- while it runs ---- */

/* The folder may be another one by now, or the link to it. Under the same
 * number, so a request that is being answered sees the one or the other. */
static int reopen_folder(struct server *server)
{
    const char *folder = server->options.serve_dir;
    int fd;

    if (folder_open(folder, &fd) != 0) {
        log_error("%s: %s; the folder of before is kept", folder,
                  strerror(errno));
        return DFOTA_E_IO;
    }
    dup3(fd, server->deliver.folder, O_CLOEXEC);
    close(fd);
    return 0;
}

static int reload_tls(struct server *server)
{
    int err = tls_reload(server->tls);

    if (err)
        log_error("the certificate stays as it was");
    else
        log_info("certificate read again: %s",
                 server->options.pairs[0].cert ? server->options.pairs[0].cert
                                               : server->options.client_ca);
    return err;
}

int server_reload(struct server *server)
{
    int err = 0, tls_err = 0, key_err = 0;

    pthread_mutex_lock(&server->reloading);
    if (server->options.serve_dir)
        err = reopen_folder(server);
    datagrams_reload(&server->datagrams);
    if (server->tls)
        tls_err = reload_tls(server);
    if (server->depot)
        key_err = depot_reload(server->depot);
    pthread_mutex_unlock(&server->reloading);
    return err ? err : tls_err ? tls_err : key_err;
}

void server_sweep(struct server *server, int64_t now_ms)
{
    for (int i = 0; i < server->n_listeners; i++)
        http_sweep(server->listeners[i], now_ms);
}
