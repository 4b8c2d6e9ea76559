/* SPDX-License-Identifier: Apache-2.0 */
/** What the files of an update job share; for them alone. Layer: lwm2m. */
#ifndef DFOTA_LWM2M_FIRMWARE_PARTS_H
#define DFOTA_LWM2M_FIRMWARE_PARTS_H

#include "lwm2m/firmware_job.h"

/* ---- firmware_job.c: the steps ------------------------------------------- */

void job_enter(struct lwm2m_job *job, enum lwm2m_job_state state);
/** Enter a state and read what the client is in. */
void job_wait_and_look(struct lwm2m_job *job, enum lwm2m_job_state state);
/** Once more from the beginning, or no more. */
void job_try_again(struct lwm2m_job *job, enum lwm2m_job_failure why);
void job_end(struct lwm2m_job *job, enum lwm2m_job_state state,
             enum lwm2m_job_failure failure);
void job_sign_of_life(struct lwm2m_job *job);

/* ---- firmware_send.c: what is asked -------------------------------------- */

void job_reset(struct lwm2m_job *job);
/** The best of the URIs that the client has a protocol for. NULL: none. */
const char *job_uri(const struct lwm2m_job *job);
void job_order(struct lwm2m_job *job, const char *uri);
void job_push(struct lwm2m_job *job);
/** Block 0 again, on the way the client is on now. */
void job_resend(struct lwm2m_job *job);
void job_execute(struct lwm2m_job *job);

#endif
