/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where a package is, for whoever is to load it: signed URLs at the public
 * addresses of this server.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_FLEET_PACKAGE_URL_H
#define DFOTA_SERVER_FLEET_PACKAGE_URL_H

#include "server/fleet/node.h"

enum { PACKAGE_URL_ROOM = NODE_URL_ROOM + 160, PACKAGE_NAME_ROOM = 48 };

/** The name at the end of a URL: model and version in the characters of a
 * file name. */
void package_url_name(const char *model, const char *version,
                      char out[PACKAGE_NAME_ROOM]);

/**
 * The URL of a package over one of the protocols of a mask (enum plan_access,
 * of PLAN_POLLED): https, coaps, http, coap in that order.
 *
 * until    seconds since 1970
 * errors   E_NOTFOUND there is no public address for any of them; those of
 *          token_sign_path()
 */
int package_url_make(const struct node *node, unsigned may, const char *sha256,
                     int64_t until, const char *name,
                     char out[PACKAGE_URL_ROOM]);

/** Protocols of the mask that there is a public address for. */
unsigned package_url_protocols(const struct node *node, unsigned mask);

/** Does an address lead to this machine alone: loopback, or any of its own? */
bool package_url_leads_nowhere(const char *address);

/* What a package is for. */
struct package_kind {
    const char *class_name, *model, *version;
};

/** Of the mask what modules of a device class can load by: http alone for
 * bc26 and mc65; a class that is no dialect's name can all. */
unsigned package_url_loadable(const char *class_name, unsigned mask);

/**
 * Can the modules load by a plan's transports from here? Not at an address
 * that leads back to this machine alone (unless node->loopback), by a URL
 * longer than their dialect takes, or by a protocol it does not know.
 *
 * why      out, one sentence: the first thing that is wrong
 * returns  false: no
 */
bool package_url_check(const struct node *node, const struct package_kind *kind,
                       unsigned transport, char *why, size_t room);

#endif
