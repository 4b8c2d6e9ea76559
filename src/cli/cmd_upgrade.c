/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfota upgrade: drive a module's update over its AT port.
 */
#include "at/session.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/upgrade_report.h"
#include "os/files.h"
#include "os/log.h"
#include "port/posix/serial.h"
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PACKAGE_MAX ((size_t)16 << 20)
#define REOPEN_EVERY_MS 200
#define DEFAULT_RATE 115200

static const char help[] =
    "Usage: dfota upgrade --port PORT (--url URL | --file PKG) [OPTION]...\n"
    "Update the firmware of a module over its AT port.\n"
    "\n"
    "  -p, --port PORT          /dev/ttyUSB2, pty:PATH, tcp:HOST:PORT or\n"
    "                           unix:PATH\n"
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
    "      --progress WHEN      auto (default), always or never\n"
    "      --json               one JSON object a line, the last the verdict\n"
    "      --log FILE           write what crosses the port\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 done, 1 failed or unknown, 2 wrong usage, 3 the module\n"
    "refused the package.\n";

struct upgrade {
    struct dfota_session_config config;
    struct dfota_session session;
    struct upgrade_report report;
    struct serial *port;
    const char *port_name;
    const char *file;
    const char *state;
    const char *log;
    uint8_t *package;
    uint32_t baud;
    enum progress_mode progress;
    bool json;
    bool help;
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

static int wrong(const char *what, const char *value)
{
    return cli_usage_error("upgrade", "%s: %s", value, what);
}

static int parse_timeout(struct upgrade *u, int which, const char *text)
{
    /* 24 days would wrap the session's clock. */
    uint32_t seconds;

    if (!cli_parse_number(text, 1, 1000000, &seconds))
        return wrong("not a number of seconds from 1 to 1000000", text);
    u->config.timeout_ms[which] = seconds * 1000;
    return 0;
}

static int parse_model(struct upgrade *u, const char *name)
{
    if (!strcmp(name, "auto"))
        return 0;
    u->config.family =
        dfota_family_named(dfota_families, dfota_families_count, name);
    return u->config.family ? 0 : wrong("not a model that is known here", name);
}

enum long_option {
    OPTION_APN = 256,
    OPTION_STATE,
    OPTION_PROGRESS,
    OPTION_JSON,
    OPTION_LOG,
    OPTION_TIMEOUT /* and DFOTA_TIMEOUT_COUNT more */
};

static int take_option(struct upgrade *u, int option, char *value)
{
    switch (option) {
    case 'p':
        u->port_name = value;
        return 0;
    case 'm':
        return parse_model(u, value);
    case 'u':
        u->config.url = value;
        return 0;
    case 'f':
        u->file = value;
        return 0;
    case 't':
        u->config.to_version = value;
        return 0;
    case 'b':
        return cli_parse_number(value, 1, UINT32_MAX, &u->baud)
                   ? 0
                   : wrong("not a rate", value);
    case 'h':
        u->help = true;
        return 0;
    case OPTION_APN:
        u->config.apn = value;
        return 0;
    case OPTION_STATE:
        u->state = value;
        return 0;
    case OPTION_PROGRESS:
        return progress_mode_parse(value, &u->progress)
                   ? wrong("not auto, always or never", value)
                   : 0;
    case OPTION_JSON:
        u->json = true;
        return 0;
    case OPTION_LOG:
        u->log = value;
        return 0;
    default:
        return parse_timeout(u, option - OPTION_TIMEOUT, value);
    }
}

#define PLAIN_OPTIONS 12

static int parse_options(struct upgrade *u, int argc, char **argv)
{
    static const struct option plain[PLAIN_OPTIONS] = {
        {"port", required_argument, NULL, 'p'},
        {"model", required_argument, NULL, 'm'},
        {"url", required_argument, NULL, 'u'},
        {"file", required_argument, NULL, 'f'},
        {"to-version", required_argument, NULL, 't'},
        {"baud", required_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},
        {"apn", required_argument, NULL, OPTION_APN},
        {"state", required_argument, NULL, OPTION_STATE},
        {"progress", required_argument, NULL, OPTION_PROGRESS},
        {"json", no_argument, NULL, OPTION_JSON},
        {"log", required_argument, NULL, OPTION_LOG},
    };
    struct option options[PLAIN_OPTIONS + DFOTA_TIMEOUT_COUNT + 1] = {0};
    char names[DFOTA_TIMEOUT_COUNT][24];
    int option;
    int err = 0;

    memcpy(options, plain, sizeof(plain));
    for (int i = 0; i < DFOTA_TIMEOUT_COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "timeout-%s",
                       dfota_timeout_name((uint8_t)i));
        options[PLAIN_OPTIONS + i] = (struct option){
            names[i], required_argument, NULL, OPTION_TIMEOUT + i};
    }
    optind = 1;
    while (!err && (option = getopt_long(argc, argv, "p:m:u:f:t:b:h", options,
                                         NULL)) != -1)
        err = option == '?' ? CLI_USAGE : take_option(u, option, optarg);
    if (!err && optind < argc)
        err = wrong("not an option", argv[optind]);
    return err;
}

