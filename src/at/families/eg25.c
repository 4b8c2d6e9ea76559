/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EG25 and its sisters of the EC2x family: take a file only.
 *
 * Source: what fwupd's ModemManager plug-in sends (com.quectel.dfota).
 */
#include "at/families/table.h"

static const char *const models[] = {"EG25", "EC25", "EC21", "EC20", NULL};

/* The numbers of BG95 */
static const struct dfota_code update[] = {
    {504, DFOTA_CLASS_MODULE, DFOTA_MEANING_UPDATE},
    {505, DFOTA_CLASS_ADDRESS, DFOTA_MEANING_NO_PACKAGE},
    {506, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_CHECK},
    {511, DFOTA_CLASS_PACKAGE, DFOTA_MEANING_MISMATCH},
    {512, DFOTA_CLASS_MODULE, DFOTA_MEANING_UNKNOWN},
};

static const struct dfota_step file_steps[] = {
    {dfota_step_try, "+QFDEL=\"dfota_update.bin\""},
    {dfota_step_upload,
     "+QFUPL=\"dfota_update.bin\"," ARG_NUMBER ",10," ARG_ACK},
    {dfota_step_trigger, "+QFOTADL=\"/data/ufs/dfota_update.bin\""},
};

const struct dfota_family dfota_family_eg25 = {
    .name = "eg25",
    .models = models,
    .file_steps = file_steps,
    .update = DFOTA_TABLE(update),
    .upload = &dfota_file_codes,
    .upload_max = 6291456,
    .flags = DFOTA_FAMILY_STAYS | DFOTA_FAMILY_ACK,
};
