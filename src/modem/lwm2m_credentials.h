/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DTLS credentials of an account of the LwM2M client.
 *
 * Layer: modem.
 */
#ifndef DFOTA_MODEM_LWM2M_CREDENTIALS_H
#define DFOTA_MODEM_LWM2M_CREDENTIALS_H

#include "link/dtls.h"
#include "lwm2m/client.h"

struct module;

/**
 * PSK from the account; certificates from the account (DER, as a bootstrap
 * server writes them), or from the files that updates by AT use.
 *
 * out      one hold, the caller's
 * errors   E_ARG with a line in the log; E_IO, E_NOMEM
 */
int lwm2m_credentials(const struct module *m, const struct lwm2m_security *s,
                      struct dtls_credentials **out);

#endif
