/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the calls of the device API share.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DEVICE_API_DEVICE_CALLS_H
#define DFOTA_SERVER_DEVICE_API_DEVICE_CALLS_H

#include "server/device_api/device_api.h"
#include "server/fleet/attempts.h"
#include "server/fleet/token.h"

/** The body of a refusal; words: NULL, those of the number. */
struct MHD_Response *device_refusal(int code, const char *words);

enum MHD_Result device_refuse(const struct http_request *request, int code);
enum MHD_Result device_malformed(const struct http_request *request,
                                 const char *what);

/** The checks 814 to 809, in their order. returns 0 or the number. */
int device_authorise(struct device_api *api, const struct http_request *request,
                     const char *imei_text, char scope,
                     struct module_view *module);

/** An error number of a report; -1: not said. returns false: it is none */
bool device_take_err(const json_t *body, const char *name, int *out);

enum MHD_Result device_answer_token(struct device_api *api,
                                    const struct http_request *request);
enum MHD_Result device_answer_plan(struct device_api *api,
                                   const struct http_request *request);
enum MHD_Result device_answer_result(struct device_api *api,
                                     const struct http_request *request);

#endif
