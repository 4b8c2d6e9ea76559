/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BC26, an NB-IoT module: takes a URL only.
 *
 * Source: BC26 DFOTA User Guide V1.0; sections in the comments.
 */
#include "at/families/table.h"

static const char *const models[] = {"BC26", NULL};

/* Table 1 of chapter 5 */
static const struct dfota_code download[] = {
    {12, DFOTA_CLASS_NETWORK, DFOTA_MEANING_DOWNLOAD},
    {13, DFOTA_CLASS_NETWORK, DFOTA_MEANING_DEACTIVATED},
    {20, DFOTA_CLASS_NETWORK, DFOTA_MEANING_ACTIVATING},
};

/* Table 2 */
static const struct dfota_code update[] = {
    {1, DFOTA_CLASS_MODULE, DFOTA_MEANING_UNKNOWN},
    {2, DFOTA_CLASS_BUSY, DFOTA_MEANING_ONGOING},
    {254, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_MISMATCH},
    {255, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_CHECK},
};

/* Table 2 as an answer to the command: 1 is what a URL gets that it does
 * not take, which no reboot cures. */
static const struct dfota_code command[] = {
    {1, DFOTA_CLASS_COMMAND, DFOTA_MEANING_PARAMETER},
    {2, DFOTA_CLASS_BUSY, DFOTA_MEANING_ONGOING},
    {254, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_MISMATCH},
    {255, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_CHECK},
};

static const struct dfota_step url_steps[] = {
    {dfota_step_network, "+CESQ;+CEREG?;+CPIN?;+COPS?"}, /* 2.3, 4.1 */
    {dfota_step_apn_try, "+CGDCONT=1,\"IP\",\"" ARG_APN "\""},
    {dfota_step_trigger, "+QFOTADL=\"" ARG_URL "\""}, /* 3.1 */
};

const struct dfota_family dfota_family_bc26 = {
    .name = "bc26",
    .models = models,
    .url_steps = url_steps,
    .download = DFOTA_TABLE(download),
    .update = DFOTA_TABLE(update),
    .command = DFOTA_TABLE(command),
    .url_max = 255,         /* 3.1 */
    .schemes = "http://\0", /* 3.1, note 2 */
    .flags = DFOTA_FAMILY_STAYS,
};
