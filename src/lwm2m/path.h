/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A path of LwM2M: /object/instance/resource/resource instance.
 *
 * Layer: lwm2m. A value, passed by pointer, never allocated.
 * source   OMA LwM2M 1.1 Core, 7.1 (identifiers), 7.4 (65535 is reserved)
 */
#ifndef DFOTA_LWM2M_PATH_H
#define DFOTA_LWM2M_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LWM2M_NO_ID = 0xffff, /* the reserved identifier: no such part */
    LWM2M_PATH_TEXT = 25, /* "/65534/65534/65534/65534" and NUL */
    LWM2M_DEPTH_OBJECT = 1,
    LWM2M_DEPTH_INSTANCE = 2,
    LWM2M_DEPTH_RESOURCE = 3,
    LWM2M_DEPTH_MAX = 4,
};

struct lwm2m_path {
    uint8_t depth; /* parts that are there, 0..4; 0 is the root */
    uint16_t id[LWM2M_DEPTH_MAX];
};

/** A path of depth parts; the rest of the numbers is ignored. */
struct lwm2m_path lwm2m_path_make(unsigned depth, unsigned object,
                                  unsigned instance, unsigned resource);

/**
 * Read "/5/0/3"; "" and "/" are the root. One slash at the end is taken.
 *
 * errors   E_SYNTAX no such path: a part that is no number 0..65534, leading
 *          zeros, more than four parts
 */
int lwm2m_path_parse(const char *text, size_t len, struct lwm2m_path *path);

/** Write "/5/0/3", "/" for the root. Returns out. */
char *lwm2m_path_print(const struct lwm2m_path *path,
                       char out[LWM2M_PATH_TEXT]);

/** One part more. errors: E_SYNTAX id is reserved or the path is full */
int lwm2m_path_push(struct lwm2m_path *path, unsigned id);

bool lwm2m_path_equal(const struct lwm2m_path *a, const struct lwm2m_path *b);

/** b is a or lies below it. */
bool lwm2m_path_covers(const struct lwm2m_path *a, const struct lwm2m_path *b);

#endif
