/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A session of bg95 for tests that type the module's side themselves.
 */
#ifndef TESTS_UNIT_AT_HOST_H
#define TESTS_UNIT_AT_HOST_H

#include "at/session.h"
#include <stddef.h>
#include <stdint.h>

#define URL "https://www.example.com:100/update.zip"
#define TRIGGER "AT+QFOTADL=\"" URL "\"\r"
#define OK "\r\nOK\r\n"
#define PROBE "ATQ0V1E0+CMEE=1\r"
#define URC(text) "\r\n+QIND: \"FOTA\"," text "\r\n"
#define BANNERS "\r\nRDY\r\n\r\nAPP RDY\r\n"

struct host {
    struct dfota_session_config config;
    struct dfota_session session;
    uint32_t now;
    char sent[8192]; /* since the last wait */
    size_t sent_len;
    int triggers;
    int commands;      /* CRs sent, ever */
    unsigned warnings; /* bits of enum dfota_warning */
    int retries;
    int32_t percent;
    uint8_t package[3000];
};

#define ATI(version)                                                           \
    "\r\nQuectel\r\nBG95-M3\r\nRevision: " version "\r\n\r\nOK\r\n"

#define EXPECT_DONE(h)                                                         \
    assert_int_equal((h)->session.verdict.outcome, DFOTA_OUTCOME_DONE)

/* Chapter 4.1 of the BG95 document, in what follows the trigger's OK. */
#define GOLDEN URC("\"HTTPSTART\"") URC("\"DOWNLOADING\",5%") GOLDEN_REST
#define GOLDEN_REST                                                            \
    URC("\"DOWNLOADING\",100%") URC("\"HTTPEND\",0") GOLDEN_UPDATE
#define GOLDEN_UPDATE                                                          \
    URC("\"RESETTING\"") URC("\"START\"") URC("\"UPDATING\",1%") GOLDEN_END
#define GOLDEN_END                                                             \
    URC("\"UPDATING\",2%") URC("\"UPDATING\",100%") URC("\"END\",0") BANNERS

/** What the module says. */
void hear_bytes(struct host *h, const void *bytes, size_t len);
void hear(struct host *h, const char *text);

/** Let ms pass, from one due time to the next. */
void pass(struct host *h, uint32_t ms);

/** Wait for a command (at most a minute) and answer it. */
void answer(struct host *h, const char *command, const char *reply);

/** A configuration for URL; then begin() makes the session. */
void setup(struct host *h);
void begin(struct host *h);

/** The questions of the beginning: probe, ATI twice. */
void identify(struct host *h, const char *ati);

/** From the first byte to the trigger and its reply. */
void trigger_with(struct host *h, const char *reply);

/** All of it, to the accepted trigger. */
void trigger(struct host *h);

/** The questions after the reboot. */
void confirm(struct host *h, const char *ati);

/** Fails the test unless this is the verdict. number: 0 for none */
void expect(const struct host *h, enum dfota_outcome outcome,
            enum dfota_at_stage stage, int32_t number);

/** A download that ends with a number, and the seconds in which something
 * could still follow it. */
void fail_download(struct host *h, const char *number);

/** Kill the host: a new session goes on from the record. */
void die_and_resume(struct host *h);

#endif
