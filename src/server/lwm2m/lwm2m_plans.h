/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Plans over LwM2M: registered modules that a running plan selects are given
 * attempts, by the rules of a poll; their jobs are run, and what comes of
 * them is written down as facts.
 *
 *   lwm2m_service (its thread)             a thread of their own
 *     registrations, jobs  -- events -->     rows      who is registered,
 * behind ^                                picks     the memory proposes | tries
 * the writer grants
 *           +---------- runs ----------      facts     begun, allowed, ended
 *
 * Layer: server. Everything in memory is under the service's lock; nothing
 * is waited for under it. After a restart, and when a module came from
 * another node, the open attempts of the database say what to go on with.
 */
#ifndef DFOTA_SERVER_LWM2M_LWM2M_PLANS_H
#define DFOTA_SERVER_LWM2M_LWM2M_PLANS_H

#include "server/fleet/node.h"
#include "server/lwm2m/lwm2m_service.h"

enum { LWM2M_PUSHES = 64 };

struct lwm2m_plans_config {
    struct node *node; /* with its public addresses */
    /* A package by its digest, malloc'd. As vault_get(). */
    int (*load)(void *ctx, const char *sha256, uint8_t **data, size_t *len);
    void *ctx;
    unsigned pushes; /* at once, at most; 0: LWM2M_PUSHES */
};

/** Begin to lead. The service has a node. errors: E_NOMEM, E_STATE it has
 * none */
int lwm2m_plans_start(struct lwm2m_service *s,
                      const struct lwm2m_plans_config *config);

/** What a registered module can be led by (PLAN_PUSH, PLAN_PULL), as far as
 * it has said; 0: it is not registered here. */
unsigned lwm2m_plans_access(struct lwm2m_service *s, uint64_t imei);

#endif
