/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#include "eventlog.h"

#define SECTOR 2048u

struct node node;

static uint8_t cells[2 * SECTOR];

static int flash_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    if (off > sizeof(cells) || len > sizeof(cells) - off)
        return DFOTA_E_FLASH;
    memcpy(buf, cells + off, len);
    return 0;
}

static int flash_prog(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    const uint8_t *p = buf;

    (void)ctx;
    if (off > sizeof(cells) || len > sizeof(cells) - off)
        return DFOTA_E_FLASH;
    while (len--)
        cells[off++] &= *p++;
    return 0;
}

static int flash_erase(void *ctx, uint32_t off)
{
    (void)ctx;
    if (off % SECTOR || off >= sizeof(cells))
        return DFOTA_E_FLASH;
    memset(cells + off, 0xFF, SECTOR);
    return 0;
}

static int flash_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

static const struct dfota_flash flash = {
    .read = flash_read,
    .prog = flash_prog,
    .erase = flash_erase,
    .sync = flash_sync,
    .size = sizeof(cells),
    .erase_size = SECTOR,
    .prog_size = 8,
    .erased_byte = 0xFF,
};

const struct dfota_flash *node_flash(void)
{
    return &flash;
}

static double setting(const char *key, double other)
{
    char value[SETTINGS_VALUE_MAX + 1], *end;
    double v;

    if (settings_get(&node.settings, key, value, sizeof(value)) <= 0)
        return other;
    v = strtod(value, &end);
    return *end ? other : v;
}

static void init_filters(void)
{
    median_init(&node.median, (size_t)setting("median", 5));
    kalman_init(&node.kalman, 0.002f, 0.4f);
#if DEMO_MINOR >= 1
    hampel_init(&node.hampel, 9, (float)setting("hampel", 3.5));
#endif
    node.heater.kp = (float)setting("pid.p", 0.4);
    node.heater.ki = (float)setting("pid.i", 0.02);
    node.heater.kd = (float)setting("pid.d", 0.1);
    node.heater.low = 0;
    node.heater.high = 1;
}

void node_init(void)
{
    if (settings_open(&node.settings, &flash) != 0)
        eventlog(EVENT_ERROR, 0, "settings: the flash does not answer");
    sensors_room_init(&node.room, 0xD07A);
    init_filters();
    node.target = setting("target", 21);
    node.clock_offset = 1767225600u; /* 2026-01-01, until somebody sets it */
}

void node_sample(uint32_t now_ms)
{
    double now_s = now_ms / 1000.0, celsius;
    uint16_t adc;
    float x;

    sensors_room_step(&node.room, now_s, 0.1);
    adc = sensors_room_adc(&node.room, now_s);
    celsius = sensors_thermistor(adc, 10000);
    if (celsius != celsius) {
        eventlog(EVENT_ERROR, now_ms, "thermistor broken (adc %u)",
                 (unsigned)adc);
        return;
    }
    x = (float)celsius;
#if DEMO_MINOR >= 1
    x = hampel_step(&node.hampel, x);
#endif
    x = median_step(&node.median, x);
    x = kalman_step(&node.kalman, x);
    node.celsius = (double)x;
    stats_add(&node.stats, x);
    node.room.heater =
        (double)pid_step(&node.heater, (float)node.target, x, 0.1f);
}

uint32_t node_time(uint32_t now_ms)
{
    return node.clock_offset + now_ms / 1000;
}
