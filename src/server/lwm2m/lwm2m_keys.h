/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The pre-shared keys of LwM2M clients: a file of lines "endpoint:key", the
 * key in hex, as psktool(1) writes them. # begins a comment.
 *
 * Layer: server. A set does not change; another reading makes another set.
 */
#ifndef DFOTA_SERVER_LWM2M_KEYS_H
#define DFOTA_SERVER_LWM2M_KEYS_H

#include "link/psk_file.h"

struct lwm2m_keys;

/** errors: E_IO, E_SYNTAX, E_NOMEM, E_FULL, E_STATE an endpoint twice; said,
 * with the line's number */
int lwm2m_keys_read(const char *path, struct lwm2m_keys **out);
void lwm2m_keys_free(struct lwm2m_keys *keys);

/** NULL: there is none. cost: O(log n) */
const struct psk *lwm2m_keys_find(const struct lwm2m_keys *keys,
                                  const char *identity);

#endif
