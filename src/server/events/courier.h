/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Sends the deliveries of web hooks: one thread a node, which claims what is
 * due, tries it, and keeps what came of it.
 *
 * Layer: server. A delivery is sent at least once: its id tells a receiver
 * what it has already. Nothing is followed, nothing but a status is read.
 */
#ifndef DFOTA_SERVER_EVENTS_COURIER_H
#define DFOTA_SERVER_EVENTS_COURIER_H

#include "server/fleet/node.h"

enum {
    COURIER_FLIGHTS = 16,         /* at a time */
    COURIER_OF_ONE = 2,           /* of them to one web hook */
    COURIER_TIME_S = 10,          /* for one try */
    COURIER_CLAIM_S = 60,         /* then another node may try */
    COURIER_PAUSE_S = 10,         /* after the first failure; it doubles .. */
    COURIER_PAUSE_MAX_S = 3600,   /* .. to this */
    COURIER_WAITING_MAX = 100000, /* deliveries; then the hook is paused */
    COURIER_ANSWER_MAX = 65536    /* bytes; more of an answer is a failure */
};

struct courier;

/** local: receivers may be on this machine. NULL: no memory, no thread */
struct courier *courier_create(struct node *node, bool local);

/** Something may be due. Safe from any thread. NULL is harmless. */
void courier_wake(struct courier *courier);

/** Break off what is under way; it is tried again. NULL is harmless. */
void courier_quiesce(struct courier *courier);
void courier_destroy(struct courier *courier);

/** When the next try is, that many having failed. now: seconds */
int64_t courier_next(int64_t now, int64_t tries);

#endif
