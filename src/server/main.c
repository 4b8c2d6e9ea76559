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
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/admin.h"
#include "server/blobs.h"
#include "server/deliver.h"
#include "server/folder.h"
#include "server/http.h"
#include "server/options.h"
#include "server/selfsigned.h"
#include "server/tls.h"

enum {
    LISTENERS_MAX = 3,
    MEMORY_FOR_CONTENT = 64 * 1024 * 1024,
    CONTENT_IN_MEMORY_MAX = 16 * 1024 * 1024,
    THREADS_MAX = 16,
    CONNECTIONS_MAX = 65536,
    ADMIN_CONNECTIONS_MAX = 64
};

struct server {
    struct options options;
    struct deliver deliver;
    char cert_path[PATH_MAX], key_path[PATH_MAX];
    struct tls *tls;
    unsigned threads, connections_max;
    struct http_listener *listeners[LISTENERS_MAX];
    int n_listeners;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As many connections as descriptors allow: each may hold a file, too. */
static unsigned connections_allowed(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 256;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur / 2 > CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return limit.rlim_cur < 128 ? 32 : (unsigned)limit.rlim_cur / 2 - 32;
}

static unsigned threads_of_machine(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (processors < 2)
        return 2;
    return processors > THREADS_MAX ? THREADS_MAX : (unsigned)processors;
}

static int make_path(char path[PATH_MAX], const char *folder, const char *name)
{
    int len = snprintf(path, PATH_MAX, "%s/%s", folder, name);

    if (len >= 0 && len < PATH_MAX)
        return 0;
    log_error("%s: the path is too long", folder);
    return DFOTA_E_ARG;
}

static int provide_pair(struct server *server)
{
    const char *folder = server->options.data;
    int err = make_path(server->cert_path, folder, "tls-cert.pem");

    if (!err)
        err = make_path(server->key_path, folder, "tls-key.pem");
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
               : tls_create(options->pairs, options->n_certs, &server->tls);
}

static int start_listener(struct server *server, const char *scheme,
                          const char *address, struct tls *tls,
                          const struct http_service *service)
{
    bool for_admin = service->answer == admin_answer;
    const struct http_config config = {
        .address = address,
        .tls = tls,
        .service = *service,
        .threads = for_admin ? 1 : server->threads,
        .connections_max =
            for_admin ? ADMIN_CONNECTIONS_MAX : server->connections_max};
    struct http_listener *listener;
    char name[96];
    int err;

    if (!address)
        return 0;
    err = http_open(&config, &listener);
    if (err)
        return err;
    server->listeners[server->n_listeners++] = listener;
    http_name(listener, name, sizeof name);
    printf("dfotad: listening %s %s\n", scheme, name);
    fflush(stdout);
    return 0;
}

static int start_listeners(struct server *server)
{
    const struct options *options = &server->options;
    const struct http_service packages = {deliver_answer, &server->deliver};
    const struct http_service admin = {admin_answer, NULL};
    int err = start_listener(server, "http", options->http, NULL, &packages);

    if (!err)
        err = start_listener(server, "https", options->https, server->tls,
                             &packages);
    if (!err)
        err = start_listener(server, "admin", options->admin, NULL, &admin);
    return err;
}

static int start(struct server *server)
{
    const char *folder = server->options.serve_dir;
    int err;

    server->threads = threads_of_machine();
    server->connections_max = connections_allowed();
    if (folder_open(folder, &server->deliver.folder) != 0) {
        log_error("%s: %s; --serve-dir wants a folder that can be read", folder,
                  strerror(errno));
        return DFOTA_E_IO;
    }
    server->deliver.blobs =
        blobs_create(MEMORY_FOR_CONTENT, CONTENT_IN_MEMORY_MAX);
    if (!server->deliver.blobs)
        return DFOTA_E_NOMEM;
    if (server->options.https) {
        err = start_tls(server);
        if (err)
            return err;
    }
    return start_listeners(server);
}

static void stop(struct server *server)
{
    while (server->n_listeners > 0)
        http_close(server->listeners[--server->n_listeners]);
    tls_destroy(server->tls);
    blobs_destroy(server->deliver.blobs);
    if (server->deliver.folder >= 0)
        close(server->deliver.folder);
}

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
    reopen_folder(server);
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
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    err = start(&server);
    if (!err)
        run(&server, &signals);
    if (err == DFOTA_E_NOMEM)
        log_error("%s", dfota_strerror(err));
    stop(&server);
    if (err == DFOTA_E_SYNTAX) /* an address that is none */
        return 2;
    return err ? 1 : 0;
}
