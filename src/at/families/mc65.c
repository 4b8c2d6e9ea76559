/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MC65, M65 and M08-R, GSM modules.
 *
 * Source: MC65&M65&M08-R DFOTA Application Note V1.0; sections in the
 * comments.
 */
#include "at/families/table.h"

static const char *const models[] = {"MC65", "M65", "M08-R", NULL};

/* Table 1 of chapter 5 */
static const struct dfota_code codes[] = {
    {6500, DFOTA_CLASS_MODULE, DFOTA_MEANING_UNKNOWN},
    {6501, DFOTA_CLASS_COMMAND, DFOTA_MEANING_PARAMETER},
    {6502, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_TOO_LARGE},
    {6503, DFOTA_CLASS_NETWORK, DFOTA_MEANING_DOWNLOAD},
    {6504, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_FILE},
    {6505, DFOTA_CLASS_MODULE, DFOTA_MEANING_WRITE},
    {6506, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_PACKAGE},
    {6507, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_CHECK},
    {6508, DFOTA_CLASS_MODULE, DFOTA_MEANING_UPDATE},
    {6509, DFOTA_CLASS_MODULE, DFOTA_MEANING_MEMORY},
};

/* The same as an answer to the command. 6508 before anything was updated is
 * the end of the 800 updates of chapter 1; 6500 is also what a second start
 * gets. */
static const struct dfota_code command[] = {
    {6500, DFOTA_CLASS_MAYBE, DFOTA_MEANING_UNKNOWN},
    {6501, DFOTA_CLASS_COMMAND, DFOTA_MEANING_PARAMETER},
    {6502, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_TOO_LARGE},
    {6503, DFOTA_CLASS_NETWORK, DFOTA_MEANING_DOWNLOAD},
    {6504, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_FILE},
    {6505, DFOTA_CLASS_MODULE, DFOTA_MEANING_WRITE},
    {6506, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_PACKAGE},
    {6507, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_CHECK},
    {6508, DFOTA_CLASS_WORN, DFOTA_MEANING_WORN},
    {6509, DFOTA_CLASS_MODULE, DFOTA_MEANING_MEMORY},
};

static const struct dfota_step url_steps[] = {
    {dfota_step_network, "+CSQ;+CGREG?;+CPIN?"}, /* 2.1.3, 4.1 */
    {dfota_step_rate, "+IPR?"},                  /* 3.2, note 2 */
    {dfota_step_try, "+QIFGCNT=0"},              /* 2.1.4, and the next three */
    {dfota_step_apn_try, "+QICSGP=1,\"" ARG_APN "\""},
    {dfota_step_try, "+QIREGAPP"},
    {dfota_step_long, "+QIACT"},
    {dfota_step_trigger, "+QFOTADL=\"" ARG_URL "\""}, /* 3.1 */
};

static const struct dfota_step file_steps[] = {
    {dfota_step_rate, "+IPR?"},
    {dfota_step_try, "+QFDEL=\"fota.pack\""}, /* 3.2, note 1: the name */
    {dfota_step_upload,
     "+QFUPL=\"fota.pack\"," ARG_NUMBER ",10," ARG_ACK}, /* 2.2.2 */
    {dfota_step_trigger, "+QFOTADL=1"},                  /* 3.2 */
};

const struct dfota_family dfota_family_mc65 = {
    .name = "mc65",
    .models = models,
    .url_steps = url_steps,
    .file_steps = file_steps,
    .download = DFOTA_TABLE(codes),
    .update = DFOTA_TABLE(codes),
    .command = DFOTA_TABLE(command),
    .upload = &dfota_file_codes,
    .upload_max = 6291456,
    .url_max = 255,         /* 3.1 */
    .schemes = "http://\0", /* 3.1 */
    .flags = DFOTA_FAMILY_ACK,
};
