/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfota upgrade: drive a module's update over its AT port.
 */
#include "at/session.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/upgrade_log.h"
#include "cli/upgrade_options.h"
#include "cli/upgrade_report.h"
#include "os/files.h"
#include "os/log.h"
#include "port/posix/serial.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PACKAGE_MAX ((size_t)16 << 20)
#define REOPEN_EVERY_MS 200

static const char help[] =
    "Usage: dfota upgrade --port PORT (--url URL | --file PKG) [OPTION]...\n"
    "Update the firmware of a module over its AT port.\n"
    "\n"
    "  -p, --port PORT          /dev/ttyUSB2, pty:PATH, tcp:HOST:PORT,\n"
    "                           unix:PATH or rfc2217:HOST:PORT\n"
    "  -m, --model DIALECT      auto (default) or the module's dialect\n"
    "  -u, --url URL            the module downloads the package from there\n"
    "  -f, --file PKG           send the package over the port (- is standard\n"
    "                           input)\n"
    "  -t, --to-version V       the version that must run in the end; without\n"
    "                           it any other than the present one will do\n"
    "  -b, --baud N             rate of a serial port (115200)\n"
    "      --apn APN            the APN that the module downloads over\n"
    "      --state FILE         keep the state there and go on from it, "
    "should\n"
    "                           this program be stopped\n"
    "      --timeout-STAGE S    deadline in seconds: command 15, start 60,\n"
    "                           download 600, reset 300, update 120,\n"
    "                           reboot 60, overall 7200, silent 3600 (a\n"
    "                           download without percents), away 1800 (the\n"
    "                           port is gone), listen 3, backoff 30\n"
    "      --dry-run            ask the module, start nothing and change "
    "nothing\n"
    "      --flow-control       the serial port has RTS and CTS: use them\n"
    "      --progress WHEN      auto (default), always or never\n"
    "      --json               one JSON object a line, the last the verdict\n"
    "      --log FILE           write what crosses the port; `dfota replay`\n"
    "                           reads it\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 done, 1 failed or unknown, 2 wrong usage, 3 the module\n"
    "refused the package.\n";

struct upgrade {
    struct upgrade_options o;
    struct dfota_session session;
    struct dfota_at_record resumed;
    bool has_resumed;
    bool dry_end; /* what comes next would change something */
    struct upgrade_report report;
    struct upgrade_log log;
    uint8_t *package;
    uint8_t out[512]; /* handed out by the session, not yet sent */
    size_t out_len;
    size_t out_off;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    stopped = signal_number;
}

static uint32_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)((uint64_t)t.tv_sec * 1000 +
                      (uint64_t)t.tv_nsec / 1000000);
}

static void read_package(void *ctx, uint32_t off, uint8_t *out, size_t len)
{
    const struct upgrade *u = ctx;

    memcpy(out, u->package + off, len);
}

static void save_state(const struct upgrade *u)
{
    struct dfota_at_record record;

    if (!u->o.state)
        return;
    dfota_session_record(&u->session, &record);
    if (files_write(u->o.state, &record, sizeof(record)))
        log_warn("%s: %s; this run cannot be gone on with", u->o.state,
                 strerror(errno));
}

static void on_event(void *ctx, enum dfota_event event, int32_t value)
{
    struct upgrade *u = ctx;

    if (event == DFOTA_EVENT_STAGE && value >= DFOTA_AT_APN && u->o.dry_run)
        u->dry_end = true;
    if (u->dry_end)
        return;
    if (event == DFOTA_EVENT_RECORD)
        save_state(u);
    upgrade_report_event(&u->report, &u->session, event, value);
}

static int load_package(struct upgrade *u)
{
    size_t len;
    int err;

    if (!u->o.file)
        return 0;
    errno = 0;
    err = files_read(u->o.file, PACKAGE_MAX, &u->package, &len);
    if (err || !len) {
        log_error("%s: %s", u->o.file,
                  !err    ? "the package is empty"
                  : errno ? strerror(errno)
                          : dfota_strerror(err));
        return CLI_FAILED;
    }
    u->o.config.package_len = (uint32_t)len;
    return 0;
}

/* Go on with what an earlier run began. */
static void load_state(struct upgrade *u)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    int err;

    if (!u->o.state)
        return;
    err = files_read(u->o.state, sizeof(u->resumed), &bytes, &len);
    if (err && errno == ENOENT)
        return;
    if (!err && len == sizeof(u->resumed)) {
        memcpy(&u->resumed, bytes, len);
        u->has_resumed = !dfota_session_resume(&u->session, &u->resumed);
    }
    if (!u->has_resumed)
        log_warn("%s is no state of an upgrade: beginning anew", u->o.state);
    else if (u->session.kept.triggered)
        log_info("going on with an upgrade that was left at %s",
                 dfota_stage_name(dfota_session_stage(&u->session)));
    free(bytes);
}

static int open_log(struct upgrade *u)
{
    if (!u->o.log)
        return 0;
    u->log.out = fopen(u->o.log, "we");
    if (u->log.out)
        return 0;
    log_error("%s: %s", u->o.log, strerror(errno));
    return CLI_FAILED;
}

static void lose_port(struct upgrade *u)
{
    serial_close(u->o.port);
    u->out_len = 0;
    u->out_off = 0;
    upgrade_log_port(&u->log, false, now_ms());
    dfota_session_port_lost(&u->session, now_ms());
}

/* A module whose update runs already may have no port just now: then it is
 * waited for. */
