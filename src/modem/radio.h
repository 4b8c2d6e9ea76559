/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The radio of one module: SIM, network, registration, signal.
 *
 * Layer: modem. It keeps what the control socket sets and what follows from
 * it; announcing a change is the caller's business.
 */
#ifndef DFOTA_MODEM_RADIO_H
#define DFOTA_MODEM_RADIO_H

#include <stdbool.h>
#include <stdint.h>

#include "modem/dialect.h"

enum sim { SIM_IN, SIM_OUT, SIM_ROAMING, SIM_OTHER };

struct radio {
    const struct radio_profile *profile;
    enum sim sim;
    bool net;      /* a network is there */
    bool attached; /* AT+CGATT */
    uint8_t fun;   /* AT+CFUN */
    bool searched; /* the time to register after a boot has passed */
    /* Data contexts: active ones (bit 0 is the first), the one that is
     * selected where one works with one at a time, its task. */
    uint16_t contexts;
    uint8_t foreground;
    bool task;
    int rssi_dbm;
    uint8_t battery; /* percent */
};

void radio_init(struct radio *r, const struct radio_profile *profile);

/** A module that boots has to look for a network again. */
void radio_boot(struct radio *r);

bool radio_registered(const struct radio *r);

/** <stat> of +CxREG, given what the profile says for "at home". */
uint8_t radio_stat(const struct radio *r, uint8_t home);

/** <rssi> of +CSQ, 0..31 or 99. */
int radio_csq(const struct radio *r);

#endif
