/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the LwM2M client of a module is configured with and must remember:
 * lwm2m.json in the state folder, replaced whole at every change. Written by
 * AT commands, by a bootstrap server, or by who makes the folder.
 *
 * Layer: modem. Binary values are base64. The file holds keys: mode 0600.
 */
#ifndef DFOTA_MODEM_LWM2M_SETTINGS_H
#define DFOTA_MODEM_LWM2M_SETTINGS_H

#include "lwm2m/client.h"

struct lwm2m_settings {
    char *path; /* owned */
    struct lwm2m_kept kept;
    char endpoint[LWM2M_ENDPOINT_MAX + 1]; /* "" urn:imei:<IMEI> */
    bool startup;                          /* register after every boot */
    bool v11;                              /* LwM2M 1.1 */
    uint8_t protocols; /* to pull by: bits 0 coap .. 3 https; 0: push alone */
    bool firmware_v11; /* version 1.1 of object 5 */
    uint8_t found;     /* enum firmware_found: how the last update ended */
};

/** Load, or the defaults when there is no file: no server. errors: E_NOMEM,
 * E_IO and E_SYNTAX, said */
int lwm2m_settings_open(struct lwm2m_settings *s, const char *folder);
void lwm2m_settings_close(struct lwm2m_settings *s);

/** errors: E_IO, said */
int lwm2m_settings_save(const struct lwm2m_settings *s);

#endif
