/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfotad: the firmware server. This file is its life: start, signals, stop.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/admin.h"
#include "server/api/api.h"
#include "server/blobs.h"
#include "server/datagrams.h"
#include "server/deliver.h"
#include "server/depot/depot.h"
#include "server/folder.h"
#include "server/http.h"
#include "server/machine.h"
#include "server/node_life.h"
#include "server/options.h"
#include "server/public.h"
#include "server/selfsigned.h"
#include "server/tls.h"

enum {
    LISTENERS_MAX = 5,
    MEMORY_FOR_CONTENT = 64 * 1024 * 1024,
    CONTENT_IN_MEMORY_MAX = 16 * 1024 * 1024,
    FEW_CONNECTIONS = 64,
    DISK_PERCENT_MIN = 5
};

struct server {
    struct options options;
    struct deliver deliver; /* --serve-dir */
    struct node node;
    struct vault *vault;
    struct depot *depot;
    struct delays *delays;
    struct upkeep upkeep;
    struct api api, local_api;
    struct public_service plain, secure;
    struct datagrams datagrams;
    char cert_path[PATH_MAX], key_path[PATH_MAX], socket_path[PATH_MAX];
    struct tls *tls;
    unsigned threads, connections_max;
    struct http_listener *listeners[LISTENERS_MAX];
    int n_listeners;
    pthread_t upkeep_thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool has_upkeep, stopping;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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

static int start_tls(struct server *server)
{
    struct options *options = &server->options;
    int err = options->n_certs > 0 ? 0 : provide_pair(server);

    return err ? err
               : tls_create(options->pairs, options->n_certs,
                            options->client_ca, &server->tls);
}

/* coaps without keys takes the certificate of HTTPS. */
static bool wants_certificate(const struct options *options)
{
    return options->https || (options->coaps && !options->lwm2m_keys);
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
    bool for_few = service->answer == admin_answer ||
                   service->answer == api_service_answer;
    const struct http_config config = {
        .address = address,
        .tls = tls,
        .service = *service,
        .threads = for_few ? 1 : server->threads,
        .connections_max = for_few ? FEW_CONNECTIONS : server->connections_max};
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
    if (!err && wants_certificate(options))
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
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        if (!server->stopping)
            pthread_cond_timedwait(&server->wake, &server->lock, &until);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static int start_workers(struct server *server)
{
    const struct depot_config config = {.node = &server->node,
                                        .vault = server->vault,
                                        .workers = 1,
                                        .signing_key =
                                            server->options.signing_key};
    int err = depot_start(&config, &server->depot);

    if (err)
        return err;
    server->upkeep.node = &server->node;
    server->delays = delays_create();
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->wake, NULL);
    server->has_upkeep =
        pthread_create(&server->upkeep_thread, NULL, keep_up, server) == 0;
    return server->delays && server->has_upkeep ? 0 : DFOTA_E_NOMEM;
}

static void set_services(struct server *server)
{
    server->api = (struct api){.node = &server->node,
                               .vault = server->vault,
                               .depot = server->depot,
                               .lwm2m = server->datagrams.lwm2m,
                               .upkeep = &server->upkeep};
    server->local_api = server->api;
    server->local_api.local = true;
    server->secure = (struct public_service){
        .deliver = server->deliver,
        .api = {.node = &server->node, .delays = server->delays},
        .has_api = true};
    server->plain = server->secure;
    server->plain.has_api = server->options.device_api_plain;
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
    const struct http_service plain = {public_answer, &server->plain,
                                       public_content};
    const struct http_service secure = {public_answer, &server->secure,
                                        public_content};
    char http_at[96] = "", https_at[96] = "";
    int err =
        start_listener(server, "http", options->http, NULL, &plain, http_at);

    if (!err)
        err = start_listener(server, "https", options->https, server->tls,
                             &secure, https_at);
    set_address(server->node.public_http, options->public_http, "http",
                http_at);
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
                                       .ctx = &server->node};
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

static struct node_config config_of(const struct options *options)
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
    const struct node_config config = config_of(options);
    int err = node_open(&config, &server->node, &server->vault);

