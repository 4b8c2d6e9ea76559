/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/services.h"

#include "base/err.h"
#include "server/api/workers.h"
#include "server/events/courier.h"
#include "server/events/streams.h"

enum { WORKERS = 2 };

int api_services_start(struct api_services *services, struct node *node,
                       bool webhooks_local)
{
    services->workers = workers_create(WORKERS);
    services->streams = streams_create(node);
    services->courier = courier_create(node, webhooks_local);
    return services->workers && services->streams && services->courier
               ? 0
               : DFOTA_E_NOMEM;
}

void api_services_quiesce(struct api_services *services)
{
    courier_quiesce(services->courier);
    workers_quiesce(services->workers);
    streams_quiesce(services->streams);
}

void api_services_stop(struct api_services *services)
{
    courier_destroy(services->courier);
    workers_destroy(services->workers);
    streams_destroy(services->streams);
    *services = (struct api_services){0};
}
