/* SPDX-License-Identifier: Apache-2.0 */
/**
 * openapi.json, as it is built into the program.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_API_OPENAPI_H
#define DFOTA_SERVER_API_OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_json[];
extern const size_t openapi_json_len;

#endif
