/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One emulated module: its parts, its power, its clock.
 *
 * Layer: modem. Everything runs in one libuv loop. docs/design-modem.md
 * follows a command through the parts.
 */
#ifndef DFOTA_MODEM_MODEM_H
#define DFOTA_MODEM_MODEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include "link/fault.h"
#include "modem/agent.h"
#include "modem/chip.h"
#include "modem/dialect.h"
#include "modem/filestore.h"
#include "modem/lwm2m_module.h"
#include "modem/poll.h"
#include "modem/radio.h"
#include "modem/settings.h"
#include "modem/terminal.h"
#include "modem/urc.h"

enum { VERSION_MAX = 64 };

struct module_config {
    const struct dialect *dialect;
    const char *model;       /* what AT+CGMM says */
    const char *state;       /* folder */
    const char *firmware;    /* NULL: none */
    const char *cert;        /* NULL: packages are not verified */
    const char *permit_cert; /* NULL: no downgrade permit is taken */
    double speed;            /* 1 real time, 0 as fast as possible */
    struct memory memory;    /* the dialect's, or as options say */
    uint32_t ram;            /* bytes of decoder memory */
    uint64_t seed;
    uint32_t quirks; /* QUIRK_* or'ed */
    /* The server that a polling module asks: "https://host:port". */
    const char *fota_server;               /* NULL: none */
    const char *fota_name, *fota_password; /* NULL: IMEI, "" */
};

enum power {
    POWER_OFF,
    POWER_BOOT, /* before the banner */
    POWER_ON,
    POWER_DFOTA, /* only the updater runs */
    POWER_HELD,  /* DFOTA mode for good: no image is whole */
};

struct module {
    const struct module_config *c;
    const struct dialect *d;
    uv_loop_t *loop;
    struct settings set;
    struct radio radio;
    struct fault fault; /* how bad the network is */
    struct filestore files;
    struct chip chip;
    struct terminal term;
    struct agent agent;
    struct poll poll;
    struct lwm2m_module *lwm2m; /* NULL: the family has none */
    enum power power;
    char version[VERSION_MAX];
    uint8_t creg_report[3]; /* AT+CREG, +CGREG, +CEREG: 0..2 */
    uint8_t banner_line;
    FILE *upload;     /* what AT+QFUPL writes to */
    bool upload_full; /* the disk had no room for it */
    uint32_t boots;
    int lock;            /* of the state folder */
    uint64_t started_ms; /* from where speed stretches the clock */
    uv_timer_t power_timer, radio_timer;
    /* The line to the host. rate: 0 that of the host. ready: CTS and DSR. */
    void (*send)(void *ctx, const void *data, size_t len);
    void (*set_rate)(void *ctx, uint32_t rate);
    void (*set_ready)(void *ctx, bool ready);
    void *line;
};

/** Open state, flash and files; put the first image there. Errors are said.
 * errors   E_IO, E_NOMEM, E_FULL, E_FLASH, .. */
int module_open(struct module *m, const struct module_config *c,
                uv_loop_t *loop);
void module_close(struct module *m);

/** Power on: boot, into DFOTA mode if an update is open. */
void module_power_on(struct module *m);

/** Power off in good order. */
void module_power_off(struct module *m);

/** Restart as after a reset, ms of module time from now. */
void module_reset(struct module *m, uint32_t ms);

/** Leave DFOTA mode without a reset and without a word: the update failed
 * before it changed anything. */
void module_resume(struct module *m);

/** The radio's state may have changed: print what was asked for. */
void module_radio_changed(struct module *m);

/** Milliseconds to wait for ms of the module's own time. */
uint64_t module_pause(const struct module *m, uint32_t ms);

/** The same for a time-out on a peer, which at speed 0 must stay long
 * enough for a peer that does answer. */
uint64_t module_patience(const struct module *m, uint32_t ms);

/** Seconds since the epoch by the module's clock, which runs as fast as
 * --speed says (at 0: as ours). */
int64_t module_clock(const struct module *m);

/** Let the clock's state be what settings_save() keeps. */
void module_keep_clock(struct module *m);

/** The path of one of the module's files if it is there, malloc'd; NULL:
 * no, or no name. */
char *module_file(const struct module *m, const char *name);

/** One JSON object about everything, malloc'd. */
char *module_state(const struct module *m);

#endif
