/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What coap_endpoint.c and coap_remote.c share: the table of remotes.
 *
 * Layer: link, private to those two. A remote is in three structures at
 * once: chains of a hash table by address, a heap by the time of its next
 * wake-up, and, unless it is held, a list by when it was last heard.
 */
#ifndef DFOTA_LINK_COAP_REMOTE_H
#define DFOTA_LINK_COAP_REMOTE_H

#include "link/coap_endpoint.h"

enum { REMOTE_NOT_IN_HEAP = -1, REMOTE_BUCKETS_FIRST = 64 };

struct coap_remote {
    struct coap_peer peer;
    struct coap_endpoint *e;
    struct coap_remote *chain;
    struct coap_remote *newer, *older; /* of those that are not held */
    struct coap_remote *doomed_next;
    struct dtls *dtls;
    void *user;
    uint64_t wake, used;
    uint64_t handshake_at; /* its next retransmission, or COAP_NEVER */
    uint64_t idle_at;      /* when to look whether it is idle */
    uint32_t hash;
    int32_t heap_at;
    uint32_t hello; /* CRC-32 of the ClientHello that began it */
    bool held, doomed;
    uint8_t addr_len;
    uint8_t addr[];
};

struct coap_endpoint {
    struct coap_endpoint_config c;
    const struct coap_endpoint_ops *ops;
    void *ctx;
    struct coap_peer_ops peer_ops;
    struct coap_remote **buckets, **heap;
    uint32_t bucket_count, count, loose; /* loose: in the list */
    int32_t heap_len, heap_room;
    struct coap_remote *newest, *oldest, *doomed;
    uint64_t now, random;
    unsigned depth; /* calls of this file on the stack */
};

/** Addresses are the peers' to choose: mixed with a secret. */
uint32_t remote_hash(const struct coap_endpoint *e, const uint8_t *addr,
                     size_t len);

/** The link that points at the remote of an address, or the chain's end. */
struct coap_remote **remote_slot(const struct coap_endpoint *e, uint32_t hash,
                                 const void *addr, size_t len);

/** Into table and list; the one silent longest makes room. errors: E_FULL
 * all are held, E_NOMEM */
int remote_add(struct coap_endpoint *e, struct coap_remote *r);

/** To be freed as soon as no callback runs. (coap_endpoint.c) */
void remote_doom(struct coap_remote *r);

/** COAP_NEVER takes it out. */
void remote_heap_set(struct coap_endpoint *e, struct coap_remote *r,
                     uint64_t wake);
void remote_heap_remove(struct coap_endpoint *e, struct coap_remote *r);

void remote_list_remove(struct coap_endpoint *e, struct coap_remote *r);
void remote_list_add(struct coap_endpoint *e, struct coap_remote *r);

#endif
