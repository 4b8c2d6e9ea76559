/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What dfotad does over UDP: packages over CoAP(S), and LwM2M.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DATAGRAMS_H
#define DFOTA_SERVER_DATAGRAMS_H

#include "server/config/options.h"
#include "server/delivery/coap_packages.h"
#include "server/depot/vault.h"
#include "server/fleet/node.h"
#include "server/lwm2m/lwm2m_service.h"

/* NULL: not wanted. */
struct datagrams {
    struct lwm2m_service *lwm2m;
    struct coap_packages *packages;
};

/**
 * Start what the options ask for, and say where each listens.
 *
 * node     whose signed addresses are served; NULL: the folder as it is.
 *          out: how modules reach the packages, where nothing else was said
 * own_cert the certificate in the options was made here: whoever has keys
 *          does not mean it
 * errors   said; what was started is stopped by datagrams_stop()
 */
int datagrams_start(struct datagrams *d, const struct options *options,
                    const struct deliver *deliver, struct node *node,
                    bool own_cert);

/** Once it is known how modules reach the packages: plans may lead LwM2M
 * clients to those of a vault. Nothing without LwM2M. errors: E_NOMEM */
int datagrams_lead(struct datagrams *d, const struct options *options,
                   struct node *node, struct vault *vault);

/** Keys and certificate again; what cannot be used is said. */
void datagrams_reload(struct datagrams *d);

/** Harmless on a zeroed one. */
void datagrams_stop(struct datagrams *d);

#endif
