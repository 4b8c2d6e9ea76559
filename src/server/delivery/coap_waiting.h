/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Requests over CoAP whose content has to be brought first: answered on their
 * own when it is here (RFC 7252 5.2.2), and nobody else waits meanwhile.
 *
 * Layer: server. For one thread, which is woken when the content of one is
 * here; 64 wait at most.
 */
#ifndef DFOTA_SERVER_DELIVERY_COAP_WAITING_H
#define DFOTA_SERVER_DELIVERY_COAP_WAITING_H

#include "server/coap_listener.h"
#include "server/depot/vault.h"

struct coap_waiting;

struct coap_waiting_request {
    struct errand errand;
    struct coap_waiting *waiting;
    struct coap_listener *listener;
    struct coap_ticket ticket;
    struct coap_msg msg;
    uint8_t options[COAP_OPTIONS_MAX];
    uint8_t address[COAP_ADDRESS_MAX];
    size_t address_len;
    int err; /* of the errand */
    STAILQ_ENTRY(coap_waiting_request) over;
};

/** vault: borrowed; wake_fd: an eventfd that is counted up. NULL: no memory */
struct coap_waiting *coap_waiting_create(struct vault *vault, int wake_fd);

/** After vault_quiesce(), so that nothing is under way. NULL is harmless. */
void coap_waiting_destroy(struct coap_waiting *w);

/** Let a request wait for the content "id/NAME". false: it cannot wait, and is
 * to be answered now */
bool coap_waiting_add(struct coap_waiting *w, struct coap_listener *l,
                      const struct coap_remote *remote,
                      const struct coap_ticket *ticket,
                      const struct coap_msg *m, const char *path);

/** One whose content is here, or will not come; NULL: none. free() it. */
struct coap_waiting_request *coap_waiting_take(struct coap_waiting *w);

#endif
