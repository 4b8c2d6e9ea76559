/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BG95 and BG77.
 *
 * Source: BG95&BG77 DFOTA Application Note V1.0; sections in the comments.
 */
#include "at/families/table.h"

static const char *const models[] = {"BG95", "BG77", NULL};

/* Table 1 of chapter 5 */
static const struct dfota_code download[] = {
    {701, DFOTA_CLASS_MODULE, DFOTA_MEANING_UNKNOWN},
    {702, DFOTA_CLASS_NETWORK, DFOTA_MEANING_CONNECT},
    {703, DFOTA_CLASS_NETWORK, DFOTA_MEANING_REQUEST},
    {704, DFOTA_CLASS_NETWORK, DFOTA_MEANING_DOWNLOAD_TIMEOUT},
    {705, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_URL},
    {706, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_FILE},
    {707, DFOTA_CLASS_MODULE, DFOTA_MEANING_WRITE},
    {708, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_TOO_LARGE},
    {710, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_CHECK},
};

/* Table 2 */
static const struct dfota_code update[] = {
    {504, DFOTA_CLASS_MODULE, DFOTA_MEANING_UPDATE},
    {505, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_PACKAGE},
    {506, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_CHECK},
    {511, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_MISMATCH},
    {512, DFOTA_CLASS_MODULE, DFOTA_MEANING_UNKNOWN},
};

/* Table 3 */
static const struct dfota_code command[] = {
    {590, DFOTA_CLASS_COMMAND, DFOTA_MEANING_PARAMETER},
    {591, DFOTA_CLASS_BUSY, DFOTA_MEANING_ONGOING},
};

static const struct dfota_step url_steps[] = {
    {dfota_step_network, "+CSQ;+CEREG?;+CGREG?;+COPS?"}, /* 2.1.4, 4.1 */
    {dfota_step_ip_type, "+QCFGEXT=\"fota_apn\""},       /* 2.2.2 */
    {dfota_step_apn, "+QCFGEXT=\"fota_apn\"," ARG_NUMBER ",\"" ARG_APN "\""},
    {dfota_step_try, "+QFOTADL=3,1"}, /* 2.2.1.4: start when downloaded */
    {dfota_step_trigger, "+QFOTADL=\"" ARG_URL "\""},
};

static const struct dfota_step file_steps[] = {
    {dfota_step_try, "+QFOTADL=5"}, /* 2.2.1.4: delete */
    {dfota_step_upload, "+QFOTADL=\"COM:\"," ARG_NUMBER ",10"}, /* 2.2.1.3 */
    {dfota_step_trigger, "+QFOTADL=1"},
};

const struct dfota_family dfota_family_bg95 = {
    .name = "bg95",
    .models = models,
    .url_steps = url_steps,
    .file_steps = file_steps,
    .download = DFOTA_TABLE(download),
    .update = DFOTA_TABLE(update),
    .command = DFOTA_TABLE(command),
    .upload_max = 6291456, /* 2.2.1.3, note 1 */
    .url_max = 700,        /* 2.2.1.1 */
    .schemes = "http://\0https://\0coap://\0coaps://\0",
    .flags = DFOTA_FAMILY_APP_RDY | DFOTA_FAMILY_115200, /* 2.2.1.1, note 1 */
};
