/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfota-module: one emulated module on a serial line.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/err.h"
#include "cli/cli.h"
#include "modem/control.h"
#include "modem/describe.h"
#include "modem/dialect_conf.h"
#include "modem/modem.h"
#include "modem/ports.h"
#include "os/log.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { RAM_DEFAULT = 65536, RAM_MIN = 8192 };

struct options {
    struct module_config module;
    const char *port, *control, *model, *config;
    struct dialect_conf conf;
    uint32_t sector, slot, backup;
    bool backup_given, seed_given, verbose;
};

struct program {
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    struct module module;
    struct ports *port;
    struct control *control;
};

static const char help[] =
    "Usage: dfota-module --model DIALECT --state DIR [OPTION]...\n"
    "Emulate a cellular module that updates its firmware over the air.\n"
    "\n"
    "  -m, --model DIALECT   bg95, bg77, ..: the family it speaks like\n"
    "  -s, --state DIR       flash, files and settings; go on from there\n"
    "  -f, --firmware IMAGE  the first image, when DIR holds none yet\n"
    "  -p, --port PORT       pty:LINK, tcp:HOST:PORT, rfc2217:HOST:PORT,\n"
    "                        unix:PATH (unix:@NAME), /dev/ttyX\n"
    "                        (default: a pty whose name is printed)\n"
    "      --control PATH    Unix socket for power, net, sim, state ..\n"
    "      --config FILE     radio answers, timing, default ports\n"
    "                        (default: DIR/DIALECT.conf, if it is there)\n"
    "      --fota-server URL whom a module asks that polls by itself\n"
    "      --fota-name NAME  its name there (default: the IMEI)\n"
    "      --fota-password PASSWORD\n"
    "      --cert CERT.pem   certificate or public key that packages need\n"
    "      --permit-cert FILE  the same of downgrade permits for its IMEI\n"
    "      --speed X         1 is real time (default), 0 as fast as possible\n"
    "      --quirk NAME      print a documented misprint; may be repeated\n"
    "      --seed N          of everything random (default: a new one)\n"
    "      --ram BYTES       decoder memory (65536)\n"
    "      --slot SIZE       flash geometry; K and M are 1024 and 1024^2\n"
    "      --sector SIZE\n"
    "      --backup SIZE     0: as large as the slot\n"
    "      --describe DIALECT  print its tables as JSON, and end\n"
    "  -v, --verbose         say more on standard error\n"
    "  -h, --help            this text\n"
    "  -V, --version         the version\n"
    "\n"
    "The control socket takes one line each: power on|off|cut,\n"
    "cut-at [AREA:]<flash operation> [torn|erase], fail-at [AREA:]<flash\n"
    "operation>, net up|down|loss P|rtt MS,\n"
    "sim in|out|roaming|other, dtr on|off, clock +SECONDS, battery P,\n"
    "rssi DBM, recover FILE, state.\n";

enum {
    OPT_CONTROL = 256,
    OPT_CONFIG,
    OPT_CERT,
    OPT_PERMIT_CERT,
    OPT_DESCRIBE,
    OPT_FOTA_SERVER,
    OPT_FOTA_NAME,
    OPT_FOTA_PASSWORD,
    OPT_SPEED,
    OPT_QUIRK,
    OPT_SEED,
    OPT_RAM,
    OPT_SLOT,
    OPT_SECTOR,
    OPT_BACKUP,
};

static const struct option long_options[] = {
    {"model", required_argument, NULL, 'm'},
    {"state", required_argument, NULL, 's'},
    {"firmware", required_argument, NULL, 'f'},
    {"port", required_argument, NULL, 'p'},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"cert", required_argument, NULL, OPT_CERT},
    {"permit-cert", required_argument, NULL, OPT_PERMIT_CERT},
    {"describe", required_argument, NULL, OPT_DESCRIBE},
    {"fota-server", required_argument, NULL, OPT_FOTA_SERVER},
    {"fota-name", required_argument, NULL, OPT_FOTA_NAME},
    {"fota-password", required_argument, NULL, OPT_FOTA_PASSWORD},
    {"speed", required_argument, NULL, OPT_SPEED},
    {"quirk", required_argument, NULL, OPT_QUIRK},
    {"seed", required_argument, NULL, OPT_SEED},
    {"ram", required_argument, NULL, OPT_RAM},
    {"slot", required_argument, NULL, OPT_SLOT},
    {"sector", required_argument, NULL, OPT_SECTOR},
    {"backup", required_argument, NULL, OPT_BACKUP},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int usage(const char *what, const char *value)
{
    log_error("%s%s%s; see dfota-module --help", what, value ? ": " : "",
              value ? value : "");
    return EXIT_USAGE;
}

static bool parse_speed(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out <= 1e6;
}

