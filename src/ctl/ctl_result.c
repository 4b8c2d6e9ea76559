/* SPDX-License-Identifier: Apache-2.0 */
/* result, audit: what came of it, and who decided. */
#include "ctl/ctl.h"

#define RESULTS                                                                \
    "attempt plan imei from target state cause http_err update_err granted "   \
    "closed"

const struct ctl_command ctl_result_commands[] = {
    {.group = "result",
     .verb = "list",
     .method = "GET",
     .path = "results",
     .columns = RESULTS,
     .help = "attempts",
     .options = {CTL_OPT("plan", "plan", CTL_QUERY, false, "only of this plan"),
                 CTL_OPT("state", "state", CTL_QUERY, false,
                         "open, done, failed, lost, stopped"),
                 CTL_OPT("imei", "imei", CTL_QUERY, false,
                         "only of this module")}},
    {0}};