static int check_options(struct upgrade *u)
{
    if (!u->port_name)
        return wrong("is missing", "--port");
    if (serial_create(u->port_name, u->baud, &u->port))
        return wrong("neither /dev/.., pty:PATH, tcp:HOST:PORT nor unix:PATH, "
                     "or not a rate of this system",
                     u->port_name);
    if (!u->config.url == !u->file)
        return wrong("exactly one of them is needed", "--url, --file");
    if (u->config.url && dfota_family_check_text(u->config.url))
        return wrong("a URL has no quote, blank, control or non-ASCII byte",
                     u->config.url);
    if (u->config.apn && dfota_family_check_text(u->config.apn))
        return wrong("an APN has no quote, blank, control or non-ASCII byte",
                     u->config.apn);
    return 0;
}

static void read_package(void *ctx, uint32_t off, uint8_t *out, size_t len)
{
    const struct upgrade *u = ctx;

    memcpy(out, u->package + off, len);
}

static void save_state(const struct upgrade *u)
{
    uint8_t record[DFOTA_SESSION_RECORD_LEN];

    if (!u->state)
        return;
    dfota_session_record(&u->session, record);
    if (files_write(u->state, record, sizeof(record)))
        log_warn("%s: %s; this run cannot be gone on with", u->state,
                 strerror(errno));
}

static void on_event(void *ctx, enum dfota_event event, int32_t value)
{
    struct upgrade *u = ctx;

    if (event == DFOTA_EVENT_RECORD)
        save_state(u);
    upgrade_report_event(&u->report, &u->session, event, value);
}

static int load_package(struct upgrade *u)
{
    size_t len;
    int err;

    if (!u->file)
        return 0;
    errno = 0;
    err = files_read(u->file, PACKAGE_MAX, &u->package, &len);
    if (err || !len) {
        log_error("%s: %s", u->file,
                  !err    ? "the package is empty"
                  : errno ? strerror(errno)
                          : dfota_strerror(err));
        return CLI_FAILED;
    }
    u->config.package_len = (uint32_t)len;
    return 0;
}

/* Go on with what an earlier run began. */
static void load_state(struct upgrade *u)
{
    uint8_t *record = NULL;
    size_t len = 0;
    int err;

    if (!u->state)
        return;
    err = files_read(u->state, DFOTA_SESSION_RECORD_LEN, &record, &len);
    if (err && errno == ENOENT)
        return;
    if (err || len != DFOTA_SESSION_RECORD_LEN ||
        dfota_session_resume(&u->session, record))
        log_warn("%s is no state of an upgrade: beginning anew", u->state);
    else if (u->session.triggered)
        log_info("going on with an upgrade that was left at %s",
                 dfota_stage_name(u->session.stage));
    free(record);
}

static int open_log(struct upgrade *u)
{
    if (!u->log)
        return 0;
    u->report.transcript = fopen(u->log, "we");
    if (u->report.transcript)
        return 0;
    log_error("%s: %s", u->log, strerror(errno));
    return CLI_FAILED;
}

static void lose_port(struct upgrade *u)
{
    serial_close(u->port);
    u->out_len = 0;
    u->out_off = 0;
    dfota_session_port_lost(&u->session, now_ms());
}

