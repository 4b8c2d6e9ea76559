/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which serial port belongs to which USB device, by sysfs.
 *
 * Layer: port. A USB module comes back from its reset under any free name:
 * ttyUSB2 may be ttyUSB7 then, and ttyUSB2 another module. What stays is the
 * serial number of the device (where it has none, the socket it is plugged
 * into) and the number of the interface among the ports of that device.
 */
#ifndef DFOTA_PORT_POSIX_USB_TTY_H
#define DFOTA_PORT_POSIX_USB_TTY_H

#include <stddef.h>

#define USB_TTY_SYSFS "/sys"
#define USB_TTY_ROOM 256

/**
 * Who is a serial port?
 *
 * sysfs    where sysfs is mounted; a folder of a test
 * tty      its name in class/tty, ttyUSB2
 * id       out: a text to compare, "<vendor>:<serial>:<interface>"
 * errors   E_NOTFOUND it is no port of a USB device, or there is no sysfs
 */
int usb_tty_identify(const char *sysfs, const char *tty, char id[USB_TTY_ROOM]);

/**
 * Find the port that has this id now.
 *
 * tty      out: its name in class/tty
 * errors   E_NOTFOUND none has it
 */
int usb_tty_find(const char *sysfs, const char *id, char tty[USB_TTY_ROOM]);

#endif
