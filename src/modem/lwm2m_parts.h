/* SPDX-License-Identifier: Apache-2.0 */
/** What the files of the module's LwM2M share; for them alone. Layer: modem. */
#ifndef DFOTA_MODEM_LWM2M_PARTS_H
#define DFOTA_MODEM_LWM2M_PARTS_H

#include "link/coap_socket.h"
#include "modem/modem.h"

struct lwm2m_module {
    struct lwm2m_settings set;
    struct lwm2m_client client;
    char endpoint[LWM2M_ENDPOINT_MAX + 1];
    bool running; /* the client was made and started */
    struct coap_params params;
    struct coap_socket *socket;
    uv_timer_t timer;
    bool pulls, coap; /* the package comes by a fetch, by CoAP */
    bool pull_due;    /* it begins once there is a network */
    uint32_t got;     /* bytes of a package written by the server */
    uv_timer_t fetch_timer;
    struct url url;
    struct download download;
    struct urc_counter counter;
};

/* ---- lwm2m_package.c ----------------------------------------------------- */

extern const struct firmware_ops lwm2m_firmware_ops;

/** The timer of a fetch that begins when there is a network. */
void lwm2m_fetch_when_due(uv_timer_t *timer);

#endif