/* A module whose update runs already may have no port just now: then it is
 * waited for. */
static int open_port(struct upgrade *u)
{
    int err;

    errno = 0;
    err = serial_open(u->port);
    if (err && u->session.triggered) {
        lose_port(u);
    } else if (err) {
        log_error("%s: %s; check that the module is there and that nobody "
                  "else has the port",
                  u->port_name, errno ? strerror(errno) : dfota_strerror(err));
        return CLI_FAILED;
    }
    u->config.usb = serial_is_usb(u->port);
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
    }
    if (u->out_off == u->out_len)
        return DFOTA_OK;
    err = serial_write(u->port, u->out + u->out_off, u->out_len - u->out_off,
                       &used);
    upgrade_report_bytes(&u->report, '>', u->out + u->out_off, used, now_ms());
    u->out_off += used;
    return err;
}

static int receive(struct upgrade *u)
{
    uint8_t in[512];
    size_t len;
    int err = serial_read(u->port, in, sizeof(in), &len);

    upgrade_report_bytes(&u->report, '<', in, len, now_ms());
    dfota_session_input(&u->session, in, len, now_ms());
    return err;
}

static void follow_rate(struct upgrade *u)
{
    uint32_t rate = dfota_session_rate(&u->session);

    if (serial_set_rate(u->port, rate ? rate : u->baud))
        log_warn("%s: the rate cannot be set", u->port_name);
}

/* The port is gone: wait a moment, look whether it is back. */
static void wait_for_port(struct upgrade *u, const sigset_t *mask)
{
    const struct timespec pause = {.tv_nsec = REOPEN_EVERY_MS * 1000000L};

    ppoll(NULL, 0, &pause, mask);
    if (!serial_open(u->port))
        dfota_session_port_back(&u->session, now_ms());
    dfota_session_tick(&u->session, now_ms());
}

static void wait_for_bytes(struct upgrade *u, const sigset_t *mask)
{
    uint32_t due = dfota_session_due(&u->session, now_ms());
    bool pending = u->out_off < u->out_len || u->session.data_mode;
    struct pollfd p = {
        .fd = serial_fd(u->port),
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
    while (!dfota_session_ended(&u->session) && !stopped) {
        if (serial_fd(u->port) < 0) {
            wait_for_port(u, &mask);
            continue;
        }
        follow_rate(u);
        if (send_pending(u))
            lose_port(u);
        else
            wait_for_bytes(u, &mask);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* The state is of use only while nobody knows how it ended. */
static void clear_state(const struct upgrade *u)
{
    uint8_t outcome = u->session.verdict.outcome;

    if (u->state &&
        (outcome == DFOTA_OUTCOME_DONE || outcome == DFOTA_OUTCOME_FAILED))
        unlink(u->state);
}

static int upgrade(struct upgrade *u)
{
    int status = load_package(u);

    if (!status)
        status = open_log(u);
    if (status)
        return status;
    u->report.json = u->json;
    u->report.began_ms = now_ms();
    progress_init(&u->report.progress, u->json ? PROGRESS_NEVER : u->progress,
                  stderr);
    if (dfota_session_init(&u->session, &u->config, now_ms()))
        return wrong("the package is empty", u->file);
    load_state(u);
    status = open_port(u);
    if (status)
        return status;
    log_info("the signature of the package is left to the module to check");
    run(u);
    clear_state(u);
    return upgrade_report_end(&u->report, &u->session, stopped != 0, now_ms());
}

int cmd_upgrade(int argc, char **argv)
{
    static struct upgrade u;
    int status;

    dfota_session_defaults(&u.config);
    u.config.families = dfota_families;
    u.config.families_count = dfota_families_count;
    u.config.read = read_package;
    u.config.event = on_event;
    u.config.ctx = &u;
    u.baud = DEFAULT_RATE;
    status = parse_options(&u, argc, argv);
    if (!status && u.help) {
        fputs(help, stdout);
        return 0;
    }
    if (!status)
        status = check_options(&u);
    if (!status)
        status = upgrade(&u);
    if (u.report.transcript)
        (void)fclose(u.report.transcript);
    serial_destroy(u.port);
    free(u.package);
    return status;
}
