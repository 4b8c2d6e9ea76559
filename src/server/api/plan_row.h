/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A plan as it lies in the database, and the questions that need more than
 * its row.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_API_PLAN_ROW_H
#define DFOTA_SERVER_API_PLAN_ROW_H

#include "server/api/api_call.h"

#define PLAN_COLUMNS                                                           \
    "id:i name:s state:s edition:i firmware:i model:s version:s spec:j "       \
    "stage:i open:i taken:i made_by:s edited_by:s approved_by:s why:s "        \
    "created:t started:t ended:t"
#define PLAN_QUERY                                                             \
    "SELECT p.id, p.name, p.state, p.edition, p.firmware, f.model, "           \
    "f.version, p.spec, p.stage, p.open, p.taken, p.made_by, p.edited_by, "    \
    "p.approved_by, p.why, p.created, p.started, p.ended FROM plan p "         \
    "JOIN firmware f ON f.id = p.firmware WHERE p.tenant = $1 "

struct plan_row {
    int64_t id, edition, firmware;
    char *name, *state, *spec, *made_by, *edited_by, *model, *version;
};

/** The one that the path names; 404 if the tenant has none. A call that writes
 * has it for itself until its end. */
int plan_row_read(struct api_call *call, struct sql *sql, struct plan_row *row);
void plan_row_release(struct plan_row *row);

/** Answer with it, its numbers by outcome, and its ETag. */
int plan_row_answer(struct api_call *call, struct sql *sql, int64_t id,
                    unsigned status);

/** Have the packages that a plan for this firmware needs: from every version
 * in the fleet that there is an image of, and the full image. */
int plan_row_want_packages(struct api_call *call, struct sql *sql,
                           int64_t firmware);

/** 409 with the versions whose package is missing or unsigned. */
int plan_row_packages_are_ready(struct api_call *call, struct sql *sql,
                                const struct plan_row *row);

/** Another attempt for modules that failed or were lost. */
int plan_row_retry(struct api_call *call, struct sql *sql,
                   const struct plan_row *row);

/** One module gets nothing of it, or may again. */
int plan_row_exclude(struct api_call *call, struct sql *sql,
                     const struct plan_row *row);

/** Packages for this firmware that are not ready, as an array. */
int plan_row_unready(struct sql *sql, int64_t firmware, json_t **out);

/** Whom it takes and whom not and why, what is missing, how many bytes, how
 * long. */
int plan_row_preview(struct api_call *call, struct sql *sql,
                     const struct plan_row *row);

#endif
