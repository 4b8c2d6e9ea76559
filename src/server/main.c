/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfotad: the firmware server. This file is its life: start, signals, stop.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "server/node/data_lock.h"
#include "server/node/data_restore.h"
#include "server/server.h"

enum { SWEEP_MS = 900 };

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is done to data that nobody else has open. */
static int work_offline(const struct options *options)
{
    const struct node_config config = server_node_config(options);
    int lock = -1, err = data_lock_take(options->data, &lock);

    if (!err)
        err = options->restore ? restore_data(options->restore, &config)
                               : node_migrate(&config, options->migrate_to);
    data_lock_release(lock);
    return err ? 1 : 0;
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
        if (number == SIGHUP) {
            sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
                       (long long)now_ms() * 1000);
            server_reload(server);
            sd_notify(0, "READY=1");
        }
        if (now_ms() - swept_ms < SWEEP_MS)
            continue;
        swept_ms = now_ms();
        server_sweep(server, swept_ms);
    }
}

static int serve(const struct options *options)
{
    struct server *server = NULL;
    sigset_t signals;
    int err;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    err = server_start(options, &server);
    if (!err) {
        sd_notify(0, "READY=1");
        run(server, &signals);
        sd_notify(0, "STOPPING=1");
    }
    if (err == DFOTA_E_NOMEM)
        log_error("%s", dfota_strerror(err));
    server_stop(server);
    if (err == DFOTA_E_SYNTAX) /* an address that is none */
        return 2;
    return err ? 1 : 0;
}

int main(int argc, char **argv)
{
    static struct options options;
    int status = 0;

    log_init("dfotad", LOG_LEVEL_INFO);
    log_hide_imeis();
    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_USAGE:
        status = 2;
        break;
    case OPTIONS_DONE:
        break;
    case OPTIONS_RUN:
        if (options.verbose)
            log_init("dfotad", LOG_LEVEL_DEBUG);
        umask(0077); /* keys are made here */
        status = options.migrate_to || options.restore ? work_offline(&options)
                                                       : serve(&options);
        break;
    }
    options_release(&options);
    return status;
}
