/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BG95 and BG77. Numbers in brackets are sections of "BG95&BG77 DFOTA
 * Application Note" V1.0; docs/modules/bg95.md lists what it leaves open.
 */
#include "modem/handlers.h"

enum {
    X = FORM_EXEC,
    R = FORM_READ,
    W = FORM_WRITE,
    T = FORM_TEST,
};

static const struct command commands[] = {
    {"&D", X, at_d, NULL, "2.1.6"},
    {"+CSQ", X | T, at_csq, "+CSQ: (0-31,99),(0-7,99)", "2.1.4"},
    {"+CESQ", X | T, at_cesq,
     "+CESQ: (0-63,99),(0-7,99),(255),(255),(0-34,255),(0-97,255)", NULL},
    {"+CREG", R | W | T, at_creg, "+CREG: (0-2)", NULL},
    {"+CGREG", R | W | T, at_cgreg, "+CGREG: (0-2)", "2.1.4"},
    {"+CEREG", R | W | T, at_cereg, "+CEREG: (0-2)", "2.1.4"},
    {"+COPS", R | W | T, at_cops,
     "+COPS: (2,\"Telstra Mobile Telstra\",\"Telstra\",\"50501\",8)"
     ",,(0-4),(0-2)",
     "2.1.4"},
    {"+WS46", T, NULL, "+WS46: (12,28,30,31)", NULL},
    {"+QICSGP", W | T, at_qicsgp, "+QICSGP: (1-15),(1-3),<apn>", NULL},
    {"+QIACT", R | W | T, at_qiact, "+QIACT: (1-15)", NULL},
    {"+QIDEACT", W | T, at_qideact, "+QIDEACT: (1-15)", NULL},
    {"+QCFGEXT", W | T, at_qcfgext, NULL, "2.2.2"},
    {"+QFUPL", W | T, at_qfupl, NULL, "2.2.1.1 note 4"},
    {"+QFLST", X | W | T, at_qflst, NULL, NULL},
    {"+QFDEL", W | T, at_qfdel, NULL, NULL},
    {"+QFDWL", W | T, at_qfdwl, NULL, NULL},
    {"+QFLDS", X | W | T, at_qflds, NULL, NULL},
    {"+QFOTADL", W | T, at_qfotadl, NULL, "2.2.1"},
    {"+QLWCFG", W | T, at_qlwcfg,
     "+QLWCFG: \"security\",(0-2),(1-65534),<server_addr>,(0,1),(0,2,3),"
     "<pskID>,<psk_key>",
     NULL},
    {"+QLWREG", X | T, at_qlwreg, NULL, NULL},
    {"+QLWUPDATE", X | T, at_qlwupdate, NULL, NULL},
    {"+QLWDEREG", X | T, at_qlwdereg, NULL, NULL},
    {"+QLWSTAT", R | T, at_qlwstat, NULL, NULL},
    {NULL, 0, NULL, NULL, NULL},
};

/* [5] tables 1 to 3 */
static const struct number_text texts[] = {
    {590, "Input parameter invalid"},
    {591, "DFOTA is ongoing"},
    {0, NULL},
};

static const struct extension extensions[] = {
    {"fota_apn", ext_apn, "2.2.2"},
    {NULL, NULL, NULL},
};

static const char *const also[] = {"bg77", NULL};
static const char *const models[] = {"BG95-M3", "BG77", NULL};
static const char *const banner[] = {"RDY", "APP RDY", NULL};

