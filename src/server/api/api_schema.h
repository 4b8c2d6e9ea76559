/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The OpenAPI file as the judge of what comes in: a content that its schema
 * does not allow reaches no call.
 *
 * Layer: server. Judged are the members of a content and the items of lists
 * in it; what lies deeper (a plan's spec, the rows of an import) has messages
 * of its own, in its call.
 */
#ifndef DFOTA_SERVER_API_API_SCHEMA_H
#define DFOTA_SERVER_API_API_SCHEMA_H

#include "server/api/api_call.h"

/** The file's operation for a method and a path such as "plans/{}/approve".
 * NULL: it has none */
const json_t *api_schema_operation(enum http_method method, const char *path);

/** All operations: an object of "POST plans/{}/approve". */
const json_t *api_schema_all(void);

/** Judge a call's content. errors: E_CANCELLED: refused with 400 */
int api_schema_check(struct api_call *call);

#endif
