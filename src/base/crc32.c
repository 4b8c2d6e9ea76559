/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32.h"

/* Bit by bit: what is checked are records of some ten bytes, and a table of
 * 16 entries with its two steps a byte would be 80 bytes of flash more. */
uint32_t dfota_crc32(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;

    crc = ~crc;
    while (len--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}
