/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The threads behind the interface for people: slow work, streams of events,
 * deliveries of web hooks.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_API_SERVICES_H
#define DFOTA_SERVER_API_SERVICES_H

#include "server/fleet/node.h"

struct api_services {
    struct workers *workers;
    struct streams *streams;
    struct courier *courier;
};

/** webhooks_local: receivers of web hooks may be on this machine. errors:
 * E_NOMEM; what was started is ended by api_services_stop() */
int api_services_start(struct api_services *services, struct node *node,
                       bool webhooks_local);

/** Every stream ends and every piece of work is done: before the listeners
 * close, and while the store still takes jobs. */
void api_services_quiesce(struct api_services *services);

/** After the listeners closed. Harmless on a zeroed struct. */
void api_services_stop(struct api_services *services);

#endif