    if (!err)
        err = open_blobs(&server->deliver, dup(vault_folder(server->vault)));
    if (!err && wants_certificate(options))
        err = start_tls(server);
    if (!err)
        err = start_workers(server);
    if (!err)
        err = start_datagrams(server, &server->node);
    if (!err) {
        set_services(server);
        err = start_devices(server);
    }
    return err ? err : start_people(server);
}

static int start(struct server *server)
{
    server->threads = machine_threads();
    server->connections_max = machine_connections();
    return server->options.serve_dir ? start_folder(server)
                                     : start_node(server);
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
static void stop(struct server *server)
{
    stop_upkeep(server);
    depot_stop(server->depot);
    node_quiesce(&server->node);
    delays_quiesce(server->delays);
    while (server->n_listeners > 0)
        http_close(server->listeners[--server->n_listeners]);
    datagrams_stop(&server->datagrams);
    if (server->socket_path[0])
        unlink(server->socket_path + strlen("unix:"));
    delays_destroy(server->delays);
    node_close(&server->node, server->vault);
    tls_destroy(server->tls);
    blobs_destroy(server->deliver.blobs);
    if (server->deliver.folder >= 0)
        close(server->deliver.folder);
}

/* ---- while it runs ---- */

/* The folder may be another one by now, or the link to it. Under the same
 * number, so a request that is being answered sees the one or the other. */
static void reopen_folder(struct server *server)
{
    const char *folder = server->options.serve_dir;
    int fd;

    if (folder_open(folder, &fd) != 0) {
        log_error("%s: %s; the folder of before is kept", folder,
                  strerror(errno));
        return;
    }
    dup3(fd, server->deliver.folder, O_CLOEXEC);
    close(fd);
}

static void reload(struct server *server)
{
    if (server->options.serve_dir)
        reopen_folder(server);
    datagrams_reload(&server->datagrams);
    if (!server->tls)
        return;
    if (tls_reload(server->tls) == 0)
        log_info("certificate read again: %s", server->options.pairs[0].cert);
    else
        log_error("the certificate stays as it was");
}

/* Until a signal ends it. The other threads do the work; this one watches
 * for signals and, about once a second, for connections over their time. */
static void run(struct server *server, const sigset_t *signals)
{
    const struct timespec second = {.tv_sec = 1};
    int64_t swept_ms = now_ms();

    for (;;) {
        int number = sigtimedwait(signals, NULL, &second);

        if (number == SIGTERM || number == SIGINT)
            return;
        if (number == SIGHUP)
            reload(server);
        if (now_ms() - swept_ms < 900)
            continue;
        swept_ms = now_ms();
        for (int i = 0; i < server->n_listeners; i++)
            http_sweep(server->listeners[i], swept_ms);
    }
}

int main(int argc, char **argv)
{
    static struct server server = {.deliver.folder = -1};
    sigset_t signals;
    int err;

    log_init("dfotad", LOG_LEVEL_INFO);
    switch (options_parse(argc, argv, &server.options)) {
    case OPTIONS_USAGE:
        return 2;
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_RUN:
        break;
    }
    if (server.options.verbose)
        log_init("dfotad", LOG_LEVEL_DEBUG);
    umask(0077); /* keys are made here */
    if (server.options.migrate_to) {
        const struct node_config config = config_of(&server.options);

        return node_migrate(&config, server.options.migrate_to) ? 1 : 0;
    }
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    err = start(&server);
    if (!err) {
        sd_notify(0, "READY=1");
        run(&server, &signals);
        sd_notify(0, "STOPPING=1");
    }
    if (err == DFOTA_E_NOMEM)
        log_error("%s", dfota_strerror(err));
    stop(&server);
    if (err == DFOTA_E_SYNTAX) /* an address that is none */
        return 2;
    return err ? 1 : 0;
}
