/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the two files that read a plan share.
 *
 * Layer: server. Each of the readers returns false with the reason in why;
 * the first one counts.
 */
#ifndef DFOTA_SERVER_FLEET_PLAN_SPEC_PRIV_H
#define DFOTA_SERVER_FLEET_PLAN_SPEC_PRIV_H

#include "server/fleet/plan_spec.h"

struct spec_reader {
    struct plan_spec *spec;
    char *why;
    int err;
};

struct spec_field {
    const char *name;
    bool (*take)(struct spec_reader *r, const json_t *value);
};

/** Note what is wrong. returns false */
bool spec_refuse(struct spec_reader *r, int err, const char *path,
                 const char *wanted);

bool spec_take_integer(struct spec_reader *r, const char *path,
                       const json_t *json, int64_t low, int64_t high,
                       int64_t *out);
bool spec_take_small(struct spec_reader *r, const char *path,
                     const json_t *json, int low, int high, int *out);
bool spec_take_duration(struct spec_reader *r, const char *path,
                        const json_t *json, int64_t *out);

/** An object of these fields (ended by NULL), and every other name refused. */
bool spec_take_object(struct spec_reader *r, const char *path,
                      const json_t *json, const struct spec_field *fields);

bool spec_take_stages(struct spec_reader *r, const json_t *json);
bool spec_take_rules(struct spec_reader *r, const json_t *json);
bool spec_take_barred(struct spec_reader *r, const json_t *json);
bool spec_take_retry(struct spec_reader *r, const json_t *json);
bool spec_take_pace(struct spec_reader *r, const json_t *json);

#endif
