/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BG96.
 *
 * Source: BG96 DFOTA User Guide V1.0, of which its tables show 0 and 701 only;
 * the other rows are those of the SoftBank edition.
 */
#include "at/families/table.h"

static const char *const models[] = {"BG96", NULL};

/* Table 1 of chapter 5 */
static const struct dfota_code download[] = {
    {701, DFOTA_CLASS_MODULE, DFOTA_MEANING_UNKNOWN},
    {702, DFOTA_CLASS_NETWORK, DFOTA_MEANING_CONNECT},
    {703, DFOTA_CLASS_NETWORK, DFOTA_MEANING_REQUEST},
    {704, DFOTA_CLASS_NETWORK, DFOTA_MEANING_DOWNLOAD_TIMEOUT},
    {706, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_FILE},
    {707, DFOTA_CLASS_MODULE, DFOTA_MEANING_WRITE},
    {708, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_TOO_LARGE},
};

/* Table 2 */
static const struct dfota_code update[] = {
    {504, DFOTA_CLASS_MODULE, DFOTA_MEANING_UPDATE},
    {505, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_PACKAGE},
    {506, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_CHECK},
    {510, DFOTA_CLASS_MODULE, DFOTA_MEANING_RESTORE},
    {511, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_MISMATCH},
    {512, DFOTA_CLASS_MODULE, DFOTA_MEANING_UNKNOWN},
};

static const struct dfota_step url_steps[] = {
    {dfota_step_softbank, "+QCFGEXT=\"sbfota_delay\""},
    {dfota_step_network, "+CSQ;+CREG?;+CGREG?;+COPS?"}, /* 2.4, 4.1 */
    {dfota_step_apn_try, "+QICSGP=1,1,\"" ARG_APN "\""},
    {dfota_step_trigger, "+QFOTADL=\"" ARG_URL "\""},
};

static const struct dfota_step file_steps[] = {
    {dfota_step_softbank, "+QCFGEXT=\"sbfota_delay\""},
    {dfota_step_try, "+QFDEL=\"/fota/update.zip\""},
    {dfota_step_upload,
     "+QFUPL=\"/fota/update.zip\"," ARG_NUMBER ",10," ARG_ACK},
    {dfota_step_trigger, "+QFOTADL=1"}, /* page 11 */
};

const struct dfota_family dfota_family_bg96 = {
    .name = "bg96",
    .models = models,
    .url_steps = url_steps,
    .file_steps = file_steps,
    .download = DFOTA_TABLE(download),
    .update = DFOTA_TABLE(update),
    .upload = &dfota_file_codes,
    .upload_max = 6291456,
    .url_max = 255,
    .schemes = "http://\0https://\0",
    .flags = DFOTA_FAMILY_APP_RDY | DFOTA_FAMILY_STAYS |
             DFOTA_FAMILY_NO_PERCENT | DFOTA_FAMILY_ACK,
};
