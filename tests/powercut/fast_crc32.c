/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/crc32.h by tables, eight bytes at a time: the device's own goes bit by
 * bit to be small, and would be half of a run's time.
 */
#include "base/crc32.h"

#include "base/bytes.h"

static uint32_t table[8][256];

static void make_tables(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;

        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        table[0][n] = crc;
    }
    for (unsigned k = 1; k < 8; k++) {
        for (unsigned n = 0; n < 256; n++)
            table[k][n] =
                table[k - 1][n] >> 8 ^ table[0][table[k - 1][n] & 0xFF];
    }
}

uint32_t dfota_crc32(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;

    if (!table[0][1])
        make_tables();
    crc = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint32_t low = dfota_get_le32(p) ^ crc;
        uint32_t high = dfota_get_le32(p + 4);

        crc = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^
              table[5][low >> 16 & 0xFF] ^ table[4][low >> 24] ^
              table[3][high & 0xFF] ^ table[2][high >> 8 & 0xFF] ^
              table[1][high >> 16 & 0xFF] ^ table[0][high >> 24];
    }
    while (len--)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xFF];
    return ~crc;
}
