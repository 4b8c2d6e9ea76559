/* SPDX-License-Identifier: Apache-2.0 */
#include "port/skeleton/port_boot.h"

#include "base/err.h"

/* After an update has ended, or failed, boot() says what follows. Flash that
 * fails without end must not keep a device here for good. */
#define ROUNDS_MAX 64

static int poll_to_the_end(struct dfota_updater *u)
{
    int err;

    do
        err = dfota_updater_poll(u);
    while (err == DFOTA_MORE);
    return err == DFOTA_DONE ? 0 : err;
}

enum port_next port_boot(struct dfota_updater *u,
                         const struct dfota_updater_config *c, int *reason)
{
    enum dfota_action action = DFOTA_ACTION_HELD;
    bool resumed;
    int failed = 0;
    int err = 0;

    dfota_updater_init(u, c);
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        err = dfota_updater_boot(u, &action, &resumed);
        if (action != DFOTA_ACTION_UPDATE)
            break;
        failed = poll_to_the_end(u);
    }
    *reason = err ? err : failed;
    return action == DFOTA_ACTION_BOOT ? PORT_RUN : PORT_HOLD;
}
