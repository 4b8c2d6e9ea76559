/* SPDX-License-Identifier: Apache-2.0 */
/**
 * BG95 and BG77.
 *
 * Source: BG95&BG77 DFOTA Application Note V1.0; sections in the comments.
 */
#include "at/family.h"

#define TABLE(codes)                                                           \
    {                                                                          \
        codes, sizeof(codes) / sizeof((codes)[0])                              \
    }

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

const struct dfota_family dfota_family_bg95 = {
    .name = "bg95",
    .models = models,
    .network = "+CSQ;+CEREG?;+CGREG?;+COPS?", /* 2.1.4, 4.1 */
    .apn_query = "+QCFGEXT=\"fota_apn\"",     /* 2.2.2 */
    .apn_set = "+QCFGEXT=\"fota_apn\",",
    .before_url = "+QFOTADL=3,1",   /* 2.2.1.4: start when downloaded */
    .before_upload = "+QFOTADL=5",  /* 2.2.1.4 */
    .upload = "+QFOTADL=\"COM:\",", /* 2.2.1.3 */
    .upload_end = ",5",
    .upload_reply = "+QFOTADL:",
    .local = "+QFOTADL=1", /* 2.2.1.4 */
    .download = TABLE(download),
    .update = TABLE(update),
    .command = TABLE(command),
    .upload_max = 6291456, /* 2.2.1.3, note 1 */
    .url_max = 700,        /* 2.2.1.1 */
    .schemes = DFOTA_SCHEME_HTTP | DFOTA_SCHEME_HTTPS | DFOTA_SCHEME_COAP |
               DFOTA_SCHEME_COAPS,
    .flags = DFOTA_FAMILY_APP_RDY | DFOTA_FAMILY_115200, /* 2.2.1.1, note 1 */
};
