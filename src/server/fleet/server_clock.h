/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The time of the server, so that tests and rehearsals can have their own.
 *
 * Layer: server. Windows and expiry go by wall clock; what must not jump by
 * the clock that runs since boot.
 */
#ifndef DFOTA_SERVER_FLEET_SERVER_CLOCK_H
#define DFOTA_SERVER_FLEET_SERVER_CLOCK_H

#include <stdint.h>

struct server_clock {
    int64_t (*wall_s)(void *ctx);   /* seconds since 1970 */
    int64_t (*steady_s)(void *ctx); /* never goes back, counts sleep */
    void *ctx;
};

/** That of the machine. */
extern const struct server_clock server_clock_real;

static inline int64_t clock_wall(const struct server_clock *clock)
{
    return clock->wall_s(clock->ctx);
}

static inline int64_t clock_steady(const struct server_clock *clock)
{
    return clock->steady_s(clock->ctx);
}

#endif
