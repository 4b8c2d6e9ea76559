/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What makes one module family differ from another: data.
 *
 * Layer: modem. One file a family, dialects/<name>.c, defines one
 * `const struct dialect dialect_<name>` (a - in the name becomes _); the
 * build finds the files. The driver never asks which dialect it has, only
 * what the dialect's tables say.
 */
#ifndef DFOTA_MODEM_DIALECT_H
#define DFOTA_MODEM_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modem/syntax.h"
#include "modem/url.h"

struct module;

/* Why something went wrong, in no dialect's words. */
enum cause {
    CAUSE_NONE,
    CAUSE_OFFLINE,    /* not registered, or no data link, at the start */
    CAUSE_LOST,       /* the network went away during the download */
    CAUSE_CONNECT,    /* name not resolved, refused, no way there */
    CAUSE_TLS,        /* TLS or DTLS; an answer that is no HTTP or CoAP;
                       * anything that has no row of its own */
    CAUSE_URL,        /* passed the command's check, cannot be used */
    CAUSE_STATUS,     /* 3xx, 4xx but the next, 5xx */
    CAUSE_NOT_FOUND,  /* 404, 410, CoAP 4.04 */
    CAUSE_TIMEOUT,    /* no data for the time-out */
    CAUSE_TOO_LARGE,  /* larger than the package area */
    CAUSE_STORE,      /* the package could not be stored */
    CAUSE_LENGTH,     /* more bytes than announced, or a wrong digest */
    CAUSE_PACKAGE,    /* malformed, signature, counter */
    CAUSE_MISMATCH,   /* other firmware, class or geometry */
    CAUSE_NO_PACKAGE, /* nothing stored */
    CAUSE_UPDATE,     /* flash fails while updating */
    CAUSE_RESTORE,    /* flash fails while restoring */
    CAUSE_MEMORY,     /* arena or memory short */
    CAUSE_BUSY,       /* a second start while one runs */
    CAUSE_WORN,       /* the update counter is at its end */
    CAUSE_PARAMETER,  /* the command's parameters */
    CAUSE_COUNT
};

/* How a cause is told. */
enum answer_form {
    ANSWER_ERROR,    /* ERROR */
    ANSWER_CME,      /* +CME ERROR: <number> */
    ANSWER_DOWNLOAD, /* HTTPEND or COAPEND,<number> */
    ANSWER_UPDATE,   /* END,<number> */
};

struct answer {
    enum answer_form form;
    uint16_t number;
    const char *source; /* section of the dialect's document; NULL: ours */
};

/* The stages that have a URC; their words are the same in every family. */
enum stage {
    STAGE_HTTPSTART,
    STAGE_COAPSTART,
    STAGE_DOWNLOADING,
    STAGE_HTTPEND,
    STAGE_COAPEND,
    STAGE_UPDATE_TIMEOUT,
    STAGE_RESETTING,
    STAGE_START,
    STAGE_UPDATING,
    STAGE_RESTORE,
    STAGE_END,
};

/* How a percentage is counted and printed. */
struct percent {
    uint8_t first; /* the first value printed */
    uint8_t step;  /* to the next; 0: the stage prints none */
    bool blank;    /* a blank before the number */
    bool sign;     /* a % behind it */
};

/* How an update is told on the line. Who triggered it decides which. */
struct wording {
    const char *tag; /* of +QIND */
    struct percent downloading, updating, restore;
    struct percent restore_resumed; /* RESTORE after a power cut */
    /* What a resumed RESTORE says first, in two parts that the documents
     * spell differently. NULL: nothing */
    const char *resume_word; /* "upgrade", "update" */
    bool resume_blank;       /* a blank behind its comma */
    const char *source;      /* sections */
};

/* Where DFOTA mode (no answer to anything) begins. */
enum dumb_from {
    DUMB_FROM_RESETTING, /* with the URC RESETTING */
    DUMB_FROM_RESET,     /* a reset that is not announced */
    DUMB_FROM_START,     /* with the URC START */
};

/* Forms of the update command that a family has, or'ed. */
enum {
    FOTA_URL = 1,
    FOTA_LOCAL = 2,    /* =1 */
    FOTA_COM = 4,      /* ="COM:",<size>[,<timeout>] */
    FOTA_EXTENDED = 8, /* =3 =4 =5 */
};

/* All in milliseconds of the module's time; --speed scales them. */
struct timing {
    uint32_t start;      /* OK to the first URC */
    uint32_t settle;     /* end of download to the reset */
    uint32_t reset;      /* a reset that ends in START */
    uint32_t boot;       /* power on to the first banner */
    uint32_t ready;      /* between two lines of the banner */
    uint32_t registered; /* end of the banner to registration */
    uint32_t reboot;     /* END to the reset */
    uint32_t connect;    /* one try to connect */
    uint32_t connect_pause;
    uint32_t silence; /* no data for so long is a time-out */
    uint8_t connect_tries;
    uint8_t resumes;
};

struct memory {
    uint32_t sector;     /* bytes */
    uint32_t slot;       /* bytes */
    uint32_t backup;     /* bytes; 0: as large as the slot */
    uint32_t package;    /* bytes of the package area */
    uint32_t erase_ms;   /* to erase one sector */
    uint32_t program_us; /* to program 256 bytes */
};

