/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/datamode.h"

void datamode_begin(struct datamode *d, uint32_t size, uint32_t timeout_ms,
                    uint64_t now_ms)
{
    *d = (struct datamode){
        .size = size, .timeout_ms = timeout_ms, .last_ms = now_ms};
}

uint16_t datamode_sum(uint16_t sum, uint32_t before, const uint8_t *data,
                      size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool low = (before + i) & 1;

        sum ^= (uint16_t)(low ? data[i] : data[i] << 8);
    }
    return sum;
}

static enum data_end store(struct datamode *d, const uint8_t *in, size_t len)
{
    if (len > d->size - d->got)
        len = d->size - d->got;
    if (len > 0 && d->sink(d->ctx, in, len) != 0)
        return DATA_FAILED;
    d->sum = datamode_sum(d->sum, d->got, in, len);
    d->got += (uint32_t)len;
    return d->got == d->size ? DATA_FULL : DATA_GOES_ON;
}

static enum data_end give_back_pluses(struct datamode *d)
{
    static const uint8_t plus = '+';
    enum data_end end = DATA_GOES_ON;

    for (; d->pluses > 0 && end == DATA_GOES_ON; d->pluses--)
        end = store(d, &plus, 1);
    d->pluses = 0;
    return end;
}

/* Pluses at the head of in that may be the start of an escape. */
static size_t hold_pluses(struct datamode *d, const uint8_t *in, size_t len,
                          uint64_t now_ms)
{
    bool quiet = now_ms - d->last_ms >= DATAMODE_GUARD_MS;
    size_t n = 0;

    if (d->pluses == 0 && !quiet)
        return 0;
    if (d->pluses > 0 && now_ms - d->first_plus_ms >= DATAMODE_GUARD_MS)
        return 0;
    while (n < len && in[n] == '+' && d->pluses + n < 3)
        n++;
    if (n < len)
        return 0;
    if (d->pluses == 0)
        d->first_plus_ms = now_ms;
    d->pluses = (uint8_t)(d->pluses + n);
    return n;
}

enum data_end datamode_feed(struct datamode *d, const uint8_t *in, size_t len,
                            size_t *used, uint64_t now_ms)
{
    size_t held = hold_pluses(d, in, len, now_ms);
    enum data_end end = DATA_GOES_ON;
    uint32_t room;

    *used = held;
    d->last_ms = now_ms;
    if (held > 0)
        return DATA_GOES_ON;
    if (d->pluses > 0)
        end = give_back_pluses(d);
    room = d->size - d->got;
    *used = len < room ? len : room;
    if (end == DATA_GOES_ON)
        end = store(d, in, *used);
    return end;
}

enum data_end datamode_tick(struct datamode *d, uint64_t now_ms)
{
    uint64_t quiet = now_ms - d->last_ms;
    enum data_end end;

    if (d->pluses == 3 && quiet >= DATAMODE_GUARD_MS)
        return DATA_ESCAPED;
    if (d->pluses > 0 && quiet >= DATAMODE_GUARD_MS) {
        end = give_back_pluses(d);
        if (end != DATA_GOES_ON)
            return end;
    }
    return quiet >= d->timeout_ms ? DATA_TIMEOUT : DATA_GOES_ON;
}

uint64_t datamode_wake_ms(const struct datamode *d)
{
    uint32_t wait = d->pluses > 0 && d->timeout_ms > DATAMODE_GUARD_MS
                        ? DATAMODE_GUARD_MS
                        : d->timeout_ms;

    return d->last_ms + wait;
}
