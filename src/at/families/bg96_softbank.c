/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BG96 with SoftBank's firmware, which also updates by itself.
 *
 * Source: BG96 SoftBank DFOTA Application Note V1.0; sections in the comments.
 */
#include "at/families/table.h"

/* ATI does not tell it from BG96, whose script does: dfota_step_softbank. */
static const char *const models[] = {NULL};

/* Table 1 of chapter 7 */
static const struct dfota_code download[] = {
    {701, DFOTA_CLASS_MODULE, DFOTA_MEANING_UNKNOWN},
    {702, DFOTA_CLASS_NETWORK, DFOTA_MEANING_CONNECT},
    {703, DFOTA_CLASS_NETWORK, DFOTA_MEANING_REQUEST},
    {704, DFOTA_CLASS_NETWORK, DFOTA_MEANING_DOWNLOAD_TIMEOUT},
    {706, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_FILE},
    {707, DFOTA_CLASS_MODULE, DFOTA_MEANING_WRITE},
    {708, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_TOO_LARGE},
    {800, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_PLAN_STATUS},
    {801, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_ACCESS_TYPE},
    {802, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_NO_PLAN},
    {803, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_PLAN_GONE},
    {804, DFOTA_CLASS_LATER, DFOTA_MEANING_BATTERY},
    {805, DFOTA_CLASS_LATER, DFOTA_MEANING_SIGNAL},
    {806, DFOTA_CLASS_LATER, DFOTA_MEANING_PLAN_TIME},
    {807, DFOTA_CLASS_LATER, DFOTA_MEANING_CONCURRENCY},
    {808, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_PLAN_ENDED},
    {809, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_NO_MODULE},
    {810, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_NO_TOKEN},
    {811, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_BAD_TOKEN},
    {812, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_OLD_TOKEN},
    {813, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_PERMISSIONS},
    {814, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_NO_IMEI},
    {815, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_OTHER_TOKEN},
    {850, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_AUTHENTICATION},
    {851, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_TOKEN_FETCH},
    {852, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_PASSWORD},
    {853, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_REFRESH_TOKEN},
    {854, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_NO_INFO},
    {855, DFOTA_CLASS_OPERATOR, DFOTA_MEANING_NO_LOGIN},
    {880, DFOTA_CLASS_LATER, DFOTA_MEANING_SERVICE},
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
    {dfota_step_network,
     "+CSQ;+CREG?;+CGREG?;+COPS?"}, /* as BG96, and the rest too */
    {dfota_step_apn_try, "+QICSGP=1,1,\"" ARG_APN "\""},
    {dfota_step_trigger, "+QFOTADL=\"" ARG_URL "\""},
};

static const struct dfota_step file_steps[] = {
    {dfota_step_try, "+QFDEL=\"/fota/update.zip\""},
    {dfota_step_upload,
     "+QFUPL=\"/fota/update.zip\"," ARG_NUMBER ",10," ARG_ACK},
    {dfota_step_trigger, "+QFOTADL=1"}, /* as BG96 */
};

const struct dfota_family dfota_family_bg96_softbank = {
    .name = "bg96-softbank",
    .models = models,
    .url_steps = url_steps,
    .file_steps = file_steps,
    .download = DFOTA_TABLE(download),
    .update = DFOTA_TABLE(update),
    .upload = &dfota_file_codes,
    .upload_max = 6291456,
    .url_max = 255,
    .schemes = "http://\0https://\0",
    .flags = DFOTA_FAMILY_APP_RDY | DFOTA_FAMILY_STAYS | DFOTA_FAMILY_ACK,
};
