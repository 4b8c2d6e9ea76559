/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a node does beside its work, in a thread of its own: old rows go in
 * small pieces, the head of the audit log is told every hour, the disk is
 * watched.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_NODE_HOUSEKEEPING_H
#define DFOTA_SERVER_NODE_HOUSEKEEPING_H

#include "server/fleet/node.h"
#include "server/fleet/retention.h"

struct housekeeping;

/** node: borrowed. errors: E_NOMEM */
int housekeeping_start(struct node *node, const struct retention *keep,
                       struct housekeeping **out);

/** Within moments. NULL is harmless. */
void housekeeping_stop(struct housekeeping *h);

struct housekeeping_disk {
    int64_t free, size; /* bytes of the data folder's disk */
    int64_t full_in_s;  /* at the pace of the last day; -1: it does not fill */
};

void housekeeping_disk(struct housekeeping *h, struct housekeeping_disk *out);

#endif
