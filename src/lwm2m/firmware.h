/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The state machine of the Firmware Update object (/5/0), of a client.
 *
 * Layer: lwm2m. One table, firmware.c, is the machine: a row for each state
 * and event that is legal or has an answer of its own. What the rows cause
 * (store, fetch, reset) is done by the ops of who has the flash.
 * source   OMA LwM2M 1.0 appendix E.6, 1.1 Core appendix E.6
 */
#ifndef DFOTA_LWM2M_FIRMWARE_H
#define DFOTA_LWM2M_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIRMWARE_URI_MAX = 255 };

/* /5/0/3 */
enum firmware_state {
    FIRMWARE_IDLE,
    FIRMWARE_DOWNLOADING,
    FIRMWARE_DOWNLOADED,
    FIRMWARE_UPDATING,
};

/* /5/0/5 */
enum firmware_result {
    FIRMWARE_INITIAL,
    FIRMWARE_SUCCESS,
    FIRMWARE_NO_FLASH,
    FIRMWARE_NO_RAM,
    FIRMWARE_LOST,
    FIRMWARE_INTEGRITY,
    FIRMWARE_BAD_PACKAGE,
    FIRMWARE_BAD_URI,
    FIRMWARE_FAILED,
    FIRMWARE_BAD_PROTOCOL,
    FIRMWARE_CANCELLED, /* object version 1.1 */
};

/* What happens to the machine. */
enum firmware_event {
    FIRMWARE_ON_PACKAGE, /* the first bytes of a Write of /5/0/0 */
    FIRMWARE_ON_URI,
    FIRMWARE_ON_BAD_URI,
    FIRMWARE_ON_BAD_SCHEME,
    FIRMWARE_ON_RESET,     /* '' to the URI, '' or one NUL to the package */
    FIRMWARE_ON_TOO_LARGE, /* a package was refused before its first byte */
    FIRMWARE_ON_EXECUTE,   /* /5/0/2 */
    FIRMWARE_ON_CANCEL,    /* /5/0/10 */
    FIRMWARE_ON_COMPLETE,
    FIRMWARE_ON_NO_FLASH,
    FIRMWARE_ON_NO_RAM,
    FIRMWARE_ON_LOST,
    FIRMWARE_ON_INTEGRITY,
    FIRMWARE_ON_BAD_PACKAGE,
    FIRMWARE_ON_FETCH_URI,    /* a fetch found the URI to be bad */
    FIRMWARE_ON_FETCH_SCHEME, /* or that this end does not speak it */
    FIRMWARE_ON_UPDATED,
    FIRMWARE_ON_FAILED,
    FIRMWARE_EVENTS
};

struct firmware_ops {
    /* A package begins: what was stored is void. errors: E_BUSY another
     * update has the module (4.00), E_FULL, E_FLASH.. (Result 2) */
    int (*begin)(void *ctx);
    /* errors: E_FULL, E_NOMEM, others as integrity */
    int (*write)(void *ctx, const void *data, size_t len);
    /* Everything is stored: verify it. errors: as the checker says */
    int (*finish)(void *ctx);
    /* Drop the package that is or was being stored, and stop a fetch. */
    void (*erase)(void *ctx);
    /* Look at a URI without acting. errors: E_ARG no URI, E_UNSUPPORTED the
     * scheme, E_BUSY another update has the module */
    int (*check)(void *ctx, const char *uri);
    /* Begin to fetch, going on where an earlier try of this URI ended if
     * resume; firmware_fetched() tells the end, never from inside. */
    void (*fetch)(void *ctx, const char *uri, bool resume);
    /* State, result or URI changed: store firmware_kept, before the answer
     * leaves; tell observers. */
    void (*changed)(void *ctx);
    /* Apply the package: called once the answer to Execute has left. The
     * module resets; firmware_boot() tells the outcome. */
    void (*update)(void *ctx);
};

/* What must survive a reset. */
struct firmware_kept {
    uint8_t state, result;
    bool pulling; /* the download is a fetch of uri */
    /* Version 1.1: kept for who wrote them; this module updates at once. */
    uint8_t severity;  /* /5/0/11: 0 critical, 1 mandatory, 2 optional */
    uint32_t defer_s;  /* /5/0/13 */
    int64_t changed_s; /* /5/0/12: since the epoch */
    char uri[FIRMWARE_URI_MAX + 1];
};

struct firmware {
    const struct firmware_ops *ops;
    void *ctx;
    bool v11; /* object version 1.1 */
    struct firmware_kept kept;
};

/** Version 1.1 of the object, or 1.0; state Idle. */
void firmware_init(struct firmware *f, const struct firmware_ops *ops,
                   void *ctx, bool v11);

/* What a boot finds. */
enum firmware_found {
    FIRMWARE_FOUND_NOTHING, /* nothing was tried */
    FIRMWARE_FOUND_UPDATED, /* the new version runs */
    FIRMWARE_FOUND_FAILED,  /* the update was tried and failed */
};

/**
 * The module has booted with what it had kept.
 *
 * stored   a valid package is on flash
 * A download by URI goes on; one by Write cannot.
 */
void firmware_boot(struct firmware *f, const struct firmware_kept *kept,
                   enum firmware_found found, bool stored);

/** Apply one event. returns the CoAP code of the answer to the request that
 * it was (events that are none: 0) */
uint8_t firmware_event(struct firmware *f, enum firmware_event e);

/** Write of /5/0/1. returns the code of the answer */
uint8_t firmware_write_uri(struct firmware *f, const char *uri, size_t len);

/** The fetch is over. err: 0, or why: E_FULL, E_NOMEM, E_CONNECT and
 * E_TIMEOUT (lost), E_ARG (URI), E_UNSUPPORTED (scheme), E_CLASS, E_SOURCE..
 * (unsupported package), anything else integrity */
void firmware_fetched(struct firmware *f, int err);

/** Bytes of a Write of /5/0/0 that FIRMWARE_ON_PACKAGE let in. errors: those
 * of the ops; the machine has taken note */
int firmware_write(struct firmware *f, const void *data, size_t len);

/** That Write is whole: verify. errors: as firmware_write() */
int firmware_finish(struct firmware *f);

/** The event that an error of storing or verifying is. */
enum firmware_event firmware_event_of(int err);

#endif
