/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Data mode: raw bytes from the host until a size, a time-out, +++ or DTR.
 *
 * Layer: modem. No I/O and no clock of its own: time comes in as an
 * argument. A +++ counts only with a second of silence before and behind it
 * and three + within a second; until that is settled its bytes are held
 * back, then they are data or gone.
 *
 * These times are paced by the host, so --speed does not change them.
 */
#ifndef DFOTA_MODEM_DATAMODE_H
#define DFOTA_MODEM_DATAMODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DATAMODE_GUARD_MS = 1000 };

enum data_end {
    DATA_GOES_ON,
    DATA_FULL,    /* the size is reached */
    DATA_TIMEOUT, /* no byte for the time-out */
    DATA_ESCAPED, /* +++ or DTR */
    DATA_FAILED,  /* the sink refused bytes */
};

struct datamode {
    uint32_t size, got; /* bytes wanted, bytes stored */
    uint32_t timeout_ms;
    uint64_t last_ms; /* when the newest byte came */
    uint64_t first_plus_ms;
    uint8_t pluses;   /* held back */
    uint16_t sum;     /* checksum so far */
    bool acknowledge; /* one A after each 1024 bytes */
    uint32_t acknowledged;
    /* Store bytes. 0, or an error that ends data mode. */
    int (*sink)(void *ctx, const uint8_t *data, size_t len);
    void *ctx;
};

void datamode_begin(struct datamode *d, uint32_t size, uint32_t timeout_ms,
                    uint64_t now_ms);

/** Take bytes. used: out, bytes that belong to this transfer. */
enum data_end datamode_feed(struct datamode *d, const uint8_t *in, size_t len,
                            size_t *used, uint64_t now_ms);

/** To be asked when wake_ms passes. */
enum data_end datamode_tick(struct datamode *d, uint64_t now_ms);
uint64_t datamode_wake_ms(const struct datamode *d);

/** Continue the 16-bit XOR checksum; even is the count of bytes before. */
uint16_t datamode_sum(uint16_t sum, uint32_t before, const uint8_t *data,
                      size_t len);

#endif
