/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/fleet_fresh.h"

#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "server/fleet/fleet_priv.h"
#include "server/store/schema.h"

static int64_t boot_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A newer program may have taken the database over since. */
static int check_schema(struct fleet *fleet)
{
    struct sql *sql;
    int err = store_read_begin(fleet->store, &sql);

    if (!err)
        err = schema_check(sql, schema_steps);
    store_read_end(fleet->store, sql);
    if (err == DFOTA_E_VERSION && !atomic_exchange(&fleet->outdated, true))
        log_error("a newer dfotad has taken the database over: this one "
                  "grants nothing more; install the newer one here too");
    return err;
}

/* What is read is at least as new as the moment before it was asked for. */
int fleet_renew(struct fleet *fleet, int64_t max_age_ms)
{
    int64_t begun = boot_ms();
    int err;

    if (!fleet->shared)
        return 0;
    if (begun - atomic_load(&fleet->fresh_ms) <= max_age_ms)
        return atomic_load(&fleet->outdated) ? DFOTA_E_VERSION : 0;
    err = fleet_refresh(fleet);
    if (!err)
        err = check_schema(fleet);
    if (!err || err == DFOTA_E_VERSION)
        atomic_store(&fleet->fresh_ms, begun);
    return err;
}
