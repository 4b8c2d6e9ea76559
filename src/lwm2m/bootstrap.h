/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A LwM2M bootstrap server: what one client is told, step by step.
 *
 * Layer: lwm2m. Client-initiated (OMA LwM2M 1.1 Core 6.1): the client asks
 * with POST /bs; the server looks at what it has (Discover), deletes it,
 * writes one Security and one Server instance, and says Finish.
 */
#ifndef DFOTA_LWM2M_BOOTSTRAP_H
#define DFOTA_LWM2M_BOOTSTRAP_H

#include "link/coap_exchange.h"

enum { BOOTSTRAP_PAYLOAD_MAX = 1024 };

/* The account that a client is given. Pointers valid during bootstrap. */
struct bootstrap_account {
    const char *uri; /* of the server for management */
    uint8_t mode;    /* 0 PSK, 2 X.509, 3 none */
    const uint8_t *identity, *server_key, *secret;
    size_t identity_len, server_key_len, secret_len;
    uint16_t short_id;
    uint32_t lifetime_s;
    const char *binding;
};

enum bootstrap_step {
    BOOTSTRAP_DISCOVER,
    BOOTSTRAP_DELETE_SECURITY,
    BOOTSTRAP_DELETE_SERVER,
    BOOTSTRAP_WRITE_SECURITY,
    BOOTSTRAP_WRITE_SERVER,
    BOOTSTRAP_FINISH,
    BOOTSTRAP_DONE,
    BOOTSTRAP_FAILED,
};

struct bootstrap {
    struct coap_peer *peer;
    uint64_t now;
    struct bootstrap_account account;
    enum bootstrap_step step;
    enum bootstrap_step failed_at;
    uint8_t code; /* of the answer that ended it */
    uint32_t request;
    uint16_t own_instance; /* of object 0: the client's account with us */
    void (*over)(void *ctx, struct bootstrap *b);
    void *ctx;
};

/** The request is a bootstrap request; endpoint: out, 0 <= len < room.
 * returns false: it is not. errors of the request: code is not 0 */
bool bootstrap_is_request(const struct coap_msg *m, char *endpoint, size_t room,
                          uint8_t *code);

/**
 * Begin; the request has been answered 2.04.
 *
 * b        the caller's memory until over() or stop
 * account  copied, but for what it points to
 * over     step is DONE or FAILED
 * errors   as coap_peer_request()
 */
int bootstrap_start(struct bootstrap *b, struct coap_peer *peer, uint64_t now,
                    const struct bootstrap_account *account,
                    void (*over)(void *ctx, struct bootstrap *b), void *ctx);

void bootstrap_stop(struct bootstrap *b, uint64_t now);

#endif
