/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BG96 with SoftBank's polling. Sections are those of "BG96 SoftBank DFOTA
 * Application Note" V1.0;
 * docs/modules/bg96-softbank.md lists what it leaves open.
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
     "+COPS: (2,\"SoftBank\",\"SoftBank\",\"44020\",7)"
     ",,(0-4),(0-2)",
     NULL},
    {"+WS46", T, NULL, "+WS46: (12,28,30,31)", NULL},
    {"+QICSGP", W | T, at_qicsgp, "+QICSGP: (1-15),(1-3),<apn>", NULL},
    {"+QIACT", R | W | T, at_qiact, "+QIACT: (1-15)", NULL},
    {"+QIDEACT", W | T, at_qideact, "+QIDEACT: (1-15)", NULL},
    {"+QCFGEXT", W | T, at_qcfgext, NULL, "4.2.1, 4.2.2"},
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

static const struct extension extensions[] = {
    {"sbfota_delay", ext_delay, "4.2.1"},
    {"sbfota_accept", ext_accept, "4.2.2"},
    {NULL, NULL, NULL},
};

/* [7] table 1, what the server itself answers */
static const uint16_t numbers[] = {800, 801, 802, 803, 804, 805, 806, 807,
                                   808, 809, 810, 811, 812, 813, 814, 815,
                                   850, 851, 852, 853, 854, 855, 880, 0};

static const struct polling polling = {
    .words =
        {.tag = "SBFOTA",
         .downloading = {.first = 10, .step = 10, .blank = true, .sign = true},
         .updating = {.first = 6, .step = 6, .blank = true, .sign = true},
         .restore = {.first = 4, .step = 4, .blank = true, .sign = true},
         .restore_resumed =
             {.first = 1, .step = 2, .blank = true, .sign = true},
         .resume_word = "update",
         .resume_blank = true,
         .source = "5.3, 6"},
    .first_s = 14 * 86400,
    .again_s = 14 * 86400,
    .spread_s = 86400,
    .model = "BG96",
    .nothing_new = 802,
    .numbers = numbers,
    .rolled_back = 504,
    .source = "2",
};

static const char *const also[] = {NULL};
static const char *const models[] = {"BG96", NULL};
static const char *const banner[] = {"RDY", "APP RDY", NULL};

const struct dialect dialect_bg96_softbank;
const struct dialect dialect_bg96_softbank = {
    .name = "bg96-softbank",
    .also = also,
    .source = "BG96 SoftBank DFOTA Application Note V1.0",
    .manufacturer = "Quectel",
    .model = models,
    .revision_prefix = "",
    .commands = commands,

    .fota_forms = FOTA_URL | FOTA_LOCAL,
    .url = {.schemes = URL_HTTP | URL_HTTPS,
            .max = 255,
            .ports = {80, 80, 80, 80}},
    .local_file = "/fota/update.zip",
    .words = {.tag = "FOTA",
              .downloading = {.step = 0},
              .updating = {.first = 1, .step = 1, .sign = true},
              .restore = {.first = 1, .step = 1, .sign = true},
              .restore_resumed = {.first = 1, .step = 1, .sign = true},
              .resume_word = "upgrade",
              .resume_blank = false,
              .source = NULL},
    .answers =
        {
            [CAUSE_NONE] = {ANSWER_UPDATE, 0, "7 table 2"},
            [CAUSE_OFFLINE] = {ANSWER_DOWNLOAD, 702, "7 table 1"},
            [CAUSE_LOST] = {ANSWER_DOWNLOAD, 702, "7 table 1"},
            [CAUSE_CONNECT] = {ANSWER_DOWNLOAD, 702, "7 table 1"},
            [CAUSE_TLS] = {ANSWER_DOWNLOAD, 701, "7 table 1"},
            [CAUSE_URL] = {ANSWER_DOWNLOAD, 703, "7 table 1"},
            [CAUSE_STATUS] = {ANSWER_DOWNLOAD, 703, "7 table 1"},
            [CAUSE_NOT_FOUND] = {ANSWER_DOWNLOAD, 706, "7 table 1"},
            [CAUSE_TIMEOUT] = {ANSWER_DOWNLOAD, 704, "7 table 1"},
            [CAUSE_TOO_LARGE] = {ANSWER_DOWNLOAD, 708, "7 table 1"},
            [CAUSE_STORE] = {ANSWER_DOWNLOAD, 707, "7 table 1"},
            [CAUSE_LENGTH] = {ANSWER_DOWNLOAD, 701, "7 table 1"},
            [CAUSE_PACKAGE] = {ANSWER_UPDATE, 506, "7 table 2"},
            [CAUSE_MISMATCH] = {ANSWER_UPDATE, 511, "7 table 2"},
            [CAUSE_NO_PACKAGE] = {ANSWER_UPDATE, 505, "7 table 2"},
            [CAUSE_UPDATE] = {ANSWER_UPDATE, 504, "7 table 2"},
            [CAUSE_RESTORE] = {ANSWER_UPDATE, 510, "7 table 2"},
            [CAUSE_MEMORY] = {ANSWER_UPDATE, 512, "7 table 2"},
            [CAUSE_BUSY] = {ANSWER_ERROR, 0, NULL},
            [CAUSE_WORN] = {ANSWER_UPDATE, 512, NULL},
            [CAUSE_PARAMETER] = {ANSWER_ERROR, 0, NULL},
        },
    .texts = texts,
    .extensions = extensions,
    .polling = &polling,

    .memory = {.sector = 4096,
               .slot = 4194304,
               .backup = 0,
               .package = 6291456,
               .erase_ms = 30,
               .program_us = 400},
    .dumb_from = DUMB_FROM_START,
    .forced_upgrade = false, /* [5.3 note 2] */
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
               .resumes = 0},
    .radio = {.rssi_dbm = -61,
              .ber = 99,
              .operator_format = 0,
              .operator_name = "SoftBank",
              .cesq = "99,99,255,255,24,55",
              .access = 7,
              .creg = 1,
              .cgreg = 1,
              .cereg = 1,
              .imei = "866425030000058",
              .imsi = "440201340000058",
              .address = "10.10.97.17"},
    .rates = "9600,19200,38400,57600,115200,230400,460800,921600",
    .factory_rate = 115200,

    .files_root = "/datatx",
    .list_prefix = "",
    .ca_file = "/datatx/fota_cacert.pem",
    .cert_file = "/datatx/fota_client_cert.pem",
    .key_file = "/datatx/fota_client_key.pem",
};
