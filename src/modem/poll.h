/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A module that asks a server for updates by itself: when, and what it says.
 *
 * Layer: modem. Does nothing in a dialect without polling. The due time is
 * by the module's clock and kept over power-off.
 */
#ifndef DFOTA_MODEM_POLL_H
#define DFOTA_MODEM_POLL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "modem/fota_client.h"

/* What the server has to be told (kept over power-off). */
enum poll_report {
    POLL_REPORT_NONE,
    POLL_REPORT_UPDATE,   /* an update that reached START; said on the line */
    POLL_REPORT_DOWNLOAD, /* a download that failed; silently */
};

struct poll {
    uv_timer_t timer;
    struct fota_client client;
    bool asking, reporting;
    bool searched;  /* this boot's time to register has passed */
    bool announced; /* polling_time was said in this boot */
    bool stopped;   /* until the next start or another SIM */
    uint64_t seed;
};

void poll_init(struct module *m);
void poll_close(struct module *m);

/** A question to the server is under way. */
bool poll_busy(const struct module *m);

/** The time to register has passed: reports, polling_time. */
void poll_searched(struct module *m);

/** The clock was moved, an update is over, or another SIM is there. */
void poll_wake(struct module *m);
void poll_sim_changed(struct module *m);

/** What became of an update that the server wanted; number is HTTPEND's or
 * END's. */
void poll_not_downloaded(struct module *m, uint16_t number);
void poll_ended(struct module *m, uint16_t number);

/** DFOTA mode: neither asks nor says anything until poll_searched(). */
void poll_hold(struct module *m);

/** Power goes, or a reset. */
void poll_stop(struct module *m);

#endif
