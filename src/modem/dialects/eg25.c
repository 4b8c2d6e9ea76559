/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2x and EG25 as desktop systems update them. No document of the maker
 * describes it: fwupd's plug-in does;
 * docs/modules/eg25.md lists what it leaves open.
 */
#include "modem/handlers.h"

enum {
    X = FORM_EXEC,
    R = FORM_READ,
    W = FORM_WRITE,
    T = FORM_TEST,
};

static const struct command commands[] = {
    {"+CREG", R | W | T, at_creg, "+CREG: (0-2)", NULL},
    {"+CGREG", R | W | T, at_cgreg, "+CGREG: (0-2)", NULL},
    {"+CEREG", R | W | T, at_cereg, "+CEREG: (0-2)", NULL},
    {"+COPS", R | W | T, at_cops,
     "+COPS: (2,\"Telekom.de\",\"TDG\",\"26201\",7)"
     ",,(0-4),(0-2)",
     NULL},
    {"+WS46", T, NULL, "+WS46: (12,28,30,31)", NULL},
    {"+QICSGP", W | T, at_qicsgp, "+QICSGP: (1-15),(1-3),<apn>", NULL},
    {"+QIACT", R | W | T, at_qiact, "+QIACT: (1-15)", NULL},
    {"+QIDEACT", W | T, at_qideact, "+QIDEACT: (1-15)", NULL},
    {"+QFUPL", W | T, at_qfupl, NULL, NULL},
    {"+QFLST", X | W | T, at_qflst, NULL, NULL},
    {"+QFDEL", W | T, at_qfdel, NULL, NULL},
    {"+QFDWL", W | T, at_qfdwl, NULL, NULL},
    {"+QFLDS", X | W | T, at_qflds, NULL, NULL},
    {"+QFOTADL", W | T, at_qfotadl, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL},
};

static const struct number_text texts[] = {
    {0, NULL},
};

static const char *const also[] = {"ec25", "ec21", NULL};
static const char *const models[] = {"EG25", "EC25", "EC21", NULL};
static const char *const banner[] = {"RDY", NULL};

const struct dialect dialect_eg25;
const struct dialect dialect_eg25 = {
    .name = "eg25",
    .also = also,
    .source = "the fwupd plug-in for ModemManager, com.quectel.dfota",
    .manufacturer = "Quectel",
    .model = models,
    .revision_prefix = "",
    .commands = commands,

    .fota_forms = 0, /* the path form alone */
    .url = {.max = 255, .ports = {80, 80, 80, 80}},
    .path_folder = "/data/ufs/",
    .words = {.tag = "FOTA",
              .downloading = {.step = 0},
              .updating = {.first = 1, .step = 1},
              .restore = {.step = 0}}, /* copying is part of UPDATING */
    .answers =
        {
            [CAUSE_NONE] = {ANSWER_UPDATE, 0, NULL},
            [CAUSE_PACKAGE] = {ANSWER_UPDATE, 506, NULL},
            [CAUSE_MISMATCH] = {ANSWER_UPDATE, 511, NULL},
            [CAUSE_NO_PACKAGE] = {ANSWER_UPDATE, 505, NULL},
            [CAUSE_UPDATE] = {ANSWER_UPDATE, 504, NULL},
            [CAUSE_RESTORE] = {ANSWER_UPDATE, 504, NULL},
            [CAUSE_MEMORY] = {ANSWER_UPDATE, 512, NULL},
            [CAUSE_BUSY] = {ANSWER_ERROR, 0, NULL},
            [CAUSE_WORN] = {ANSWER_UPDATE, 512, NULL},
            [CAUSE_PARAMETER] = {ANSWER_ERROR, 0, NULL},
        },
    .texts = texts,

    .memory = {.sector = 4096,
               .slot = 4194304,
               .backup = 0,
               .package = 6291456,
               .erase_ms = 30,
               .program_us = 400},
    .dumb_from = DUMB_FROM_START,
    .forced_upgrade = false, /* no document */
    .reboot_on_failure = false,
    .keeps_package = false,
    .banner = banner,
    .timing = {.start = 0,
               .settle = 0,
               .reset = 5000,
               .boot = 3000,
               .ready = 2000,
               .registered = 3000,
               .reboot = 2000,
               .connect = 20000,
               .connect_pause = 3000,
               .silence = 20000,
               .connect_tries = 6,
               .resumes = 0},
    .radio = {.rssi_dbm = -61,
              .ber = 99,
              .operator_format = 0,
              .operator_name = "Telekom.de",
              .cesq = "99,99,255,255,24,55",
              .access = 7,
              .creg = 1,
              .cgreg = 1,
              .cereg = 1,
              .imei = "866425030000066",
              .imsi = "262013400000066",
              .address = "10.10.25.17"},
    .rates = "9600,19200,38400,57600,115200,230400,460800,921600",
    .factory_rate = 115200,

    .files_root = "/data/ufs",
    .list_prefix = "UFS:",
};
