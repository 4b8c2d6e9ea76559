/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BG96. Sections are those of "BG96 DFOTA User Guide" V1.0;
 * docs/modules/bg96.md lists what it leaves open.
 */
#include "modem/handlers.h"

enum {
    X = FORM_EXEC,
    R = FORM_READ,
    W = FORM_WRITE,
    T = FORM_TEST,
};

static const struct command commands[] = {
    {"+CSQ", X | T, at_csq, "+CSQ: (0-31,99),(0-7,99)", "2.4"},
    {"+CREG", R | W | T, at_creg, "+CREG: (0-2)", "2.4"},
    {"+CGREG", R | W | T, at_cgreg, "+CGREG: (0-2)", "2.4"},
    {"+CEREG", R | W | T, at_cereg, "+CEREG: (0-2)", NULL},
    {"+COPS", R | W | T, at_cops,
     "+COPS: (2,\"Telstra Mobile Telstra\",\"Telstra\",\"50501\",7)"
     ",,(0-4),(0-2)",
     "2.4"},
    {"+WS46", T, NULL, "+WS46: (12,28,30,31)", NULL},
    {"+QICSGP", W | T, at_qicsgp, "+QICSGP: (1-15),(1-3),<apn>", NULL},
    {"+QIACT", R | W | T, at_qiact, "+QIACT: (1-15)", NULL},
    {"+QIDEACT", W | T, at_qideact, "+QIDEACT: (1-15)", NULL},
    {"+QFUPL", W | T, at_qfupl, NULL, NULL},
    {"+QFLST", X | W | T, at_qflst, NULL, NULL},
    {"+QFDEL", W | T, at_qfdel, NULL, NULL},
    {"+QFDWL", W | T, at_qfdwl, NULL, NULL},
    {"+QFLDS", X | W | T, at_qflds, NULL, NULL},
    {"+QFOTADL", W | T, at_qfotadl, NULL, "3.1, 3.2"},
    {NULL, 0, NULL, NULL, NULL},
};

static const struct number_text texts[] = {
    {0, NULL},
};

static const char *const also[] = {NULL};
static const char *const models[] = {"BG96", NULL};
static const char *const banner[] = {"RDY", "APP RDY", NULL};

const struct dialect dialect_bg96;
const struct dialect dialect_bg96 = {
    .name = "bg96",
    .also = also,
    .source = "BG96 DFOTA User Guide V1.0",
    .manufacturer = "Quectel",
    .model = models,
    .revision_prefix = "",
    .commands = commands,

    .fota_forms = FOTA_URL | FOTA_LOCAL,
    .url = {.schemes = URL_HTTP | URL_HTTPS,
            .max = 255,
            .ports = {80, 80, 80, 80}},
    .local_file = "/fota/update.zip", /* [3.2 note 2] */
    .words = {.tag = "FOTA",
              .downloading = {.step = 0},
              .updating = {.first = 1, .step = 1, .sign = true},
              .restore = {.first = 1, .step = 1, .sign = true},
              .restore_resumed = {.first = 1, .step = 1, .sign = true},
              .resume_word = "upgrade",
              .resume_blank = false,
              .source = "3.1, 3.2"},
    .answers =
        {
            [CAUSE_NONE] = {ANSWER_UPDATE, 0, "5 table 2"},
            [CAUSE_OFFLINE] = {ANSWER_DOWNLOAD, 702, NULL},
            [CAUSE_LOST] = {ANSWER_DOWNLOAD, 702, NULL},
            [CAUSE_CONNECT] = {ANSWER_DOWNLOAD, 702, NULL},
            [CAUSE_TLS] = {ANSWER_DOWNLOAD, 701, "5 table 1"},
            [CAUSE_URL] = {ANSWER_DOWNLOAD, 703, NULL},
            [CAUSE_STATUS] = {ANSWER_DOWNLOAD, 703, NULL},
            [CAUSE_NOT_FOUND] = {ANSWER_DOWNLOAD, 706, NULL},
            [CAUSE_TIMEOUT] = {ANSWER_DOWNLOAD, 704, NULL},
            [CAUSE_TOO_LARGE] = {ANSWER_DOWNLOAD, 708, NULL},
            [CAUSE_STORE] = {ANSWER_DOWNLOAD, 707, NULL},
            [CAUSE_LENGTH] = {ANSWER_DOWNLOAD, 701, "5 table 1"},
            [CAUSE_PACKAGE] = {ANSWER_UPDATE, 506, NULL},
            [CAUSE_MISMATCH] = {ANSWER_UPDATE, 511, NULL},
            [CAUSE_NO_PACKAGE] = {ANSWER_UPDATE, 505, NULL},
            [CAUSE_UPDATE] = {ANSWER_UPDATE, 504, NULL},
            [CAUSE_RESTORE] = {ANSWER_UPDATE, 510, NULL},
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
    .forced_upgrade = false, /* [3.2 note 3] tells of RESTORE alone */
    .reboot_on_failure = false,
    .keeps_package = false,
    .banner = banner,
    .timing = {.start = 1000,
               .settle = 1000,
               .reset = 2000,
               .boot = 3000,
               .ready = 2000,
               .registered = 1000,
               .reboot = 2000,
               .connect = 20000,
               .connect_pause = 3000,
               .silence = 20000,
               .connect_tries = 6,
               .resumes = 3},
    .radio = {.rssi_dbm = -61, /* from the guide's [4.1] */
              .ber = 99,
              .operator_format = 0,
              .operator_name = "Telstra Mobile Telstra",
              .cesq = "99,99,255,255,24,55",
              .access = 7,
              .creg = 1,
              .cgreg = 1,
              .cereg = 1,
              .imei = "866425030000041",
              .imsi = "505013400000041",
              .address = "10.10.96.17"},
    .rates = "9600,19200,38400,57600,115200,230400,460800,921600",
    .factory_rate = 115200,

    .files_root = "/datatx",
    .list_prefix = "",
    .ca_file = "/datatx/fota_cacert.pem",
    .cert_file = "/datatx/fota_client_cert.pem",
    .key_file = "/datatx/fota_client_key.pem",
};
