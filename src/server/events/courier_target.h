/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where a web hook may not lead: to this machine or its link, whose services
 * trust whoever is there.
 *
 * Layer: server. Safe from any thread.
 */
#ifndef DFOTA_SERVER_EVENTS_COURIER_TARGET_H
#define DFOTA_SERVER_EVENTS_COURIER_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/** Loopback, link-local, multicast, unspecified, or an IPv6 address that
 * stands for such an IPv4 one; and every family but those two. */
bool target_is_local(const struct sockaddr *address);

/** Such a one, or one that this machine has now, on whatever interface: the
 * routing table is asked; nothing is sent. */
bool target_is_here(const struct sockaddr *address, socklen_t len);

/**
 * Is it an address to send to? Of a name only its look is judged: what it
 * resolves to is judged at each connection.
 *
 * local    targets on this machine are fine
 * why      out: what is wrong
 */
bool target_is_fine(const char *url, bool local, const char **why);

#endif
