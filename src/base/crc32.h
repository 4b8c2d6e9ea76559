/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CRC-32 of ISO-HDLC (polynomial 0x04C11DB7 reflected, the one of Ethernet).
 *
 * Layer: base (freestanding). It finds accidents (torn records), never
 * attacks: those are the digests' and the signature's business.
 */
#ifndef DFOTA_BASE_CRC32_H
#define DFOTA_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Continue a CRC over len bytes.
 *
 * crc      0 for the first part, else what the part before returned
 * returns  the CRC so far, final at any time
 * source   ITU-T V.42 8.1.1.6.2
 */
uint32_t dfota_crc32(uint32_t crc, const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
