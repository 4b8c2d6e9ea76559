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
#include "modem/filestore.h"
#include "modem/settings.h"
#include "modem/urc.h"
#include "modem/url.h"

enum agent_state {
    AGENT_IDLE,
    AGENT_ACCEPTED,    /* OK said or about to be, nothing done yet */
    AGENT_DOWNLOADING, /* between HTTPSTART and HTTPEND */
    AGENT_UPLOADING,   /* ="COM:" in data mode */
    AGENT_DELAYED,     /* UPDATE_TIMEOUT said: the host may say "now" */
    AGENT_SETTLING,    /* package complete, reset to come */
    AGENT_RESETTING,   /* the reset that ends in START */
    AGENT_UPDATING,    /* between START and END */
    AGENT_ENDED,       /* END said, reboot to come */
};

/* What a boot into DFOTA mode finds. */
enum dfota_boot {
    DFOTA_BOOT_FIRST,    /* nothing recorded: the package has to be checked */
    DFOTA_BOOT_RESUMED,  /* an open update */
    DFOTA_BOOT_FINISHED, /* a finished one whose END was not said */
};

struct agent {
    enum agent_state state;
    bool manual; /* =3,0: a download does not go on by itself */
    enum origin origin;
    const struct wording *words;  /* of the update under way, never NULL */
    char file[FILE_NAME_MAX + 1]; /* local: the package, "" the area */
    enum dfota_boot found;
    bool failed;    /* END said another number than 0 */
    bool restoring; /* RESTORE has its own URC and has begun */
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
 * file     its name, at most FILE_NAME_MAX; "" the package that is stored
 */
int agent_start_local(struct module *m, const char *file);

/** Begin to download what a server told of, now; sha256 NULL: not told. */
void agent_start_polled(struct module *m, const struct url *url,
                        const uint8_t *sha256);

/** The host does not want to wait for the delay's end. false: none runs */
bool agent_accept(struct module *m);

/** Apply the package that LwM2M stored, now: DFOTA mode without RESETTING. */
void agent_apply(struct module *m);

/** An update that AT or polling began is under way. */
bool agent_active(const struct module *m);

/** That, or one by LwM2M: a second start is refused. */
bool agent_busy(const struct module *m);

/** How an update of that origin is told. */
const struct wording *agent_words(const struct module *m, enum origin origin);

/** A command line has had its final code. */
void agent_line_done(struct module *m);

/** Power goes: forget everything that is not kept. */
void agent_stop(struct module *m);

/** The network went away. */
void agent_net_lost(struct module *m);

/** DFOTA mode is entered by a boot. */
void agent_boot_dfota(struct module *m, enum dfota_boot found);

/** Neither image is whole: say START and END with the number of err. */
void agent_boot_held(struct module *m, int err);

/** The cause that an updater's error is, in the given part. */
enum cause agent_cause(int err, bool restoring);

#endif