const struct dialect dialect_bg95;
const struct dialect dialect_bg95 = {
    .name = "bg95",
    .also = also,
    .source = "BG95&BG77 DFOTA Application Note V1.0",
    .manufacturer = "Quectel",
    .model = models,
    .revision_prefix = "",
    .commands = commands,

    .fota_forms = FOTA_URL | FOTA_LOCAL | FOTA_COM | FOTA_EXTENDED,
    .url = {.schemes = URL_HTTP | URL_HTTPS | URL_COAP | URL_COAPS,
            .max = 700, /* [2.2.1.1] */
            .ports = {80, 80, 80, 80}},
    .local_file = NULL, /* a package area of its own [2.2.1.3] */
    .com_max = 6291456,
    .words = {.tag = "FOTA",
              .downloading = {.first = 5, .step = 5, .sign = true},
              .updating = {.first = 1, .step = 1, .sign = true},
              .restore = {.step = 0}, /* copying is part of UPDATING */
              .source = "2.2.1.1, 2.2.1.2, 4.1"},
    .answers =
        {
            [CAUSE_NONE] = {ANSWER_UPDATE, 0, "5 table 2"},
            [CAUSE_OFFLINE] = {ANSWER_DOWNLOAD, 702, "5 table 1"},
            [CAUSE_LOST] = {ANSWER_DOWNLOAD, 702, "5 table 1"},
            [CAUSE_CONNECT] = {ANSWER_DOWNLOAD, 702, "5 table 1"},
            [CAUSE_TLS] = {ANSWER_DOWNLOAD, 701, "5 table 1"},
            [CAUSE_URL] = {ANSWER_DOWNLOAD, 705, "5 table 1"},
            [CAUSE_STATUS] = {ANSWER_DOWNLOAD, 703, "5 table 1"},
            [CAUSE_NOT_FOUND] = {ANSWER_DOWNLOAD, 706, "5 table 1"},
            [CAUSE_TIMEOUT] = {ANSWER_DOWNLOAD, 704, "5 table 1"},
            [CAUSE_TOO_LARGE] = {ANSWER_DOWNLOAD, 708, "5 table 1"},
            [CAUSE_STORE] = {ANSWER_DOWNLOAD, 707, "5 table 1"},
            [CAUSE_LENGTH] = {ANSWER_DOWNLOAD, 710, "5 table 1"},
            [CAUSE_PACKAGE] = {ANSWER_UPDATE, 506, "5 table 2"},
            [CAUSE_MISMATCH] = {ANSWER_UPDATE, 511, "5 table 2"},
            [CAUSE_NO_PACKAGE] = {ANSWER_UPDATE, 505, "5 table 2"},
            [CAUSE_UPDATE] = {ANSWER_UPDATE, 504, "5 table 2"},
            [CAUSE_RESTORE] = {ANSWER_UPDATE, 504, "5 table 2"},
            [CAUSE_MEMORY] = {ANSWER_UPDATE, 512, "5 table 2"},
            [CAUSE_BUSY] = {ANSWER_CME, 591, "5 table 3"},
            [CAUSE_WORN] = {ANSWER_UPDATE, 512, NULL},
            [CAUSE_PARAMETER] = {ANSWER_CME, 590, "5 table 3"},
        },
    .texts = texts,
    .extensions = extensions,

    .memory = {.sector = 4096,
               .slot = 4194304,
               .backup = 65536,
               .package = 6291456,
               .erase_ms = 30,
               .program_us = 400},
    .dumb_from = DUMB_FROM_RESETTING, /* [2.2.1.1 note 1] */
    .forced_upgrade = true,           /* [2.2.1.1 note 3] */
    .dumb_rate = 115200,              /* [2.2.1.1 note 1] */
    .reboot_on_failure = true,
    .keeps_package = true,
    .banner = banner,
    .timing = {.start = 1000,
               .settle = 1000,
               .reset = 5000,
               .boot = 3000,
               .ready = 2000,
               .registered = 1000,
               .reboot = 2000,
               .connect = 20000,
               .connect_pause = 3000,
               .silence = 20000,
               .connect_tries = 6,
               .resumes = 3},
    .radio = {.rssi_dbm = -61,
              .ber = 99,
              .operator_format = 0,
              .operator_name = "Telstra Mobile Telstra",
              .cesq = "99,99,255,255,24,55",
              .access = 8,
              .creg = 1,
              .cgreg = 4, /* [4.1] */
              .cereg = 1,
              .imei = "866425030000017",
              .imsi = "505013400000017",
              .address = "10.10.80.17"},
    .rates = "9600,19200,38400,57600,115200,230400,460800,921600",
    .factory_rate = 115200,

    .files_root = "/datatx", /* [2.2.1.1 note 4] */
    .list_prefix = "",
    .ca_file = "/datatx/fota_cacert.pem",
    .cert_file = "/datatx/fota_client_cert.pem",
    .key_file = "/datatx/fota_client_key.pem",
    .psk_file = "/datatx/fota_psk.txt", /* ours: docs/decisions/0702 */

    .lwm2m = true, /* [3] */
};