static int take_size(struct options *o, int c, const char *value)
{
    uint32_t *places[] = {&o->module.ram, &o->slot, &o->sector, &o->backup};

    o->backup_given |= c == OPT_BACKUP;
    if (!cli_parse_size(value, places[c - OPT_RAM]))
        return usage("not a size", value);
    return EXIT_DONE;
}

static int say_models(const char *model)
{
    char list[256] = "";
    size_t len = 0;

    for (int i = 0; dialects[i] && len < sizeof list - 40; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, " %s",
                                dialects[i]->name);
    log_error("no model %s in this build; there is:%s", model, list);
    return EXIT_USAGE;
}

/* Ends the program: its tables are what was wanted. */
static int print_tables(const char *name)
{
    const char *model;
    const struct dialect *d = dialect_find(name, &model);
    char *text = d ? describe(d) : NULL;

    if (!d)
        return say_models(name);
    if (!text) {
        log_error("out of memory");
        return EXIT_FAILED;
    }
    puts(text);
    free(text);
    exit(cli_close_stdout(EXIT_DONE));
}

static int take_server(struct options *o, int c, const char *value)
{
    if (c == OPT_FOTA_NAME) {
        o->module.fota_name = value;
        return EXIT_DONE;
    }
    if (c == OPT_FOTA_PASSWORD) {
        o->module.fota_password = value;
        return EXIT_DONE;
    }
    if (strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0)
        return usage("--fota-server is http:// or https://", value);
    o->module.fota_server = value;
    return EXIT_DONE;
}

static int take_other(struct options *o, int c, const char *value)
{
    uint32_t quirk;
    char *end;

    switch (c) {
    case OPT_CONTROL:
        o->control = value;
        return EXIT_DONE;
    case OPT_CONFIG:
        o->config = value;
        return EXIT_DONE;
    case OPT_CERT:
        o->module.cert = value;
        return EXIT_DONE;
    case OPT_PERMIT_CERT:
        o->module.permit_cert = value;
        return EXIT_DONE;
    case OPT_SPEED:
        return parse_speed(value, &o->module.speed)
                   ? EXIT_DONE
                   : usage("--speed wants a number from 0", value);
    case OPT_QUIRK:
        quirk = quirk_find(value);
        o->module.quirks |= quirk;
        return quirk ? EXIT_DONE : usage("no such quirk", value);
    case OPT_SEED:
        o->seed_given = true;
        o->module.seed = strtoull(value, &end, 0);
        return *end == '\0' ? EXIT_DONE : usage("not a number", value);
    case OPT_DESCRIBE:
        return print_tables(value);
    case OPT_FOTA_SERVER:
    case OPT_FOTA_NAME:
    case OPT_FOTA_PASSWORD:
        return take_server(o, c, value);
    default:
        return take_size(o, c, value);
    }
}

/* returns an exit status, or -1 to go on */
static int take(struct options *o, int c, const char *value)
{
    int status;

    switch (c) {
    case 'm':
        o->model = value;
        return -1;
    case 's':
        o->module.state = value;
        return -1;
    case 'f':
        o->module.firmware = value;
        return -1;
    case 'p':
        o->port = value;
        return -1;
    case 'v':
        o->verbose = true;
        return -1;
    case 'h':
        fputs(help, stdout);
        return EXIT_DONE;
    case 'V':
        puts("dfota-module " DFOTA_PROGRAM_VERSION);
        return EXIT_DONE;
    case '?':
    case ':':
        return usage("unknown option, or one without its value", NULL);
    default:
        status = take_other(o, c, value);
        return status == EXIT_DONE ? -1 : status;
    }
}

static bool is_power_of_two(uint32_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

static int set_geometry(struct options *o)
{
    struct memory *m = &o->module.memory;

    *m = o->module.dialect->memory;
    if (o->slot)
        m->slot = o->slot;
    if (o->sector)
        m->sector = o->sector;
    if (o->backup_given)
        m->backup = o->backup;
    if (m->backup == 0)
        m->backup = m->slot;
    if (!is_power_of_two(m->sector) || m->sector < 512 || m->sector > 262144)
        return usage("--sector is a power of two, 512 to 262144", NULL);
    if (m->slot % m->sector || m->backup % m->sector || m->package % m->sector)
        return usage("--slot and --backup are whole sectors", NULL);
    if (m->slot > 64U * 1048576 || m->backup > m->slot)
        return usage("--slot is at most 64M, --backup at most the slot", NULL);
    if (o->module.ram < RAM_MIN || o->module.ram > 1048576)
        return usage("--ram is 8192 to 1048576", NULL);
    return EXIT_DONE;
}

static int parse(struct options *o, int argc, char **argv)
{
    int c, status;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":m:s:f:p:vhV", long_options, NULL)) !=
           -1) {
        status = take(o, c, optarg);
        if (status >= 0)
            exit(status);
    }
    if (optind < argc)
        return usage("not an option", argv[optind]);
    if (!o->model || !o->module.state)
        return usage("--model and --state are needed", NULL);
    if (o->module.permit_cert && !o->module.cert)
        return usage("--permit-cert wants --cert, too", NULL);
    o->module.dialect = dialect_find(o->model, &o->module.model);
    if (!o->module.dialect)
        return say_models(o->model);
    return set_geometry(o);
}

