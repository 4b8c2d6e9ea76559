/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The service for devices: signed package URLs and the device API; anything
 * else is 404.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DELIVERY_PUBLIC_H
#define DFOTA_SERVER_DELIVERY_PUBLIC_H

#include <stdbool.h>

#include "server/delivery/deliver.h"
#include "server/device_api/device_api.h"

struct public_service {
    struct deliver deliver; /* over the vault's folder */
    struct device_api api;
    bool has_plain_api; /* plain HTTP has packages only, unless asked for */
};

/**
 * The path in the vault's folder of a signed package URL's path.
 *
 * errors   E_NOTFOUND it is none, E_SIGNATURE, E_TIMEOUT it is over, E_FULL
 */
int public_package_path(const struct node *node, const char *path, char *out,
                        size_t room);

enum MHD_Result public_answer(void *ctx, const struct http_request *request);
struct http_content public_content(void *ctx,
                                   const struct http_request *request);

#endif
