/* SPDX-License-Identifier: Apache-2.0 */
/** Byte ring between one writer and one reader (an interrupt and a task). */
#ifndef DEMO_RING_H
#define DEMO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_SIZE 512u /* bytes, a power of two */

struct ring {
    volatile uint16_t head; /* the writer's */
    volatile uint16_t tail; /* the reader's */
    uint32_t lost;          /* bytes that found no room */
    uint8_t bytes[RING_SIZE];
};

/** Add a byte; false and counted as lost when the ring is full. */
bool ring_put(struct ring *r, uint8_t byte);

/** Take the oldest byte, or -1. */
int ring_get(struct ring *r);

/** Bytes waiting. */
size_t ring_len(const struct ring *r);

#endif
