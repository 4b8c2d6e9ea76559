/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Guessing made slow: after some wrong passwords for a name every answer to
 * that name waits, and only so many may wait. The right password is never
 * locked out, and addresses do not count: many modules share one.
 *
 * Layer: server. Safe from any thread.
 */
#ifndef DFOTA_SERVER_DEVICE_API_DELAYS_H
#define DFOTA_SERVER_DEVICE_API_DELAYS_H

#include <stdbool.h>

#include "server/http/http.h"

enum {
    DELAYS_TRIES = 5,      /* wrong ones .. */
    DELAYS_WINDOW_S = 600, /* .. in this time */
    DELAYS_WAIT_S = 2,
    DELAYS_WAITING_MAX = 1000
};

struct delays;

/** NULL: no memory, no thread. */
struct delays *delays_create(void);

/** All that wait are answered at once, now and from now on. NULL: harmless */
void delays_quiesce(struct delays *delays);
void delays_destroy(struct delays *delays);

/** Must an answer to that name wait? */
bool delays_must_wait(struct delays *delays, const char *name);

/** As many wait as may. */
bool delays_are_full(struct delays *delays);

/** The password for that name was wrong. */
void delays_wrong(struct delays *delays, const char *name);

/** http_resume(), DELAYS_WAIT_S later. */
void delays_resume(struct delays *delays, struct http_later *later,
                   unsigned status, struct MHD_Response *response);

#endif
