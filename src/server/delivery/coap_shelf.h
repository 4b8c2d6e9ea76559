/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The files that CoAP clients asked for lately, each under a number: what a
 * duplicate of a request is answered from.
 *
 * Layer: server. For one thread. At most COAP_SHELF_MAX files are open at
 * once, whatever the number of clients; who downloads is not known here.
 */
#ifndef DFOTA_SERVER_DELIVERY_COAP_SHELF_H
#define DFOTA_SERVER_DELIVERY_COAP_SHELF_H

#include "server/delivery/deliver.h"

enum {
    COAP_SHELF_MAX = 64,
    /* Duplicates come within MAX_TRANSMIT_SPAN, 45 s (RFC 7252 4.8.2). */
    COAP_SHELF_KEEP_MS = 60 * 1000,
    /* More has no block number (RFC 7959 2.2). */
    COAP_SHELF_LENGTH_MAX = 1 << 30,
};

struct coap_shelf_file {
    uint32_t id; /* 0: an empty place */
    int fd;
    const struct blob *blob;
    uint64_t used_ms;
};

struct coap_shelf {
    struct deliver deliver; /* borrowed */
    uint32_t last_id;
    struct coap_shelf_file files[COAP_SHELF_MAX];
};

void coap_shelf_init(struct coap_shelf *shelf, const struct deliver *deliver);
void coap_shelf_release(struct coap_shelf *shelf);

/**
 * The file of a path, as it is now. The one unused longest makes room.
 *
 * path     from url_path_decode()
 * file     out: valid until the next call here
 * errors   as folder_open_file() and blobs_get(); E_UNSUPPORTED too large,
 *          E_CORRUPT a content that is not what its name says
 * cost     an open and an fstat; the first time the file is read once
 */
int coap_shelf_open(struct coap_shelf *shelf, uint64_t now_ms, const char *path,
                    const struct coap_shelf_file **file);

/** The file of a number; NULL: it had to make room, or is another one now. */
const struct coap_shelf_file *coap_shelf_find(struct coap_shelf *shelf,
                                              uint32_t id);

/** Close what nobody asked for in COAP_SHELF_KEEP_MS. */
void coap_shelf_expire(struct coap_shelf *shelf, uint64_t now_ms);

#endif
