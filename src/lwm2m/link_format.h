/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CoRE link format, content format 40 (RFC 6690): what a client registers
 * and what Discover answers.
 *
 * Layer: lwm2m. The reader walks the text and points into it; it is liberal
 * where clients differ (quotes around ver, blanks, unknown attributes) and
 * strict where a mistake would be taken for something else.
 */
#ifndef DFOTA_LWM2M_LINK_FORMAT_H
#define DFOTA_LWM2M_LINK_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

struct corelink_reader {
    const char *at, *end;
};

/* One link, <target>;name=value;name="value";name. Points into the text. */
struct corelink_item {
    const char *target;
    size_t target_len;
    const char *attributes, *attributes_end; /* from the first ; on */
};

struct corelink_attribute {
    const char *name, *value; /* value without its quotes; NULL: none */
    size_t name_len, value_len;
    bool quoted;
};

void corelink_reader_init(struct corelink_reader *r, const char *text,
                          size_t len);

/**
 * The next link.
 *
 * returns  DFOTA_DONE item is filled | 0 there is none
 * errors   E_SYNTAX; the walk is over then
 */
int corelink_next(struct corelink_reader *r, struct corelink_item *item);

/** The next attribute; *at begins at item->attributes. False: none. The
 * item was checked by corelink_next(), so there is no error. */
bool corelink_next_attribute(const struct corelink_item *item, const char **at,
                             struct corelink_attribute *a);

/** The attribute of a name; false: the link has none. */
bool corelink_find(const struct corelink_item *item, const char *name,
                   struct corelink_attribute *a);

#endif
