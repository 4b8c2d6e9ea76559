/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/server_clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return now.tv_sec;
}

static int64_t wall(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

static int64_t steady(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_BOOTTIME);
}

const struct server_clock server_clock_real = {wall, steady, 0};
