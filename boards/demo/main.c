/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The demo node: a heated room with sensors, a console and a cellular
 * module, all on a board that QEMU emulates.
 */
#include "main.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "eventlog.h"
#include "node.h"
#include "selftest.h"
#include "shell.h"
#include "telemetry.h"
#include "uart.h"
#include "upgrade.h"
#include "version.h"

static struct modem modem;

const struct modem *main_modem(void)
{
    return &modem;
}

void main_modem_send(const void *data, size_t len)
{
    uart_write(UART_MODEM, data, len);
}

static void send_to_modem(const char *command)
{
    main_modem_send(command, strlen(command));
    main_modem_send("\r", 1);
}

static void task_console(uint32_t now_ms)
{
    int byte;

    (void)now_ms;
    while ((byte = uart_get(UART_CONSOLE)) >= 0)
        shell_byte((char)byte);
}

static void task_modem(uint32_t now_ms)
{
    bool upgrading = upgrade_runs();
    int byte;

    while ((byte = uart_get(UART_MODEM)) >= 0) {
        uint8_t b = (uint8_t)byte;

        if (upgrading)
            upgrade_bytes(&b, 1, now_ms);
        else
            modem_byte(&modem, (char)byte, now_ms);
    }
    if (upgrading)
        upgrade_poll(now_ms);
    else
        modem_poll(&modem, now_ms);
}

static void task_telemetry(uint32_t now_ms)
{
    static char out[640];

    node.frames++;
    if (!node.quiet && telemetry_json(now_ms, out, sizeof(out)) > 0)
        printf("%s\n", out);
}

static void task_led(uint32_t now_ms)
{
    (void)now_ms;
    BOARD_LED ^= 1;
}

static struct sched_task tasks[] = {
    {.name = "console", .run = task_console},
    {.name = "module", .run = task_modem},
    {.name = "sample", .run = node_sample, .period_ms = 100},
    {.name = "led", .run = task_led, .period_ms = 500},
    {.name = "telemetry",
     .run = task_telemetry,
     .period_ms = 60000,
     .due_ms = 60000},
};

int main(void);

int main(void)
{
    int failed;

    uart_open(UART_CONSOLE, 115200);
    uart_open(UART_MODEM, 115200);
#if DEMO_MINOR >= 1
    printf("\n%s %s, type \"help\"\n", version_model(), version_text());
#else
    printf("\n%s %s\n", version_model(), version_text());
#endif
    node_init();
    modem_init(&modem, send_to_modem);
    failed = selftest_run(false);
    if (failed)
        eventlog(EVENT_ERROR, board_now_ms(), "%d self-tests failed", failed);
    node.sched.tasks = tasks;
    node.sched.count = sizeof(tasks) / sizeof(tasks[0]);
    node.sched.clock = board_now_ms;
    printf("> ");
    for (;;) {
        if (!sched_turn(&node.sched) && sched_idle_ms(&node.sched))
            board_sleep();
    }
}
