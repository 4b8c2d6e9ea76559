/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Attempts that are led by somebody else than the module, for people.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_API_API_LEAD_H
#define DFOTA_SERVER_API_API_LEAD_H

#include "server/api/plan_row.h"

/** 409 unless modules reach the packages of a plan by its transports:
 * package_url_check(). */
int api_lead_check(struct api_call *call, struct sql *sql,
                   const struct plan_row *row);

/** Add to a registered client its module ("imei") and what is under way with
 * it ("attempt"), null each where there is none. */
int api_lead_add(struct api_call *call, struct sql *sql, json_t *client);

/** The body's "endpoint", under which a module registers over LwM2M: of one
 * module at most, "" takes it away. Nothing, when it is not there. */
int api_lead_endpoint(struct api_call *call, struct sql *sql, int64_t module);

extern const struct api_route api_lead_routes[];

#endif
