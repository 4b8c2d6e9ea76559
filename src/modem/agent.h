/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The update agent of a module: from the trigger to the reboot.
 *
 * Layer: modem. docs/modules/<dialect>.md has the picture. States:
 *
 *   IDLE -> ACCEPTED -> DOWNLOADING -> SETTLING -> RESETTING
 *                                                     | (DFOTA mode)
 *   IDLE <- (reboot) <- ENDED <- UPDATING <- STARTING <
 */
#ifndef DFOTA_MODEM_AGENT_H
#define DFOTA_MODEM_AGENT_H

#include <stdbool.h>
#include <uv.h>

#include "modem/dialect.h"
#include "modem/download.h"
#include "modem/urc.h"
#include "modem/url.h"

enum agent_state {
    AGENT_IDLE,
    AGENT_ACCEPTED,    /* OK said or about to be, nothing done yet */
    AGENT_DOWNLOADING, /* between HTTPSTART and HTTPEND */
    AGENT_UPLOADING,   /* ="COM:" in data mode */
    AGENT_SETTLING,    /* package complete, reset to come */
    AGENT_RESETTING,   /* the reset that ends in START */
    AGENT_UPDATING,    /* between START and END */
    AGENT_ENDED,       /* END said, reboot to come */
};

struct agent {
    enum agent_state state;
    bool manual;      /* bg95's =3,0: a download does not go on by itself */
    const char *file; /* triggered locally: the package, "" the area */
    bool resumed;     /* this boot found the update open */
    bool failed;      /* END said another number than 0 */
    bool restoring;   /* RESTORE has its own URC and has begun */
    struct url url;
    struct download download;
    struct urc_counter counter;
    uv_timer_t timer;
};

void agent_init(struct module *m);
void agent_close(struct module *m);

/** The name of the state, for people. */
const char *agent_stage(const struct module *m);

/** What an update in DFOTA mode is doing to the flash; "none" otherwise. */
const char *agent_work(const struct module *m);

/**
 * Begin an update from a URL that was checked; the first URC comes after
 * the running line has had its OK.
 *
 * returns  AT_OK, or what the command is answered with
 */
int agent_start_url(struct module *m, const struct url *url);

/**
 * Begin an update from a file of the module, as above.
 *
 * file     its name, kept by pointer; "" the package that is stored already
 */
int agent_start_local(struct module *m, const char *file);

/** An update is under way; a second start is refused. */
bool agent_busy(const struct module *m);

/** A command line has had its final code. */
void agent_line_done(struct module *m);

/** Power goes: forget everything that is not kept. */
void agent_stop(struct module *m);

/** The network went away. */
void agent_net_lost(struct module *m);

/**
 * DFOTA mode is entered by a boot.
 *
 * resumed  an update was already open when this boot began
 */
void agent_boot_dfota(struct module *m, bool resumed);

/** Neither image is whole: say START and END with the number of err. */
void agent_boot_held(struct module *m, int err);

/** The cause that an updater's error is, in the given part. */
enum cause agent_cause(int err, bool restoring);

#endif
