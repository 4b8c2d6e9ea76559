/* SPDX-License-Identifier: Apache-2.0 */
/**
 * LwM2M in a module: the client on a socket, its package on the chip, its
 * URCs.
 *
 * Layer: modem. Only families whose table says so have it (dialect.h,
 * lwm2m); for the others every function here does nothing. An update by AT
 * and one by LwM2M exclude each other: whoever comes second is refused.
 */
#ifndef DFOTA_MODEM_LWM2M_MODULE_H
#define DFOTA_MODEM_LWM2M_MODULE_H

#include <stdbool.h>

#include "modem/dialect.h"
#include "modem/lwm2m_settings.h"

struct module;
struct lwm2m_module;

/** errors: as lwm2m_settings_open(), said */
int lwm2m_open(struct module *m);
void lwm2m_close(struct module *m);

/** The module found its network, after a boot or again: register, if that is
 * wanted and there is a server. */
void lwm2m_network_found(struct module *m);
/** The network went away. */
void lwm2m_network_lost(struct module *m);
/** Power goes, or DFOTA mode begins: silence, nothing is forgotten. */
void lwm2m_stop(struct module *m);

/** A package is coming in, waits, or is being applied by LwM2M. */
bool lwm2m_busy(const struct module *m);

/** An update that LwM2M ordered has ended, about to be said. */
void lwm2m_update_ended(struct module *m, bool updated);

/* For the AT commands (at_lwm2m.c). */
struct lwm2m_settings *lwm2m_settings_of(struct module *m);
/** errors: E_STATE no server is configured, or no network */
int lwm2m_register(struct module *m);
/** errors: E_STATE not registered */
int lwm2m_update_registration(struct module *m);
int lwm2m_deregister(struct module *m);
enum lwm2m_client_state lwm2m_state_of(const struct module *m);

#endif
