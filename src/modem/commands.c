/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that every family has; a dialect's own row goes before one
 * of these.
 *
 * source   ITU-T V.250 6; 3GPP TS 27.007 5, 6, 7, 8, 9, 10
 */
#include "modem/handlers.h"

enum {
    X = FORM_EXEC,
    R = FORM_READ,
    W = FORM_WRITE,
    T = FORM_TEST,
};

const struct command common_commands[] = {
    {"E", X, at_echo, NULL, NULL},
    {"V", X, at_verbose, NULL, NULL},
    {"Q", X, at_quiet, NULL, NULL},
    {"X", X, at_any, NULL, NULL},
    {"Z", X, at_reset, NULL, NULL},
    {"H", X, at_zero_or_one, NULL, NULL},
    {"I", X, at_information, NULL, NULL},
    {"S", R | W, at_s, NULL, NULL},
    {"&F", X, at_factory, NULL, NULL},
    {"&W", X, at_save, NULL, NULL},
    {"&V", X, at_view, NULL, NULL},
    {"&C", X, at_zero_or_one, NULL, NULL},
    {"&D", X, at_d, NULL, NULL},
    {"+GMI", X | T, at_manufacturer, NULL, NULL},
    {"+GMM", X | T, at_model, NULL, NULL},
    {"+GMR", X | T, at_revision, NULL, NULL},
    {"+GSN", X | T, at_imei, NULL, NULL},
    {"+GCAP", X | T, at_gcap, NULL, NULL},
    {"+IPR", R | W | T, at_rate, "", NULL},
    {"+CMEE", R | W | T, at_cmee, "+CMEE: (0-2)", NULL},
    {"+CGMI", X | T, at_manufacturer, NULL, NULL},
    {"+CGMM", X | T, at_model, NULL, NULL},
    {"+CGMR", X | T, at_revision, NULL, NULL},
    {"+CGSN", X | T, at_imei, NULL, NULL},
    {"+CIMI", X | T, at_imsi, NULL, NULL},
    {"+CLAC", X | T, at_list, NULL, NULL},
    {"+CPIN", R | T, at_cpin, NULL, NULL},
    {"+CFUN", R | W | T, at_cfun, "+CFUN: (0,1,4),(0,1)", NULL},
    {"+CCLK", R | T, at_cclk, NULL, NULL},
    {"+CSQ", X | T, at_csq, "+CSQ: (0-31,99),(0-7,99)", NULL},
    {"+CGATT", R | W | T, at_cgatt, "+CGATT: (0,1)", NULL},
    {"+CGDCONT", R | W | T, at_cgdcont, "+CGDCONT: (1-15),\"IPV4V6\",,,(0),(0)",
     NULL},
    {"+CGPADDR", X | W | T, at_cgpaddr, "+CGPADDR: (1-15)", NULL},
    {"+QGMR", X | T, at_version, NULL, NULL},
    {"+QPOWD", X | W | T, at_qpowd, "+QPOWD: (0,1)", NULL},
    {"+QFOTADL", W | T, at_qfotadl, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL},
};
