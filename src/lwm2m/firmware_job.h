/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One firmware update of one client by its server.
 *
 * Layer: lwm2m, on registrar. The steps:
 *
 *   WAITING -> [RESETTING] -> SENDING (push) or ORDERING (pull) -> FOLLOWING
 *      ^                          |                                  |
 *      +---- try again -----------+----------------------------------+
 *                                                                    v
 *   DONE, FAILED <- CONFIRMING <- (registers again) <- UPDATING <- EXECUTING
 *
 * What the client says of itself decides: only answers to Reads are acted
 * on; notifications, which get lost and come late, only hasten the next.
 */
#ifndef DFOTA_LWM2M_FIRMWARE_JOB_H
#define DFOTA_LWM2M_FIRMWARE_JOB_H

#include "link/coap_block.h"
#include "lwm2m/registrar.h"

enum lwm2m_job_state {
    JOB_WAITING, /* for the client to be heard, awake, idle */
    JOB_RESETTING,
    JOB_SENDING,  /* Block1 push */
    JOB_ORDERING, /* Write of the URI is under way */
    JOB_FOLLOWING,
    JOB_EXECUTING,
    JOB_UPDATING,
    JOB_CONFIRMING,
    JOB_DONE,
    JOB_FAILED,
};

enum lwm2m_job_failure {
    JOB_NO_FAILURE,
    JOB_NO_OBJECT,   /* the client has no Firmware Update object */
    JOB_NO_METHOD,   /* neither push nor a URI that the client takes */
    JOB_REFUSED,     /* a request was answered with `code` */
    JOB_UNREACHED,   /* nothing came back, again and again */
    JOB_RESULT,      /* Update Result is `result` */
    JOB_OLD_VERSION, /* Result 1, and not the version that was wanted */
    JOB_TIMED_OUT,   /* nothing moved for the time-out of its step */
    JOB_STOPPED,
};

enum lwm2m_job_method { JOB_AUTO, JOB_PUSH, JOB_PULL };

/* Where a job goes on that another process began. What the client says still
 * decides: nothing is sent before it was read. */
enum lwm2m_job_start {
    JOB_FRESH,
    JOB_BEGUN,   /* the client took bytes or the URI of it */
    JOB_ALLOWED, /* Execute was allowed, and may have been sent */
};

enum { JOB_URI_MAX = 255, JOB_ATTEMPTS = 3 };

struct lwm2m_job_config {
    enum lwm2m_job_method method;
    /* Where the package is for a pull, by protocol: coap, coaps, http,
     * https; NULL: not there. Kept by pointer. */
    const char *uri[4];
    /* The package for a push. length 0: there is none. */
    uint32_t length;
    int (*read)(void *ctx, uint32_t off, void *buf, size_t len);
    const char *to_version; /* NULL: any other than before */
    uint8_t szx;            /* largest block */
    uint32_t poll_ms;       /* between Reads of /5/0; 0: 60 s */
    uint32_t silence_ms;    /* without a sign of life; 0: 600 s */
    uint32_t update_ms;     /* Execute to the new registration; 0: 1800 s */
    uint32_t overall_ms;    /* 0: 24 h */
    /* Another state, or more bytes sent. The job may be freed at DONE and
     * FAILED only from outside of this call. */
    void (*event)(void *ctx, struct lwm2m_job *job);
    /* The package is there. NULL: Execute at once; else when the owner has
     * said lwm2m_job_allow(), and it may be asked again until then. */
    void (*ready)(void *ctx, struct lwm2m_job *job);
    enum lwm2m_job_start start; /* then method is PUSH or PULL */
    void *ctx;
};

struct lwm2m_job {
    struct registrar *s;
    struct registration *r; /* NULL once it is over */
    struct lwm2m_job_config c;
    enum lwm2m_job_state state;
    enum lwm2m_job_failure failure;
    uint8_t code, result;
    bool push;
    bool allowed;                       /* to Execute */
    bool resumed;                       /* its transfer was another process's */
    uint8_t attempts, executes, format; /* of the formats tried */
    bool version_known, firmware_known; /* since the step began */
    bool reset_by_nul;
    struct coap_put put;
    uint8_t options[64];
    size_t options_len;
    uint8_t prefix[32];
    size_t prefix_len;
    uint32_t sent; /* bytes of the package acknowledged */
    uint64_t poll_ms, deadline_ms, overall_ms;
    char from_version[REGISTRAR_VERSION_MAX + 1];
};

/**
 * Begin.
 *
 * job      the caller's memory until DONE, FAILED or stop
 * errors   E_BUSY another job has this client
 */
int lwm2m_job_start(struct lwm2m_job *job, struct registrar *s, uint64_t now,
                    struct registration *r, const struct lwm2m_job_config *c);

/** It may Execute. */
void lwm2m_job_allow(struct lwm2m_job *job, uint64_t now);

/** The client took something of this package: the end of this transfer is
 * told by its Result. */
bool lwm2m_job_has_begun(const struct lwm2m_job *job);

/** Give up: FAILED, STOPPED; the client is left as it is. No event. */
void lwm2m_job_stop(struct lwm2m_job *job, uint64_t now);

void lwm2m_job_tick(struct lwm2m_job *job, uint64_t now);
uint64_t lwm2m_job_wake(const struct lwm2m_job *job);

/** One line for people: "the module says: 5, package integrity ..". */
int lwm2m_job_describe(const struct lwm2m_job *job, struct buffer *out);

const char *lwm2m_job_state_name(enum lwm2m_job_state state);

#endif
