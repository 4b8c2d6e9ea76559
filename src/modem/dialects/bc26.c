/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BC26. Sections are those of "BC26 DFOTA User Guide" V1.0;
 * docs/modules/bc26.md lists what it leaves open.
 */
#include "modem/handlers.h"

enum {
    X = FORM_EXEC,
    R = FORM_READ,
    W = FORM_WRITE,
    T = FORM_TEST,
};

static const struct command commands[] = {
    {"+CESQ", X | T, at_cesq,
     "+CESQ: (0-63,99),(0-7,99),(0-96,255),(0-49,255),(0-34,255),(0-97,255)",
     "2.3"},
    {"+CEREG", R | W | T, at_cereg, "+CEREG: (0-2)", "2.3"},
    {"+COPS", R | W | T, at_cops,
     "+COPS: (2,\"CHN-CT\",\"CT\",\"46011\",9),,(0-4),(0-2)", "4.1"},
    {"+CGPADDR", X | W | T, at_cgpaddr, "+CGPADDR: (1-15)", "2.3"},
    {"+WS46", T, NULL, "+WS46: (28)", NULL},
    {"+QFOTADL", W | T, at_qfotadl, NULL, "3.1"},
    {NULL, 0, NULL, NULL, NULL},
};

static const struct number_text texts[] = {
    {1, "Unknown error"},
    {2, "FOTA is busy"},
    {254, "Delta firmware package mismatch"},
    {255, "Delta firmware package invalid"},
    {0, NULL},
};

static const char *const also[] = {NULL};
static const char *const models[] = {"Quectel_BC26", NULL};
static const char *const banner[] = {"RDY", NULL};

const struct dialect dialect_bc26;
const struct dialect dialect_bc26 = {
    .name = "bc26",
    .also = also,
    .source = "BC26 DFOTA User Guide V1.0",
    .manufacturer = "Quectel_Ltd",
    .model = models,
    .revision_prefix = "",
    .commands = commands,

    .fota_forms = FOTA_URL,
    .url = {.schemes = URL_HTTP, /* [3.1 note 2] */
            .max = 255,
            .ports = {80, 80, 80, 80}},
    .words =
        {.tag = "FOTA",
         .downloading = {.first = 1, .step = 1, .blank = true, .sign = true},
         .updating = {.first = 1, .step = 1, .blank = true, .sign = true},
         .restore = {.step = 0}, /* copying is part of UPDATING */
         .source = "3.1, 4.1"},
    .answers =
        {
            [CAUSE_NONE] = {ANSWER_UPDATE, 0, "5 table 2"},
            [CAUSE_OFFLINE] = {ANSWER_DOWNLOAD, 20, "5 table 1"},
            [CAUSE_LOST] = {ANSWER_DOWNLOAD, 13, "5 table 1"},
            [CAUSE_CONNECT] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_TLS] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_URL] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_STATUS] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_NOT_FOUND] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_TIMEOUT] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_TOO_LARGE] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_STORE] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_LENGTH] = {ANSWER_DOWNLOAD, 12, "5 table 1"},
            [CAUSE_PACKAGE] = {ANSWER_UPDATE, 255, "5 table 2"},
            [CAUSE_MISMATCH] = {ANSWER_UPDATE, 254, "5 table 2"},
            [CAUSE_NO_PACKAGE] = {ANSWER_CME, 1, "5 table 2"},
            [CAUSE_UPDATE] = {ANSWER_UPDATE, 1, "5 table 2"},
            [CAUSE_RESTORE] = {ANSWER_UPDATE, 1, "5 table 2"},
            [CAUSE_MEMORY] = {ANSWER_UPDATE, 1, "5 table 2"},
            [CAUSE_BUSY] = {ANSWER_CME, 2, "5 table 2"},
            [CAUSE_WORN] = {ANSWER_CME, 1, NULL},
            [CAUSE_PARAMETER] = {ANSWER_CME, 1, "5 table 2"},
        },
    .texts = texts,

    .memory = {.sector = 4096,
               .slot = 4194304,
               .backup = 65536,
               .package = 6291456,
               .erase_ms = 30,
               .program_us = 400},
    .dumb_from = DUMB_FROM_START,
    .forced_upgrade = true, /* [3.1 note 1] */
    .reboot_on_failure = false,
    .keeps_package = false,
    .banner = banner,
    .timing = {.start = 1000,
               .settle = 1000,
               .reset = 2000,
               .boot = 3000,
               .ready = 2000,
               .registered = 3000,
               .reboot = 2000,
               .connect = 20000,
               .connect_pause = 3000,
               .silence = 20000,
               .connect_tries = 6,
               .resumes = 3},
    .radio = {.rssi_dbm = -63,
              .ber = 99,
              .operator_format = 2,
              .operator_name = "46011",
              .cesq = "47,6,255,255,0,54", /* [4.1] */
              .access = 9,
              .creg = 0,
              .cgreg = 0,
              .cereg = 1,
              .imei = "866425030000033",
              .imsi = "460111234567890",
              .address = "10.10.26.17"},
    .rates = "4800,9600,19200,38400,57600,115200,230400,460800",
    .factory_rate = 115200,
};
