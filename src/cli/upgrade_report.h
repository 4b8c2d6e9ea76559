/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What `dfota upgrade` tells: progress, warnings, the last line, in words or
 * as JSON, and the transcript of the port.
 *
 * Layer: cli.
 */
#ifndef DFOTA_CLI_UPGRADE_REPORT_H
#define DFOTA_CLI_UPGRADE_REPORT_H

#include "at/session.h"
#include "os/progress.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct upgrade_report {
    struct progress progress;
    FILE *transcript; /* NULL: none */
    bool json;
    uint32_t began_ms;
};

/** An event of the session, as it comes. */
void upgrade_report_event(struct upgrade_report *report,
                          const struct dfota_session *session,
                          enum dfota_event event, int32_t value);

/** Bytes of the port; dir is '>' for sent, '<' for received. */
void upgrade_report_bytes(struct upgrade_report *report, char dir,
                          const uint8_t *data, size_t len, uint32_t now_ms);

/**
 * The last line.
 *
 * interrupted  the run ended without a verdict of the session
 * returns  the exit status
 */
int upgrade_report_end(struct upgrade_report *report,
                       const struct dfota_session *session, bool interrupted,
                       uint32_t now_ms);

#endif
