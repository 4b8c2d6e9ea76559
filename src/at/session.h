/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One firmware update of one module, driven over its AT port.
 *
 * Layer: at (freestanding, no I/O, no memory of its own). The caller owns
 * the port and the clock: it feeds received bytes and the time, sends what
 * output() hands out, and says when the port went and came back. The session
 * says what happens by events and ends with a verdict.
 *
 * Invariants
 *  1. A verdict comes at the overall deadline at the latest.
 *  2. No byte goes out between the first sign of DFOTA mode (or the accepted
 *     trigger's HTTPEND,0 or local start) and the sign of a normal boot, END
 *     plus the reboot deadline, or a whole silent stage.
 *  3. Between a trigger and the module's next answer with its version there
 *     is no second trigger.
 *  4. Success is the version that the module reports, never END alone.
 *
 * States and their picture: docs/design-host.md.
 */
#ifndef DFOTA_AT_SESSION_H
#define DFOTA_AT_SESSION_H

#include "at/chat.h"
#include "at/family.h"
#include "at/line.h"
#include "at/text.h"
#include "at/urc_reader.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_VERSION_ROOM 64
#define DFOTA_SESSION_NO_PERCENT (-1)

enum dfota_event {
    DFOTA_EVENT_STAGE,   /* dfota_session_stage() is new; value: the stage */
    DFOTA_EVENT_PERCENT, /* value: 0..100, of the stage */
    DFOTA_EVENT_SENT,    /* session.sent of config.package_len bytes went */
    DFOTA_EVENT_VERSION, /* session.version was read */
    DFOTA_EVENT_RECORD,  /* keep dfota_session_record() */
    DFOTA_EVENT_RETRY,   /* value: milliseconds until the next try */
    DFOTA_EVENT_WARNING  /* value: enum dfota_warning */
};

enum dfota_warning {
    DFOTA_WARNING_END,      /* new version although END was not 0 */
    DFOTA_WARNING_NO_END,   /* new version although END never came */
    DFOTA_WARNING_ATTACHED, /* an update was running already: followed */
    DFOTA_WARNING_NETWORK,  /* the module cannot say if it is registered */
    DFOTA_WARNING_CHECKSUM, /* the upload arrived damaged: once more */
    DFOTA_WARNING_APN,      /* the module kept its own APN: gone on */
    DFOTA_WARNING_COUNT
};

enum dfota_outcome {
    DFOTA_OUTCOME_NONE, /* still running */
    DFOTA_OUTCOME_DONE,
    DFOTA_OUTCOME_FAILED,
    DFOTA_OUTCOME_UNKNOWN /* a time-out: the module may yet succeed */
};

struct dfota_verdict {
    uint8_t outcome; /* enum dfota_outcome */
    uint8_t stage;   /* enum dfota_at_stage */
    uint8_t kind;    /* enum dfota_class, gives the advice */
    bool has_number;
    int32_t number;  /* the module's */
    uint8_t meaning; /* enum dfota_meaning */
};

struct dfota_session_config {
    const struct dfota_family *const *families;
    size_t families_count;
    const struct dfota_family *family; /* NULL: by what ATI says */
    const char *url;                   /* NULL: upload the package */
    const char *apn;                   /* NULL: leave the module's */
    const char *to_version;            /* NULL: any other version will do */
    uint32_t package_len;              /* bytes, without url */
    /* Read len package bytes at off; must not fail. Without url only. */
    void (*read)(void *ctx, uint32_t off, uint8_t *out, size_t len);
    void (*event)(void *ctx, enum dfota_event event, int32_t value);
    void *ctx;
    bool usb; /* the port dies in DFOTA mode: its return is a normal boot */
    bool flow_control; /* the port has it: uploads need no acknowledgement */
    uint32_t timeout_ms[DFOTA_TIMEOUT_COUNT];
};

/* What a session knows about an update that may be running. */
struct dfota_at_progress {
    uint8_t stage;         /* enum dfota_at_stage */
    uint8_t triggered;     /* an update may be running */
    uint8_t begun;         /* START, UPDATING, RESTORE or a banner since */
    uint8_t have_end;      /* END since begun */
    uint8_t adaptive;      /* the module's rate follows the host's */
    uint8_t network_tries; /* of class network that failed */
    uint8_t module_tries;  /* of class module that failed */
    uint8_t zero;
    int32_t end; /* number of END; -1: it had none */
};

/*
 * What a host must keep over its own death, as one record in its flash: this
 * struct as it lies in memory, in the host's own byte order. Written only by
 * dfota_session_record(), understood only by dfota_session_resume().
 */
#define DFOTA_RECORD_MAGIC 0xA702 /* the lower byte changes with the layout */

struct dfota_at_record {
    uint32_t magic; /* DFOTA_RECORD_MAGIC */
    struct dfota_at_progress kept;
    char old_version[DFOTA_VERSION_ROOM]; /* NUL-padded; "": not known */
    uint32_t crc;                         /* CRC-32 of the bytes before */
};

/* In an order in which a Cortex-M0 reaches most in one instruction. */
struct dfota_session {
    uint8_t state;
    uint8_t step; /* within the state */
    bool entered; /* the state function has had WHY_ENTER */
    bool timer_on;
    bool booted;  /* a boot banner, and nothing of an update since */
    bool may_ask; /* silence for this stage's deadline permits AT */
    bool refused; /* the trigger was, which may mean busy */
    bool doubt;   /* a failed download was reported, what follows refutes */
    bool data_mode;
    bool silent;   /* a download that prints no percents */
    bool listened; /* for a whole update deadline, in vain */
    uint8_t restarts;
    struct dfota_at_progress kept;
    const struct dfota_session_config *config;
    const struct dfota_family *family;
    const struct dfota_step *script; /* the step of the family's it is at */
    uint32_t now;
    uint32_t timer_at;
    uint32_t until;  /* end of a state that sends several commands */
    uint32_t sent;   /* package bytes handed out */
    uint32_t window; /* package bytes that may be */
    int32_t percent; /* of the stage; DFOTA_SESSION_NO_PERCENT */
    struct dfota_chat chat;
    struct dfota_verdict verdict;
    uint32_t overall_at;
    uint16_t sum; /* of the package bytes handed out */
    uint8_t upload_tries;
    struct dfota_line line;
    char number[DFOTA_NUMBER_ROOM];
    char old_version[DFOTA_VERSION_ROOM]; /* "" when it is not known */
    char version[DFOTA_VERSION_ROOM];     /* what the module said last */
};

/** Fill timeout_ms with the defaults; the rest becomes 0 and NULL. */
void dfota_session_defaults(struct dfota_session_config *config);

/**
 * Begin. The first thing a session does is listen.
 *
 * config   borrowed until the verdict
 * errors   E_ARG no way to get the package, a URL or APN that cannot go
 *          between quotes, or a package that is empty
 */
int dfota_session_init(struct dfota_session *session,
                       const struct dfota_session_config *config,
                       uint32_t now_ms);

/**
 * Feed received bytes; any split, any noise.
 *
 * cost     stack <= 200 bytes
 */
void dfota_session_input(struct dfota_session *session, const uint8_t *in,
                         size_t len, uint32_t now_ms);

/** Tell the time; call at the latest when due() says, oftener is harmless. */
void dfota_session_tick(struct dfota_session *session, uint32_t now_ms);

/**
 * Take bytes to send, at most room (at least 16).
 *
 * returns  how many; every one must be sent, in order. In data mode a chunk
 *          does not end in `+`, so that no pause falls into a `+++`.
 */
size_t dfota_session_output(struct dfota_session *session, uint8_t *out,
                            size_t room, uint32_t now_ms);

/** Milliseconds from now_ms to the next tick() that matters. */
uint32_t dfota_session_due(const struct dfota_session *session,
                           uint32_t now_ms);

/** The port has gone; call output() no more until it is back. */
void dfota_session_port_lost(struct dfota_session *session, uint32_t now_ms);
void dfota_session_port_back(struct dfota_session *session, uint32_t now_ms);

/** The rate the port should have now: 115200, or 0 for the caller's own. */
uint32_t dfota_session_rate(const struct dfota_session *session);

static inline bool dfota_session_ended(const struct dfota_session *session)
{
    return session->verdict.outcome != DFOTA_OUTCOME_NONE;
}

/** The stage it is in, enum dfota_at_stage. */
static inline uint8_t dfota_session_stage(const struct dfota_session *session)
{
    return session->kept.stage;
}

/** The state as a record: keep it at every DFOTA_EVENT_RECORD. */
void dfota_session_record(const struct dfota_session *session,
                          struct dfota_at_record *record);

/**
 * Go on from a record, right after init().
 *
 * errors   E_CORRUPT it is none; the session then starts from the beginning
 */
int dfota_session_resume(struct dfota_session *session,
                         const struct dfota_at_record *record);

#ifdef __cplusplus
}
#endif

#endif
