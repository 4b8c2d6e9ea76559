/* SPDX-License-Identifier: Apache-2.0 */
/**
 * All modules in memory, found by IMEI: about 70 bytes each.
 *
 * Layer: server. Not safe by itself: the fleet holds its lock.
 */
#ifndef DFOTA_SERVER_FLEET_MODULE_TABLE_H
#define DFOTA_SERVER_FLEET_MODULE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts are numbers of the fleet's names. */
struct module_row {
    uint64_t imei;
    uint32_t id, tenant;
    uint32_t model, version, class_name, group, tags;
    uint32_t last_seen;    /* seconds since 1970 */
    int16_t battery, rssi; /* POLL_UNSAID */
    uint16_t updates;
    uint8_t state; /* enum module_state */
    bool dirty;    /* seen, and not yet written */
    bool tried;    /* has an attempt that counts, as far as it is known */
};

struct module_table;

/** NULL: no memory. */
struct module_table *module_table_create(void);
void module_table_destroy(struct module_table *table);

/** NULL: not there. Valid until the next put. */
struct module_row *module_table_find(struct module_table *table, uint64_t imei);

/** Put or replace. returns NULL: no memory */
struct module_row *module_table_put(struct module_table *table,
                                    const struct module_row *row);

size_t module_table_count(const struct module_table *table);
struct module_row *module_table_at(struct module_table *table, size_t i);

#endif
