/* SPDX-License-Identifier: Apache-2.0 */
/* The shell, the AT interpreter and the module's driver, with the board
 * under them replaced by the functions below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "demo/board.h"
#include "demo/main.h"
#include "demo/modem.h"
#include "demo/node.h"
#include "demo/shell.h"
#include "demo/telemetry.h"
#include "demo/uart.h"
#include "demo/upgrade.h"

static uint32_t now;
static int resets;
static struct modem module;
static char sent[64];

uint32_t board_now_ms(void)
{
    return now;
}

void board_reset(void)
{
    resets++;
}

void main_modem_send(const void *data, size_t len)
{
    size_t at = strlen(sent);

    if (at + len < sizeof(sent)) {
        memcpy(sent + at, data, len);
        sent[at + len] = '\0';
    }
}

uint32_t uart_lost(enum uart_port port)
{
    (void)port;
    return 0;
}

const struct modem *main_modem(void)
{
    return &module;
}

/* What the node prints is no business of the test's own report. */
static int hide_output(void **state)
{
    FILE *nowhere = fopen("/dev/null", "w");
    static int saved;

    fflush(stdout);
    saved = dup(1);
    assert_true(nowhere && saved > 0);
    dup2(fileno(nowhere), 1);
    fclose(nowhere);
    *state = &saved;
    return 0;
}

static int show_output(void **state)
{
    const int *saved = *state;

    fflush(stdout);
    dup2(*saved, 1);
    close(*saved);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    node_init();
    for (now = 0; now < 60000; now += 100)
        node_sample(now);
    return 0;
}

static void every_command_of_the_table_can_be_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < shell_command_count; i++)
        assert_int_not_equal(shell_run(shell_commands[i].name), -1);
    assert_int_equal(resets, 1);
    assert_int_equal(shell_run("nonsense"), -1);
}

static void quotes_keep_words_together(void **state)
{
    char line[] = "  set name  \"two words\" 'x'";
    char *argv[SHELL_WORDS];

    (void)state;
    assert_int_equal(shell_split(line, argv, SHELL_WORDS), 4);
    assert_string_equal(argv[2], "two words");
    assert_string_equal(argv[3], "x");
}

static void the_editor_survives_any_bytes(void **state)
{
    uint32_t x = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        x = x * 1664525u + 1013904223u;
        shell_byte((char)(x >> 24 & 127));
    }
    shell_byte(21);
    for (const char *p = "\033[Aset a b\r"; *p; p++)
        shell_byte(*p);
}

static void a_json_command_sets_target_and_settings(void **state)
{
    char value[16];

    (void)state;
    assert_int_equal(telemetry_command("{\"target\": 19.5, \"settings\": "
                                       "{\"pid.p\": 0.5, \"secret\": \"s\", "
                                       "\"other\": 1}}"),
                     3);
    assert_true(node.target == 19.5);
    assert_int_equal(
        settings_get(&node.settings, "pid.p", value, sizeof(value)), 3);
    assert_int_equal(telemetry_command("[1]"), -1);
    assert_int_equal(telemetry_command("{\"target\":"), -1);
}

static void the_room_is_warm_after_a_minute(void **state)
{
    (void)state;
    assert_true(node.celsius > 15 && node.celsius < 25);
}

static void keep_sent(const char *command)
{
    snprintf(sent, sizeof(sent), "%s", command);
}

static void say(const char *text)
{
    while (*text)
        modem_byte(&module, *text++, now);
}

static void advance(uint32_t ms)
{
    now += ms;
    modem_poll(&module, now);
}

static void the_module_comes_online_step_by_step(void **state)
{
    static const char *const asked[] = {"AT",     "ATE0",      "AT+CPIN?",
                                        "AT+CSQ", "AT+CEREG?", "AT+CGATT?"};
    static const char *const answer[] = {"AT\r\r\nOK\r\n",
                                         "ATE0\r\r\nOK\r\n",
                                         "\r\n+CPIN: READY\r\n\r\nOK\r\n",
                                         "\r\n+CSQ: 20,99\r\n\r\nOK\r\n",
                                         "\r\n+CEREG: 0,5\r\n\r\nOK\r\n",
                                         "\r\n+CGATT: 1\r\n\r\nOK\r\n"};

    (void)state;
    modem_init(&module, keep_sent);
    for (size_t i = 0; i < 6; i++) {
        advance(200);
        assert_string_equal(sent, asked[i]);
        say(answer[i]);
    }
    assert_int_equal(module.state, MODEM_ONLINE);
    assert_int_equal(modem_dbm(module.rssi), -73);
    say("\r\n+QIND: \"FOTA\",\"UPDATING\",7%\r\n");
    assert_int_equal(module.fota_percent, 7);
    say("\r\n+QIND: \"FOTA\",\"END\",0\r\n");
    assert_int_equal(module.fota_percent, -1);
    say("\r\nRDY\r\n");
    assert_int_equal(module.state, MODEM_PROBE);
}

/* The whole way is the business of the AT client's own tests. */
static void an_upgrade_speaks_to_the_module_and_ends(void **state)
{
    (void)state;
    assert_int_equal(shell_run("upgrade"), 2);
    assert_int_equal(shell_run("upgrade http://127.0.0.1:80/\x01x"), 1);
    sent[0] = '\0';
    assert_int_equal(shell_run("upgrade http://127.0.0.1:80/p.dfota 2"), 0);
    assert_int_equal(shell_run("upgrade http://127.0.0.1:80/p.dfota"), 1);
    for (int i = 0; upgrade_runs() && i < 100000; i++) {
        now += 100;
        upgrade_poll(now);
    }
    assert_false(upgrade_runs());
    assert_memory_equal(sent, "AT", 2);
}

static void silence_of_the_module_begins_again(void **state)
{
    (void)state;
    modem_init(&module, keep_sent);
    advance(200);
    say("OK\r");
    advance(200);
    assert_int_equal(module.state, MODEM_ECHO);
    advance(5001);
    assert_int_equal(module.state, MODEM_PROBE);
    assert_int_equal(module.failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_room_is_warm_after_a_minute),
        cmocka_unit_test_setup_teardown(every_command_of_the_table_can_be_run,
                                        hide_output, show_output),
        cmocka_unit_test(quotes_keep_words_together),
        cmocka_unit_test_setup_teardown(the_editor_survives_any_bytes,
                                        hide_output, show_output),
        cmocka_unit_test(a_json_command_sets_target_and_settings),
        cmocka_unit_test(the_module_comes_online_step_by_step),
        cmocka_unit_test_setup_teardown(
            an_upgrade_speaks_to_the_module_and_ends, hide_output, show_output),
        cmocka_unit_test(silence_of_the_module_begins_again),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