static int open_port(struct upgrade *u)
{
    int err;

    errno = 0;
    err = serial_open(u->o.port);
    if (err && !u->session.kept.triggered) {
        log_error("%s: %s; check that the module is there and that nobody "
                  "else has the port",
                  u->o.port_name,
                  errno ? strerror(errno) : dfota_strerror(err));
        return CLI_FAILED;
    }
    u->o.config.usb = serial_is_usb(u->o.port);
    upgrade_log_head(&u->log, &u->o.config,
                     u->has_resumed ? &u->resumed : NULL);
    if (err)
        lose_port(u);
    return 0;
}

static int send_pending(struct upgrade *u)
{
    size_t used;
    int err;

    if (u->out_off == u->out_len) {
        u->out_off = 0;
        u->out_len =
            dfota_session_output(&u->session, u->out, sizeof(u->out), now_ms());
        if (u->dry_end)
            u->out_len = 0;
    }
    if (u->out_off == u->out_len)
        return DFOTA_OK;
    err = serial_write(u->o.port, u->out + u->out_off, u->out_len - u->out_off,
                       &used);
    upgrade_log_bytes(&u->log, '>', u->out + u->out_off, used, now_ms());
    u->out_off += used;
    return err;
}

static int receive(struct upgrade *u)
{
    uint8_t in[512];
    size_t len;
    int err = serial_read(u->o.port, in, sizeof(in), &len);

    upgrade_log_bytes(&u->log, '<', in, len, now_ms());
    dfota_session_input(&u->session, in, len, now_ms());
    return err;
}

static void follow_rate(struct upgrade *u)
{
    uint32_t rate = dfota_session_rate(&u->session);

    if (serial_set_rate(u->o.port, rate ? rate : u->o.baud))
        log_warn("%s: the rate cannot be set", u->o.port_name);
}

/* The port is gone: wait a moment, look whether it is back. */
static void wait_for_port(struct upgrade *u, const sigset_t *mask)
{
    const struct timespec pause = {.tv_nsec = REOPEN_EVERY_MS * 1000000L};

    ppoll(NULL, 0, &pause, mask);
    if (!serial_open(u->o.port)) {
        upgrade_log_port(&u->log, true, now_ms());
        dfota_session_port_back(&u->session, now_ms());
    }
    dfota_session_tick(&u->session, now_ms());
}

static void wait_for_bytes(struct upgrade *u, const sigset_t *mask)
{
    uint32_t due = dfota_session_due(&u->session, now_ms());
    bool pending = u->out_off < u->out_len || u->session.data_mode;
    struct pollfd p = {
        .fd = serial_fd(u->o.port),
        .events = (short)(POLLIN | (pending ? POLLOUT : 0)),
    };
    struct timespec timeout = {
        .tv_sec = due / 1000,
        .tv_nsec = (long)(due % 1000) * 1000000L,
    };
    int err = DFOTA_OK;

    if (ppoll(&p, 1, &timeout, mask) > 0 && p.revents & ~POLLOUT)
        err = receive(u);
    dfota_session_tick(&u->session, now_ms());
    if (err)
        lose_port(u);
}

static void run(struct upgrade *u)
{
    sigset_t block;
    sigset_t mask;
    struct sigaction action = {.sa_handler = stop};

    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigprocmask(SIG_BLOCK, &block, &mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (!dfota_session_ended(&u->session) && !stopped && !u->dry_end) {
        if (serial_fd(u->o.port) < 0) {
            wait_for_port(u, &mask);
            continue;
        }
        follow_rate(u);
        if (send_pending(u))
            lose_port(u);
        else if (!u->dry_end)
            wait_for_bytes(u, &mask);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* The state is of use only while nobody knows how it ended. */
static void clear_state(const struct upgrade *u)
{
    uint8_t outcome = u->session.verdict.outcome;

    if (u->o.state &&
        (outcome == DFOTA_OUTCOME_DONE || outcome == DFOTA_OUTCOME_FAILED))
        unlink(u->o.state);
}

static int upgrade(struct upgrade *u)
{
    int status = load_package(u);

    if (!status)
        status = open_log(u);
    if (status)
        return status;
    u->report.json = u->o.json;
    u->report.began_ms = u->log.began_ms = now_ms();
    progress_init(&u->report.progress,
                  u->o.json ? PROGRESS_NEVER : u->o.progress, stderr);
    if (dfota_session_init(&u->session, &u->o.config, now_ms()))
        return cli_usage_error("upgrade", "%s: the package is empty",
                               u->o.file);
    load_state(u);
    status = open_port(u);
    if (status)
        return status;
    log_info("the signature of the package is left to the module to check");
    run(u);
    clear_state(u);
    return upgrade_report_end(&u->report, &u->session,
                              u->dry_end ? UPGRADE_END_DRY
                              : stopped  ? UPGRADE_END_INTERRUPTED
                                         : UPGRADE_END_VERDICT,
                              now_ms());
}

int cmd_upgrade(int argc, char **argv)
{
    static struct upgrade u;
    int status = upgrade_options_parse(&u.o, argc, argv);

    u.o.config.read = read_package;
    u.o.config.event = on_event;
    u.o.config.ctx = &u;
    if (!status && u.o.help)
        fputs(help, stdout);
    else if (!status)
        status = upgrade(&u);
    if (u.log.out)
        (void)fclose(u.log.out);
    serial_destroy(u.o.port);
    free(u.package);
    return status;
}
