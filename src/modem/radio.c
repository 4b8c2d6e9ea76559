/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/radio.h"

/* <stat> of 3GPP TS 27.007 7.2 and 10.1.20 .. 10.1.22. */
enum { STAT_OFF = 0, STAT_HOME = 1, STAT_SEARCHING = 2, STAT_ROAMING = 5 };

void radio_init(struct radio *r, const struct radio_profile *profile)
{
    *r = (struct radio){
        .profile = profile,
        .sim = SIM_IN,
        .net = true,
        .rssi_dbm = profile->rssi_dbm,
        .battery = 90,
    };
    radio_boot(r);
}

void radio_boot(struct radio *r)
{
    r->attached = true;
    r->fun = 1;
    r->searched = false;
    r->contexts = 0;
    r->foreground = 0;
    r->task = false;
}

bool radio_registered(const struct radio *r)
{
    return r->net && r->searched && r->attached && r->fun == 1 &&
           r->sim != SIM_OUT;
}

uint8_t radio_stat(const struct radio *r, uint8_t home)
{
    if (r->fun != 1 || r->sim == SIM_OUT)
        return STAT_OFF;
    if (!radio_registered(r))
        return r->attached ? STAT_SEARCHING : STAT_OFF;
    return home == STAT_HOME && r->sim == SIM_ROAMING ? STAT_ROAMING : home;
}

int radio_csq(const struct radio *r)
{
    if (!r->net || r->fun != 1)
        return 99;
    if (r->rssi_dbm <= -113)
        return 0;
    return r->rssi_dbm >= -51 ? 31 : (r->rssi_dbm + 113) / 2;
}
