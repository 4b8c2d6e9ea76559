/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A module's AT port on a POSIX host: a tty, a pty, a TCP or Unix socket, a
 * serial port over telnet.
 *
 * Layer: port. Never blocks longer than it takes to reach a TCP peer. A port
 * that vanishes (a USB module in its reset) is closed and may be opened again
 * under the name it has then: a USB port is remembered by its device's serial
 * number and its interface, usb_tty.h.
 */
#ifndef DFOTA_PORT_POSIX_SERIAL_H
#define DFOTA_PORT_POSIX_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct serial;

/**
 * Make a port; it is not open yet.
 *
 * name     /dev/..: a serial port; pty:PATH: the same without a rate;
 *          tcp:HOST:PORT, with [..] around an IPv6 address; unix:PATH;
 *          rfc2217:HOST:PORT: a serial port over telnet
 * rate     bits per second, for serial ports
 * port     out: owned by the caller, serial_destroy()
 * errors   E_ARG the name or the rate is none of these, E_NOMEM
 */
int serial_create(const char *name, uint32_t rate, struct serial **port);
void serial_destroy(struct serial *port);

/** RTS and CTS on serial ports, from the next open on; off at first. */
void serial_set_flow_control(struct serial *port, bool on);

/** Where sysfs and the devices are, for tests; borrowed. */
void serial_set_roots(struct serial *port, const char *sysfs, const char *dev);

/**
 * Open, or open again.
 *
 * errors   E_NOTFOUND no such port (now), E_BUSY somebody else has it,
 *          E_CONNECT the peer cannot be reached, E_IO; errno tells more
 */
int serial_open(struct serial *port);
void serial_close(struct serial *port);

/** For poll(); -1 while closed. Valid until close. */
int serial_fd(const struct serial *port);

/**
 * Read what is there.
 *
 * len      out: 0 when nothing is
 * errors   E_IO the port has gone: close it
 */
int serial_read(struct serial *port, uint8_t *data, size_t room, size_t *len);

/** used: out, 0..len. errors: as serial_read */
int serial_write(struct serial *port, const uint8_t *data, size_t len,
                 size_t *used);

/**
 * Change the rate once everything written has left; no effect on ports
 * without one. It stays over close and open.
 *
 * errors   E_ARG not a rate of this system, E_IO
 */
int serial_set_rate(struct serial *port, uint32_t rate);

/** Is it a USB device's port, which dies when the module resets? Known once it
 * was open. */
bool serial_is_usb(const struct serial *port);

#endif
