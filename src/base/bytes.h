/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Loads and stores of fixed byte order, on unaligned memory.
 *
 * Layer: base (freestanding). Every on-flash and on-wire integer of the
 * project goes through these.
 */
#ifndef DFOTA_BASE_BYTES_H
#define DFOTA_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline uint16_t dfota_get_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t dfota_get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static inline void dfota_put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void dfota_put_le32(uint8_t *p, uint32_t v)
{
    dfota_put_le16(p, (uint16_t)v);
    dfota_put_le16(p + 2, (uint16_t)(v >> 16));
}

/* Is that the device's own order? The compiler knows. */
static inline bool dfota_is_le(void)
{
    const uint16_t one = 1;

    return *(const uint8_t *)&one;
}

/* A number that was copied from little-endian bytes, or is going to be. */
static inline uint32_t dfota_le32(uint32_t v)
{
    return dfota_is_le() ? v : dfota_get_le32((const uint8_t *)&v);
}

static inline uint16_t dfota_le16(uint16_t v)
{
    return dfota_is_le() ? v : dfota_get_le16((const uint8_t *)&v);
}

static inline uint16_t dfota_get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t dfota_get_be32(const uint8_t *p)
{
    return (uint32_t)dfota_get_be16(p) << 16 | dfota_get_be16(p + 2);
}

static inline void dfota_put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void dfota_put_be32(uint8_t *p, uint32_t v)
{
    dfota_put_be16(p, (uint16_t)(v >> 16));
    dfota_put_be16(p + 2, (uint16_t)v);
}

static inline uint32_t dfota_min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t dfota_max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

#ifdef __cplusplus
}
#endif

#endif
