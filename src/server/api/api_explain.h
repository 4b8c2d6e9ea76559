/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Why a module gets what it gets: every check of every running plan, in the
 * order of the device API.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_API_API_EXPLAIN_H
#define DFOTA_SERVER_API_API_EXPLAIN_H

#include "server/api/api_call.h"

/** The module that the path names, as an object; 404 if the tenant has none.
 * out: owned by the caller */
int api_module_find(struct api_call *call, struct sql *sql, json_t **out);

/** The handler of modules/{}/explain. */
int api_explain_module(struct api_call *call, struct sql *sql);

#endif
