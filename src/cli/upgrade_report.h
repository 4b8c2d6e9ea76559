/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What `dfota upgrade` and `dfota replay` tell: progress, warnings, the last
 * line, in words or as JSON.
 *
 * Layer: cli.
 */
#ifndef DFOTA_CLI_UPGRADE_REPORT_H
#define DFOTA_CLI_UPGRADE_REPORT_H

#include "at/session.h"
#include "os/progress.h"
#include <stdbool.h>
#include <stdint.h>

struct upgrade_report {
    struct progress progress;
    bool json;
    bool done_asking; /* the stages up to identify were told already */
    int sent;         /* percent of the upload that was told */
    uint32_t began_ms;
};

/** An event of the session, as it comes. */
void upgrade_report_event(struct upgrade_report *report,
                          const struct dfota_session *session,
                          enum dfota_event event, int32_t value);

/** Why a run ended, if not by the session's verdict. */
enum upgrade_end {
    UPGRADE_END_VERDICT,
    UPGRADE_END_INTERRUPTED,
    UPGRADE_END_DRY /* nothing stood against it, and nothing was started */
};

/**
 * The last line.
 *
 * returns  the exit status
 */
int upgrade_report_end(struct upgrade_report *report,
                       const struct dfota_session *session,
                       enum upgrade_end why, uint32_t now_ms);

#endif
