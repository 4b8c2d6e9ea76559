/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The handlers that dialect tables put behind their commands.
 *
 * Layer: modem. Each runs one command and returns AT_OK, AT_ERROR, AT_LATER
 * or a CME number; syntax, forms and test answers are the driver's.
 */
#ifndef DFOTA_MODEM_HANDLERS_H
#define DFOTA_MODEM_HANDLERS_H

#include "modem/modem.h"

/* at_basic.c: V.250 */
at_handler at_echo, at_verbose, at_quiet, at_reset, at_factory, at_save;
at_handler at_s, at_d, at_view, at_zero_or_one, at_any;
at_handler at_rate, at_cmee, at_list, at_gcap;

/* at_info.c: who it is */
at_handler at_information, at_manufacturer, at_model, at_revision, at_version,
    at_imei, at_imsi;

/* at_radio.c: SIM, network, power */
at_handler at_csq, at_cesq, at_creg, at_cgreg, at_cereg, at_cops, at_cpin,
    at_cgatt, at_cfun, at_cclk, at_qpowd;

/* at_pdp.c: data contexts, APN */
at_handler at_cgdcont, at_cgpaddr, at_qicsgp, at_qiact, at_qideact;
/* the same for one bearer at a time: a task, then a context */
at_handler at_qifgcnt, at_qicsgp_bearer, at_qiregapp, at_qiact_bearer,
    at_qideact_bearer;

/* at_ext.c: AT+QCFGEXT and its keys */
at_handler at_qcfgext, ext_apn, ext_delay, ext_accept;

/* at_files.c */
at_handler at_qfupl, at_qflst, at_qfdel, at_qfdwl, at_qflds;

/* at_fota.c */
at_handler at_qfotadl;

/* at_lwm2m.c */
at_handler at_qlwcfg, at_qlwreg, at_qlwupdate, at_qlwdereg, at_qlwstat;

/** The integer at place i, or otherwise when it is left out. False: it is
 * there and no integer between low and high. */
bool at_integer(const struct at_call *call, size_t i, int64_t low, int64_t high,
                int64_t otherwise, int64_t *value);

/** The text at place i (quoted or bare); NULL: left out. */
const char *at_text(const struct at_call *call, size_t i);

#endif
