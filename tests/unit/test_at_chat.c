/* SPDX-License-Identifier: Apache-2.0 */
#include "at/chat.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the four above first */
#include <cmocka.h>

static const char csq[] = "+CSQ";

static const char *out(struct dfota_chat *chat, uint32_t now)
{
    static char text[128];
    size_t len =
        dfota_chat_output(chat, (uint8_t *)text, sizeof(text) - 1, now);

    text[len] = '\0';
    return text;
}

static void a_command_goes_out_once_in_any_pieces(void **state)
{
    struct dfota_chat chat;
    char got[64] = "";
    uint8_t byte;

    (void)state;
    dfota_chat_init(&chat, 0);
    chat.args[1] = "http://a/b";
    chat.args[3] = "";
    dfota_chat_send(&chat, "+QFOTADL=\"\2\"\4", 1000, 0);
    for (size_t i = 0; dfota_chat_output(&chat, &byte, 1, 0) == 1; i++) {
        assert_in_range(i, 0, sizeof(got) - 2);
        got[i] = (char)byte;
    }
    assert_string_equal(got, "AT+QFOTADL=\"http://a/b\"\r");
    assert_string_equal(out(&chat, 0), "");
}

static void a_final_code_ends_it_and_information_and_echo_do_not(void **state)
{
    struct dfota_chat chat;

    (void)state;
    dfota_chat_init(&chat, 0);
    assert_int_equal(dfota_chat_line(&chat, "OK", 0), DFOTA_OK);
    dfota_chat_send(&chat, csq, 1000, 0);
    assert_string_equal(out(&chat, 0), "AT+CSQ\r");
    assert_int_equal(dfota_chat_line(&chat, "AT+CSQ", 1), DFOTA_OK);
    assert_int_equal(dfota_chat_line(&chat, "+CSQ: 26,99", 2), DFOTA_MORE);
    assert_int_equal(dfota_chat_line(&chat, "OK", 3), DFOTA_DONE);
    assert_int_equal(chat.result, DFOTA_CHAT_OK);
    assert_int_equal(dfota_chat_line(&chat, "OK", 4), DFOTA_OK);
}

static void every_final_code_has_its_result(void **state)
{
    static const struct {
        const char *line;
        uint8_t result;
        int32_t number;
    } codes[] = {
        {"OK", DFOTA_CHAT_OK, 0},
        {"ERROR", DFOTA_CHAT_ERROR, 0},
        {"NO CARRIER", DFOTA_CHAT_ERROR, 0},
        {"CONNECT", DFOTA_CHAT_CONNECT, 0},
        {"CONNECT 115200", DFOTA_CHAT_CONNECT, 0},
        {"+CME ERROR: 591", DFOTA_CHAT_NUMBER, 591},
        {"+CMS ERROR: 300", DFOTA_CHAT_NUMBER, 300},
        {"+CME ERROR:-7", DFOTA_CHAT_NUMBER, -7},
        {"+CME ERROR: 99999999999999", DFOTA_CHAT_NUMBER, 999999999},
        {"+CME ERROR: DFOTA is ongoing", DFOTA_CHAT_ERROR, 0},
    };
    struct dfota_chat chat;

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        dfota_chat_init(&chat, 0);
        dfota_chat_send(&chat, csq, 1000, 0);
        assert_int_equal(dfota_chat_line(&chat, codes[i].line, 0), DFOTA_DONE);
        assert_int_equal(chat.result, codes[i].result);
        if (chat.result == DFOTA_CHAT_NUMBER)
            assert_int_equal(chat.number, codes[i].number);
    }
}

static void the_next_command_waits_100_ms_after_the_final_code(void **state)
{
    struct dfota_chat chat;

    (void)state;
    dfota_chat_init(&chat, 0);
    dfota_chat_send(&chat, csq, 1000, 0);
    out(&chat, 0);
    dfota_chat_line(&chat, "OK", 50);
    dfota_chat_send(&chat, csq, 1000, 50);
    assert_string_equal(out(&chat, 149), "");
    assert_string_equal(out(&chat, 150), "AT+CSQ\r");
}

static void silence_ends_in_a_time_out_also_when_the_clock_wraps(void **state)
{
    struct dfota_chat chat;
    uint32_t now = UINT32_MAX - 400;

    (void)state;
    dfota_chat_init(&chat, now);
    dfota_chat_send(&chat, csq, 1000, now);
    assert_string_equal(out(&chat, now), "AT+CSQ\r");
    assert_int_equal(dfota_chat_tick(&chat, now + 999), DFOTA_OK);
    assert_int_equal(dfota_chat_tick(&chat, now + 1000), DFOTA_DONE);
    assert_int_equal(chat.result, DFOTA_CHAT_TIMEOUT);
    assert_int_equal(dfota_chat_tick(&chat, now + 2000), DFOTA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_goes_out_once_in_any_pieces),
        cmocka_unit_test(a_final_code_ends_it_and_information_and_echo_do_not),
        cmocka_unit_test(every_final_code_has_its_result),
        cmocka_unit_test(the_next_command_waits_100_ms_after_the_final_code),
        cmocka_unit_test(silence_ends_in_a_time_out_also_when_the_clock_wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
