/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a boot loader does between reset and the jump into the slot.
 *
 * Layer: port. boards/virt/boot.c is the same with a serial port.
 */
#ifndef DFOTA_PORT_BOOT_H
#define DFOTA_PORT_BOOT_H

#include "device/updater.h"

enum port_next {
    PORT_RUN,  /* the slot is whole: jump */
    PORT_HOLD, /* it is not: offer recovery, jump nowhere */
};

/**
 * Decide, and carry an open update to its end.
 *
 * reason   out: 0, or the error that ended an update, or why it is held
 * cost     as long as the update takes; progress is told by c->progress
 * power    may be cut anywhere: call it again at the next boot
 */
enum port_next port_boot(struct dfota_updater *u,
                         const struct dfota_updater_config *c, int *reason);

#endif
