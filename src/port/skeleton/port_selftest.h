/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Does a flash driver keep what device/flash.h promises? To be run on the
 * hardware, on every area of a new port, before the updater is.
 *
 * Layer: port (freestanding). It erases the whole area twice, and some
 * sectors more often. It cannot pull the plug: power cuts are what a relay
 * and docs/porting.md are for.
 */
#ifndef DFOTA_PORT_SELFTEST_H
#define DFOTA_PORT_SELFTEST_H

#include "device/flash.h"

/* What was found out, in this order; the first that fails ends the test. */
enum port_check {
    PORT_CHECK_PASSED,
    PORT_CHECK_GEOMETRY,  /* sizes out of range, or not whole sectors */
    PORT_CHECK_BOUNDS,    /* outside or crooked, and not refused */
    PORT_CHECK_ERASE,     /* a sector does not read erased_byte */
    PORT_CHECK_PROGRAM,   /* a unit does not read as programmed */
    PORT_CHECK_UNIT,      /* a unit's program changed another unit */
    PORT_CHECK_ADDRESS,   /* two addresses are one cell */
    PORT_CHECK_READ,      /* a crooked read is not what lies there */
    PORT_CHECK_NEIGHBOUR, /* erasing a sector changed another one */
    PORT_CHECK_TWICE,     /* a unit was programmed twice: not refused */
};

struct port_finding {
    enum port_check check; /* PORT_CHECK_PASSED, or what failed */
    uint32_t off;          /* where, in the area */
    int err;               /* what the driver returned, 0: wrong bytes */
};

/**
 * Test a driver on an area, whose content is lost.
 *
 * returns  0, or DFOTA_E_FLASH with what was found
 * cost     3 erases a sector; the whole area is programmed once; stack
 *          <= 512 bytes
 */
int port_selftest(const struct dfota_flash *f, struct port_finding *found);

/** A check's name for a report: "erase". */
const char *port_check_name(enum port_check check);

#endif
