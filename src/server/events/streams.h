/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Server-sent events: one thread reads what happened from the database and
 * keeps the last of it; every stream reads that at its own pace, and what is
 * older from the database again. So a slow reader holds nothing but a place.
 *
 * Layer: server. Safe from any thread. Of what other nodes did it hears
 * within a second, of what this one did at once (streams_wake()).
 */
#ifndef DFOTA_SERVER_EVENTS_STREAMS_H
#define DFOTA_SERVER_EVENTS_STREAMS_H

#include "server/fleet/people.h"
#include "server/http/http.h"

enum {
    STREAMS_MAX = 512,
    STREAMS_OF_FEW = 128, /* of those, for people who have few */
    STREAMS_FEW = 8,
    STREAMS_HEARTBEAT_S = 15,
    STREAMS_KEPT = 1024 /* events in memory */
};

struct streams;

/** NULL: no memory, no thread. node: borrowed */
struct streams *streams_create(struct node *node);

/** End all streams; no more begin. NULL is harmless. */
void streams_quiesce(struct streams *streams);
void streams_destroy(struct streams *streams);

/** Something may have happened. NULL is harmless. */
void streams_wake(struct streams *streams);

/* What a stream is to tell. */
struct stream_wish {
    struct actor actor; /* ends when their token or session does */
    unsigned kinds;     /* bits: places in events_kinds, numbers behind */
    int64_t plan;       /* 0: of all */
    int64_t after;      /* the event it goes on behind; -1: from now on */
};

/** The bit of a kind, "numbers" too; 0: there is no such one. */
unsigned streams_kind(const char *word, size_t len);

/** A response that goes on until the peer, or the server, ends it. errors:
 * E_FULL as many as may are open; E_NOMEM */
int streams_open(struct streams *streams, const struct stream_wish *wish,
                 struct MHD_Connection *connection,
                 struct MHD_Response **response);

#endif
