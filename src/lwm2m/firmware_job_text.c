/* SPDX-License-Identifier: Apache-2.0 */
/* An update job, for people. */
#include "lwm2m/firmware_job.h"

const char *lwm2m_job_state_name(enum lwm2m_job_state state)
{
    static const char *const names[] = {
        [JOB_WAITING] = "waiting",     [JOB_RESETTING] = "resetting",
        [JOB_SENDING] = "sending",     [JOB_ORDERING] = "ordering",
        [JOB_FOLLOWING] = "following", [JOB_EXECUTING] = "executing",
        [JOB_UPDATING] = "updating",   [JOB_CONFIRMING] = "confirming",
        [JOB_DONE] = "done",           [JOB_FAILED] = "failed",
    };

    return names[state];
}

static const char *result_text(uint8_t result)
{
    static const char *const texts[] = {
        "the update was reset",
        "updated",
        "not enough flash",
        "out of memory",
        "connection lost during the download",
        "the package is damaged or its signature is wrong",
        "the package is for another firmware or device",
        "the URI is not usable",
        "the update failed",
        "the protocol of the URI is not supported",
        "cancelled",
    };

    return result < sizeof texts / sizeof texts[0] ? texts[result]
                                                   : "unknown result";
}

int lwm2m_job_describe(const struct lwm2m_job *job, struct buffer *out)
{
    switch (job->state == JOB_FAILED ? job->failure : JOB_NO_FAILURE) {
    case JOB_NO_OBJECT:
        return buffer_add_str(out, "the client has no Firmware Update object");
    case JOB_NO_METHOD:
        return buffer_add_str(out, "neither push nor a URI the client takes");
    case JOB_REFUSED:
        return buffer_printf(out, "the client answered %u.%02u",
                             COAP_CLASS(job->code), COAP_DETAIL(job->code));
    case JOB_UNREACHED:
        return buffer_add_str(out, "the client does not answer");
    case JOB_RESULT:
        return buffer_printf(out, "Update Result %u: %s", job->result,
                             result_text(job->result));
    case JOB_OLD_VERSION:
        return buffer_printf(out, "Update Result %u, but not the new version",
                             job->result);
    case JOB_TIMED_OUT:
        return buffer_add_str(out, "nothing moved for too long");
    case JOB_STOPPED:
        return buffer_add_str(out, "stopped");
    default:
        return buffer_add_str(out, lwm2m_job_state_name(job->state));
    }
}
