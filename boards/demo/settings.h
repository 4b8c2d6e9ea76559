/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Settings: key and value strings in a log of records with CRC on flash.
 *
 * Two sectors take turns: a full one is compacted into the other, whose
 * head is written last, so that a cut leaves one of them valid. A record is
 * {u8 key_len, u8 value_len, u16 ~both, u32 crc of key and value}, then key
 * and value, padded to 8; value_len 0 deletes.
 */
#ifndef DEMO_SETTINGS_H
#define DEMO_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "device/flash.h"

#define SETTINGS_KEY_MAX 24   /* bytes */
#define SETTINGS_VALUE_MAX 96 /* bytes */

struct settings {
    const struct dfota_flash *flash; /* two sectors at least */
    uint32_t sector;                 /* 0 or 1: the live one */
    uint32_t end;                    /* offset in it of the first free byte */
    uint32_t generation;             /* of the live sector */
};

/** Find the live sector; formats when there is none. 0 or DFOTA_E_FLASH. */
int settings_open(struct settings *s, const struct dfota_flash *flash);

/** The value, NUL-terminated: its length, or DFOTA_E_NOTFOUND. */
int settings_get(struct settings *s, const char *key, char *out, size_t cap);

/** The value as a number, or other. */
long settings_number(struct settings *s, const char *key, long other);

/** Store a value; "" deletes. E_ARG too long, E_FULL, E_FLASH. */
int settings_set(struct settings *s, const char *key, const char *value);

/** Call visit for each live pair; its return value other than 0 stops. */
int settings_each(struct settings *s,
                  int (*visit)(void *ctx, const char *key, const char *value),
                  void *ctx);

/** Bytes free before the next compaction. */
uint32_t settings_free(const struct settings *s);

#endif