/* One call of a command, its parameters typed. */
struct at_call {
    const struct syntax_command *command;
    const struct syntax_params *params;
};

/* What a handler returns: AT_OK, AT_ERROR, AT_LATER, or a CME number > 0. */
enum { AT_OK = 0, AT_ERROR = -1, AT_LATER = -2 };

typedef int at_handler(struct module *m, const struct at_call *call);

/* A row of the command table. */
struct command {
    const char *name;    /* upper case, with its + or & */
    uint8_t forms;       /* FORM_* or'ed: others are ERROR */
    at_handler *handler; /* NULL: OK and nothing else */
    const char *test;    /* information of =?; NULL: OK alone; "": the
                          * handler knows it */
    const char *source;  /* section of the document; NULL: general */
};

/* A key of AT+QCFGEXT. */
struct extension {
    const char *key;
    at_handler *handler;
    const char *source;
};

/* A module that asks a server for updates by itself. Seconds. */
struct polling {
    struct wording words;
    uint32_t first_s, again_s; /* to the first poll, to each further one */
    uint32_t spread_s;         /* added, random */
    const char *model;         /* what the server knows it as */
    /* What the server may answer that means "nothing new". */
    uint16_t nothing_new;
    /* Its own numbers, 0 at the end; others are taken for unknown. */
    const uint16_t *numbers;
    uint16_t rolled_back; /* END's number that a roll-back is reported with */
    const char *source;
};

/* What the radio answers when it is registered at home. */
struct radio_profile {
    int16_t rssi_dbm;
    uint8_t ber;             /* of +CSQ */
    uint8_t operator_format; /* of +COPS: 0 long name, 2 number */
    const char *operator_name;
    const char *cesq;           /* information of +CESQ */
    uint8_t access;             /* AcT of +COPS and +CxREG=2 */
    uint8_t creg, cgreg, cereg; /* <stat> */
    const char *imei, *imsi, *address;
};

struct number_text {
    uint16_t number;
    const char *text; /* for AT+CMEE=2 */
};

struct dialect {
    const char *name;               /* also the device class */
    const char *const *also;        /* other --model names, NULL at the end */
    const char *source;             /* document that the rows cite */
    const char *manufacturer;       /* AT+CGMI and the first line of ATI */
    const char *const *model;       /* AT+CGMM: per name, own name first */
    const char *revision_prefix;    /* AT+CGMR before the version */
    const struct command *commands; /* beside the common ones, and before
                                     * them; name NULL at the end */

    /* The update command and its URCs. */
    uint8_t fota_forms;
    struct url_rules url;
    const char *local_file; /* what =1 updates from, gone after a success;
                             * NULL: the package area */
    /* ="<folder><file>" updates from a file of this folder, and takes it
     * away at once; NULL: no such form */
    const char *path_folder;
    const char *after_download; /* a line behind xxxEND,0; NULL: none */
    bool needs_context;         /* a URL wants an active data context */
    uint32_t updates_max;       /* in a device's life; 0: no limit */
    uint32_t com_max;           /* bytes that ="COM:" takes */
    struct wording words;       /* of what AT triggers */
    struct answer answers[CAUSE_COUNT];
    const struct number_text *texts;    /* text NULL at the end */
    const struct extension *extensions; /* key NULL at the end; or NULL */
    const struct polling *polling;      /* NULL: only hosts trigger */

    /* Memory and what a reset looks like. */
    struct memory memory;
    enum dumb_from dumb_from;
    bool forced_upgrade;       /* a cut in UPDATING: the next boot goes on;
                                * else the image that runs stays */
    uint32_t dumb_rate;        /* bit/s in DFOTA mode, 0: the one it had */
    bool dumb_rate_adaptive;   /* that only when AT+IPR is 0 */
    bool reboot_on_failure;    /* also after an END other than 0 */
    bool keeps_package;        /* a stored package outlives a power-off */
    const char *const *banner; /* lines after a boot, NULL at the end */
    bool silent_adaptive;      /* no banner when AT+IPR is 0 */
    struct timing timing;
    struct radio_profile radio;
    const char *rates;     /* that AT+IPR takes, commas between */
    uint32_t factory_rate; /* bit/s; 0: adaptive */

    /* Files. */
    const char *files_root;  /* where bare names lie; NULL: no files */
    const char *list_prefix; /* of a name that AT+QFLST prints */
    const char *ca_file, *cert_file, *key_file; /* TLS files; NULL: none */
    const char *psk_file; /* of coaps, link/psk_file.h; NULL: none */

    bool lwm2m; /* a LwM2M client that updates, too */
};

/** Commands that every family has; name NULL at the end (commands.c). */
extern const struct command common_commands[];

/** The row of a command: the dialect's own, else the common one, else NULL.
 * name: upper case, with its + or & */
const struct command *dialect_command(const struct dialect *d,
                                      const char *name);

/** Call for every command there is, each once. */
void dialect_commands(const struct dialect *d,
                      void (*each)(void *ctx, const struct command *c),
                      void *ctx);

/** The dialect of that name (or of a model that speaks it). NULL: none.
 * model: out, what AT+CGMM says. */
const struct dialect *dialect_find(const char *name, const char **model);

/** The dialects built in, ended by NULL. Made by the build. */
extern const struct dialect *const dialects[];

#endif
