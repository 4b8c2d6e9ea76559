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
    {.group = "result",
     .verb = "report",
     CTL_ONE("ATTEMPT"),
     .method = "POST",
     .path = "attempts/{}/result",
     .help = "how a host's attempt (plan url) went",
     .options = {CTL_OPT("version", "version", CTL_TEXT, true,
                         "that the module runs now"),
                 CTL_OPT("http-err", "http_err", CTL_NUMBER, false,
                         "number of the download's end, 0: it is loaded"),
                 CTL_OPT("update-err", "update_err", CTL_NUMBER, false,
                         "number of the update's end, 0: it is done"),
                 CTL_OPT("words", "words", CTL_TEXT, false,
                         "what the host said, kept beside it")}},
    {0}};
