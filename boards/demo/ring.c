/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

bool ring_put(struct ring *r, uint8_t byte)
{
    uint16_t head = r->head;

    if ((uint16_t)(head - r->tail) == RING_SIZE) {
        r->lost++;
        return false;
    }
    r->bytes[head % RING_SIZE] = byte;
    r->head = (uint16_t)(head + 1);
    return true;
}

int ring_get(struct ring *r)
{
    uint16_t tail = r->tail;
    int byte;

    if (tail == r->head)
        return -1;
    byte = r->bytes[tail % RING_SIZE];
    r->tail = (uint16_t)(tail + 1);
    return byte;
}

size_t ring_len(const struct ring *r)
{
    return (uint16_t)(r->head - r->tail);
}
