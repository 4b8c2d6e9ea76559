/* SPDX-License-Identifier: Apache-2.0 */
/**
 * LwM2M registrations as the database has them: who is registered where,
 * for other nodes, and for this one when it is started again.
 *
 * Layer: server. Telemetry: written behind, the last second may be lost.
 */
#ifndef DFOTA_SERVER_FLEET_REGISTRATIONS_H
#define DFOTA_SERVER_FLEET_REGISTRATIONS_H

#include "server/fleet/fleet.h"
#include "server/fleet/node.h"

enum {
    REGISTRATION_ENDPOINT_ROOM = 129,
    REGISTRATION_ADDRESS_ROOM = 116, /* hex */
    REGISTRATION_LINKS_ROOM = 1025,
};

struct registration_row {
    char endpoint[REGISTRATION_ENDPOINT_ROOM];
    char listener[96]; /* which of this node's addresses, as it is bound */
    char address[REGISTRATION_ADDRESS_ROOM];
    char location[20];
    char version[FLEET_VERSION_MAX + 1]; /* "": not known */
    char binding[4];
    char links[REGISTRATION_LINKS_ROOM];
    bool secure, v11, gone;
    int64_t lifetime;
    int64_t heard, expires; /* seconds since 1970 */
    uint64_t imei;          /* 0: not told by the endpoint. out: the module's */
    int64_t tenant;         /* out: the module's; 1: it has none */
};

/**
 * The module that an endpoint's name tells by itself.
 *
 *   urn:imei:350000000000006, urn:imei-imeisv:350000000000006-.. (or 16
 *   digits), urn:imei-msisdn:350000000000006-..
 *
 * imei     out
 * returns  false: it tells none, and the module's row has to name it
 */
bool registration_imei(const char *endpoint, uint64_t *imei);

/** Write rows, in a transaction; their module's number is filled in. A row
 * that is gone goes, unless another node has the endpoint by now. errors:
 * those of sql_run() */
int registrations_write(const struct node *node, struct sql *sql,
                        struct registration_row *rows, size_t n);

/** Rows that were over before that moment go. errors: those of sql_run() */
int registrations_forget(struct sql *sql, int64_t before);

/** Those of this node over plain UDP whose lifetime is not over, to read: of
 * endpoints after `after`, at most max. */
int registrations_read(const struct node *node, struct sql *sql,
                       const char *after, struct registration_row *rows,
                       size_t max, size_t *n);

#endif
