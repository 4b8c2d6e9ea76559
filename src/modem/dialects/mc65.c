/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MC65, M65 and M08-R. Sections are those of "MC65&M65&M08-R DFOTA
 * Application Note" V1.0;
 * docs/modules/mc65.md lists what it leaves open.
 */
#include "modem/handlers.h"

enum {
    X = FORM_EXEC,
    R = FORM_READ,
    W = FORM_WRITE,
    T = FORM_TEST,
};

static const struct command commands[] = {
    {"+CSQ", X | T, at_csq, "+CSQ: (0-31,99),(0-7,99)", "2.1.3"},
    {"+CREG", R | W | T, at_creg, "+CREG: (0-2)", NULL},
    {"+CGREG", R | W | T, at_cgreg, "+CGREG: (0-2)", "2.1.3"},
    {"+COPS", R | W | T, at_cops,
     "+COPS: (2,\"CHINA MOBILE\",\"CMCC\",\"46000\"),,(0-4),(0-2)", NULL},
    {"+WS46", T, NULL, "+WS46: (12)", NULL},
    {"+QIFGCNT", R | W | T, at_qifgcnt, "+QIFGCNT: (0,1)", "2.1.4"},
    {"+QICSGP", R | W | T, at_qicsgp_bearer, "+QICSGP: (1),<apn>", "2.1.4"},
    {"+QIREGAPP", X | W | T, at_qiregapp, NULL, "2.1.4"},
    {"+QIACT", X | T, at_qiact_bearer, NULL, "2.1.4"},
    {"+QIDEACT", X | T, at_qideact_bearer, NULL, NULL},
    {"+QFUPL", W | T, at_qfupl, NULL, "2.2.2"},
    {"+QFLST", X | W | T, at_qflst, NULL, NULL},
    {"+QFDEL", W | T, at_qfdel, NULL, NULL},
    {"+QFDWL", W | T, at_qfdwl, NULL, NULL},
    {"+QFLDS", X | W | T, at_qflds, NULL, NULL},
    {"+QFOTADL", W | T, at_qfotadl, NULL, "3.1, 3.2"},
    {NULL, 0, NULL, NULL, NULL},
};

static const struct number_text texts[] = {
    {6500, "Unknown error"},
    {6501, "Invalid parameter"},
    {6502, "Package too large"},
    {6503, "Download failed"},
    {6504, "Package not found"},
    {6505, "Write file failed"},
    {6506, "Package not exist"},
    {6507, "Package error"},
    {6508, "Update failed"},
    {6509, "No memory"},
    {0, NULL},
};

static const char *const also[] = {"m65", "m08-r", NULL};
static const char *const models[] = {"Quectel_M65", "Quectel_M65",
                                     "Quectel_M08-R", NULL};
static const char *const banner[] = {"RDY", NULL};

const struct dialect dialect_mc65;
const struct dialect dialect_mc65 = {
    .name = "mc65",
    .also = also,
    .source = "MC65&M65&M08-R DFOTA Application Note V1.0",
    .manufacturer = "Quectel_Ltd",
    .model = models,
    .revision_prefix = "Revision: ",
    .commands = commands,

    .fota_forms = FOTA_URL | FOTA_LOCAL,
    .url = {.schemes = URL_HTTP, /* [3.1] */
            .max = 255,
            .ports = {80, 80, 80, 80}},
    .local_file = "/fota.pack",     /* [3.2 note 1] */
    .after_download = "+PDP DEACT", /* [3.1, 4.1] */
    .needs_context = true,          /* [2.1.4] */
    .updates_max = 800,             /* [1] */
    .words = {.tag = "FOTA",
              .downloading = {.first = 0, .step = 10, .sign = true},
              .updating = {.first = 2, .step = 2, .blank = true, .sign = true},
              .restore = {.step = 0}, /* copying is part of UPDATING */
              .source = "3.1, 3.2, 4.1, 4.2"},
    .answers =
        {
            [CAUSE_NONE] = {ANSWER_UPDATE, 0, "3.1"},
            [CAUSE_OFFLINE] = {ANSWER_CME, 6503, "5 table 1"},
            [CAUSE_LOST] = {ANSWER_DOWNLOAD, 6503, "5 table 1"},
            [CAUSE_CONNECT] = {ANSWER_DOWNLOAD, 6503, "5 table 1"},
            [CAUSE_TLS] = {ANSWER_DOWNLOAD, 6503, "5 table 1"},
            [CAUSE_URL] = {ANSWER_DOWNLOAD, 6503, "5 table 1"},
            [CAUSE_STATUS] = {ANSWER_DOWNLOAD, 6503, "5 table 1"},
            [CAUSE_NOT_FOUND] = {ANSWER_DOWNLOAD, 6504, "5 table 1"},
            [CAUSE_TIMEOUT] = {ANSWER_DOWNLOAD, 6503, "5 table 1"},
            [CAUSE_TOO_LARGE] = {ANSWER_DOWNLOAD, 6502, "5 table 1"},
            [CAUSE_STORE] = {ANSWER_DOWNLOAD, 6505, "5 table 1"},
            [CAUSE_LENGTH] = {ANSWER_DOWNLOAD, 6507, "5 table 1"},
            [CAUSE_PACKAGE] = {ANSWER_UPDATE, 6507, "5 table 1"},
            [CAUSE_MISMATCH] = {ANSWER_UPDATE, 6507, "5 table 1"},
            [CAUSE_NO_PACKAGE] = {ANSWER_CME, 6506, "5 table 1"},
            [CAUSE_UPDATE] = {ANSWER_UPDATE, 6508, "5 table 1"},
            [CAUSE_RESTORE] = {ANSWER_UPDATE, 6508, "5 table 1"},
            [CAUSE_MEMORY] = {ANSWER_UPDATE, 6509, "5 table 1"},
            [CAUSE_BUSY] = {ANSWER_CME, 6500, "5 table 1"},
            [CAUSE_WORN] = {ANSWER_CME, 6508, NULL},
            [CAUSE_PARAMETER] = {ANSWER_CME, 6501, "5 table 1"},
        },
    .texts = texts,

    .memory = {.sector = 4096,
               .slot = 4194304,
               .backup = 65536,
               .package = 6291456,
               .erase_ms = 30,
               .program_us = 400},
    .dumb_from = DUMB_FROM_RESET,
    .forced_upgrade = true, /* [3.1 note] */
    .dumb_rate = 115200,    /* [3.2 note 2] */
    .dumb_rate_adaptive = true,
    .reboot_on_failure = true,
    .keeps_package = false,
    .banner = banner,
    .silent_adaptive = true,
    .timing = {.start = 1000,
               .settle = 1000,
               .reset = 5000,
               .boot = 3000,
               .ready = 2000,
               .registered = 3000,
               .reboot = 2000,
               .connect = 20000,
               .connect_pause = 3000,
               .silence = 20000,
               .connect_tries = 6,
               .resumes = 3},
    .radio = {.rssi_dbm = -63, /* [4.1]: +CSQ: 25,0 */
              .ber = 0,
              .operator_format = 0,
              .operator_name = "CHINA MOBILE",
              .cesq = "99,99,255,255,255,255",
              .access = 0,
              .creg = 1,
              .cgreg = 1,
              .cereg = 0,
              .imei = "866425030000025",
              .imsi = "460001234567890",
              .address = "10.10.65.17"},
    .rates = "0,1200,2400,4800,9600,14400,19200,28800,38400,57600,115200",
    .factory_rate = 0,

    .files_root = "/",
    .list_prefix = "",
};