static int load_config(struct options *o)
{
    const struct dialect *built_in = o->module.dialect;
    char *path = NULL;
    int err = DFOTA_E_NOMEM;

    if (asprintf(&path, "%s/%s.conf", o->module.state, built_in->name) >= 0)
        err = dialect_conf_load(&o->conf, built_in,
                                o->config ? o->config : path, o->config);
    free(path);
    o->module.dialect = &o->conf.dialect;
    return err;
}

static void line_send(void *ctx, const void *data, size_t len)
{
    struct program *p = ctx;

    ports_send(p->port, data, len);
}

static void line_rate(void *ctx, uint32_t rate)
{
    struct program *p = ctx;

    ports_set_rate(p->port, rate);
}

static void line_ready(void *ctx, bool ready)
{
    struct program *p = ctx;

    ports_set_ready(p->port, ready);
}

static void line_dtr(void *ctx, bool on)
{
    struct program *p = ctx;

    terminal_set_dtr(&p->module, on);
}

static void line_feed(void *ctx, const void *data, size_t len)
{
    struct program *p = ctx;

    terminal_feed(&p->module, data, len);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

static void watch_signals(struct program *p)
{
    uv_signal_init(&p->loop, &p->interrupt);
    uv_signal_init(&p->loop, &p->terminate);
    uv_signal_start(&p->interrupt, on_signal, SIGINT);
    uv_signal_start(&p->terminate, on_signal, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full disk is an error, not an end */
}

static int open_lines(struct program *p, const struct options *o)
{
    const struct ports_host host = {line_feed, line_dtr, p};
    int err = ports_open(&p->port, &p->loop, o->port, &host);

    p->module.send = line_send;
    p->module.set_rate = line_rate;
    p->module.set_ready = line_ready;
    p->module.line = p;
    if (!err && o->control)
        err = control_open(&p->control, &p->module, o->control);
    return err;
}

/* Sockets and pty exist before this line, so a script may wait for it. */
static void run(struct program *p, const struct options *o)
{
    printf("ready: %s on %s, version in %s\n", o->module.model,
           ports_name(p->port), o->module.state);
    fflush(stdout);
    if (p->module.set.off)
        log_info("it was switched off; `power on` on the control socket "
                 "starts it");
    else
        module_power_on(&p->module);
    uv_run(&p->loop, UV_RUN_DEFAULT);
}

static void close_all(struct program *p, bool opened)
{
    control_close(p->control);
    ports_close(p->port);
    if (opened)
        module_close(&p->module);
    uv_close((uv_handle_t *)&p->interrupt, NULL);
    uv_close((uv_handle_t *)&p->terminate, NULL);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    uv_loop_close(&p->loop);
}

/* A fleet that polls must not poll all at once. */
static void choose_seed(struct options *o)
{
    if (o->seed_given)
        return;
    if (uv_random(NULL, NULL, &o->module.seed, sizeof o->module.seed, 0,
                  NULL) != 0)
        o->module.seed = uv_hrtime();
    log_debug("--seed %llu repeats this run's chances",
              (unsigned long long)o->module.seed);
}

int main(int argc, char **argv)
{
    struct options o = {.module = {.speed = 1, .ram = RAM_DEFAULT},
                        .port = "pty:"};
    struct program *p;
    int status, err;

    log_init("dfota-module", LOG_LEVEL_INFO);
    status = parse(&o, argc, argv);
    if (status != EXIT_DONE)
        return status;
    if (o.verbose)
        log_init("dfota-module", LOG_LEVEL_DEBUG);
    choose_seed(&o);
    p = calloc(1, sizeof *p);
    if (!p || uv_loop_init(&p->loop) != 0) {
        log_error("out of memory");
        free(p);
        return EXIT_FAILED;
    }
    watch_signals(p);
    err = load_config(&o);
    if (!err)
        err = module_open(&p->module, &o.module, &p->loop);
    if (err) {
        close_all(p, false);
        dialect_conf_release(&o.conf);
        free(p);
        return EXIT_FAILED;
    }
    err = open_lines(p, &o);
    if (!err)
        run(p, &o);
    close_all(p, true);
    dialect_conf_release(&o.conf);
    free(p);
    return err ? EXIT_FAILED : EXIT_DONE;
}
