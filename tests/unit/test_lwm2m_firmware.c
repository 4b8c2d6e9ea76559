/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of the Firmware Update object: every state with every event,
 * for both versions of the object, and what a boot makes of what it finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "link/coap_msg.h"
#include "lwm2m/firmware.h"

static struct {
    unsigned erased, changed, fetched, resumed;
    int check, write, finish;
} seen;

static int on_begin(void *ctx)
{
    (void)ctx;
    return 0;
}

static int on_write(void *ctx, const void *data, size_t len)
{
    (void)ctx;
    (void)data;
    (void)len;
    return seen.write;
}

static int on_finish(void *ctx)
{
    (void)ctx;
    return seen.finish;
}

static void on_erase(void *ctx)
{
    (void)ctx;
    seen.erased++;
}

static int on_check(void *ctx, const char *uri)
{
    (void)ctx;
    (void)uri;
    return seen.check;
}

static void on_fetch(void *ctx, const char *uri, bool resume)
{
    (void)ctx;
    assert_string_equal(uri, "coap://h/p");
    seen.fetched++;
    seen.resumed += resume;
}

static void on_changed(void *ctx)
{
    (void)ctx;
    seen.changed++;
}

static const struct firmware_ops ops = {.begin = on_begin,
                                        .write = on_write,
                                        .finish = on_finish,
                                        .erase = on_erase,
                                        .check = on_check,
                                        .fetch = on_fetch,
                                        .changed = on_changed};

static struct firmware at(enum firmware_state state,
                          enum firmware_result result, bool v11)
{
    struct firmware f;

    memset(&seen, 0, sizeof seen);
    firmware_init(&f, &ops, NULL, v11);
    f.kept.state = (uint8_t)state;
    f.kept.result = (uint8_t)result;
    return f;
}

enum { IDLE, DOWNLOADING, DOWNLOADED, UPDATING, SAME = 99 };

/* One row of the table: from a state by an event to a state, with a result
 * and an answer. Result 8 stands before each, to see who keeps it. */
struct row {
    int from, event, to, result, code;
    bool erases;
};

static void check_rows(const struct row *rows, size_t n, bool v11)
{
    for (size_t i = 0; i < n; i++) {
        struct firmware f =
            at((enum firmware_state)rows[i].from, FIRMWARE_FAILED, v11);
        int to = rows[i].to == SAME ? rows[i].from : rows[i].to;
        int result = rows[i].result == SAME ? FIRMWARE_FAILED : rows[i].result;
        uint8_t code = firmware_event(&f, (enum firmware_event)rows[i].event);

        if (f.kept.state != to || f.kept.result != result ||
            code != rows[i].code || (seen.erased > 0) != rows[i].erases)
            print_error("row %zu: state %u result %u code %x erased %u\n", i,
                        f.kept.state, f.kept.result, code, seen.erased);
        assert_int_equal(f.kept.state, to);
        assert_int_equal(f.kept.result, result);
        assert_int_equal(code, rows[i].code);
        assert_int_equal(seen.erased > 0, rows[i].erases);
        assert_int_equal(seen.changed,
                         to != rows[i].from || result != FIRMWARE_FAILED);
    }
}

static const struct row both[] = {
    {IDLE, FIRMWARE_ON_PACKAGE, DOWNLOADING, 0, COAP_CONTINUE, false},
    {IDLE, FIRMWARE_ON_URI, DOWNLOADING, 0, COAP_CHANGED, false},
    {IDLE, FIRMWARE_ON_BAD_URI, IDLE, 7, COAP_CHANGED, false},
    {IDLE, FIRMWARE_ON_BAD_SCHEME, IDLE, 9, COAP_CHANGED, false},
    {IDLE, FIRMWARE_ON_TOO_LARGE, IDLE, 2, COAP_TOO_LARGE, false},
    {IDLE, FIRMWARE_ON_EXECUTE, SAME, SAME, COAP_NOT_ALLOWED, false},
    {DOWNLOADING, FIRMWARE_ON_EXECUTE, SAME, SAME, COAP_NOT_ALLOWED, false},
    {UPDATING, FIRMWARE_ON_EXECUTE, SAME, SAME, COAP_NOT_ALLOWED, false},
    {DOWNLOADING, FIRMWARE_ON_COMPLETE, DOWNLOADED, 0, 0, false},
    {DOWNLOADING, FIRMWARE_ON_NO_FLASH, IDLE, 2, COAP_SERVER_ERROR, true},
    {DOWNLOADING, FIRMWARE_ON_NO_RAM, IDLE, 3, COAP_SERVER_ERROR, true},
    {DOWNLOADING, FIRMWARE_ON_LOST, IDLE, 4, 0, true},
    {DOWNLOADING, FIRMWARE_ON_INTEGRITY, IDLE, 5, COAP_CHANGED, true},
    {DOWNLOADING, FIRMWARE_ON_BAD_PACKAGE, IDLE, 6, COAP_CHANGED, true},
    {DOWNLOADING, FIRMWARE_ON_FETCH_URI, IDLE, 7, 0, true},
    {DOWNLOADING, FIRMWARE_ON_FETCH_SCHEME, IDLE, 9, 0, true},
    {IDLE, FIRMWARE_ON_RESET, IDLE, 0, COAP_CHANGED, true},
    {DOWNLOADING, FIRMWARE_ON_RESET, IDLE, 0, COAP_CHANGED, true},
    {DOWNLOADED, FIRMWARE_ON_RESET, IDLE, 0, COAP_CHANGED, true},
    {UPDATING, FIRMWARE_ON_RESET, SAME, SAME, COAP_NOT_ALLOWED, false},
    {DOWNLOADING, FIRMWARE_ON_PACKAGE, SAME, SAME, COAP_BAD_REQUEST, false},
    {DOWNLOADING, FIRMWARE_ON_URI, SAME, SAME, COAP_BAD_REQUEST, false},
    {DOWNLOADING, FIRMWARE_ON_BAD_URI, SAME, SAME, COAP_BAD_REQUEST, false},
    {DOWNLOADING, FIRMWARE_ON_BAD_SCHEME, SAME, SAME, COAP_BAD_REQUEST, false},
    {DOWNLOADED, FIRMWARE_ON_PACKAGE, SAME, SAME, COAP_BAD_REQUEST, false},
    {DOWNLOADED, FIRMWARE_ON_URI, SAME, SAME, COAP_BAD_REQUEST, false},
    {DOWNLOADED, FIRMWARE_ON_BAD_URI, SAME, SAME, COAP_BAD_REQUEST, false},
    {DOWNLOADED, FIRMWARE_ON_BAD_SCHEME, SAME, SAME, COAP_BAD_REQUEST, false},
    {UPDATING, FIRMWARE_ON_PACKAGE, SAME, SAME, COAP_NOT_ALLOWED, false},
    {UPDATING, FIRMWARE_ON_URI, SAME, SAME, COAP_NOT_ALLOWED, false},
    {DOWNLOADED, FIRMWARE_ON_EXECUTE, UPDATING, 0, COAP_CHANGED, false},
    {UPDATING, FIRMWARE_ON_UPDATED, IDLE, 1, 0, false},
    /* A time-out that comes when the download is over changes nothing. */
    {IDLE, FIRMWARE_ON_LOST, SAME, SAME, COAP_NOT_ALLOWED, false},
    {DOWNLOADED, FIRMWARE_ON_LOST, SAME, SAME, COAP_NOT_ALLOWED, false},
    {IDLE, FIRMWARE_ON_COMPLETE, SAME, SAME, COAP_NOT_ALLOWED, false},
    {IDLE, FIRMWARE_ON_UPDATED, SAME, SAME, COAP_NOT_ALLOWED, false},
};

static void every_row_of_both_versions(void **state)
{
    (void)state;
    check_rows(both, sizeof both / sizeof both[0], false);
    check_rows(both, sizeof both / sizeof both[0], true);
}

static void version_1_0_keeps_a_package_that_failed(void **state)
{
    static const struct row rows[] = {
        {UPDATING, FIRMWARE_ON_FAILED, DOWNLOADED, 8, 0, false},
        {DOWNLOADING, FIRMWARE_ON_CANCEL, SAME, SAME, COAP_NOT_ALLOWED, false},
        {DOWNLOADED, FIRMWARE_ON_CANCEL, SAME, SAME, COAP_NOT_ALLOWED, false},
    };

    (void)state;
    check_rows(rows, 3, false);
}

static void version_1_1_drops_it_and_knows_cancel(void **state)
{
    static const struct row rows[] = {
        {UPDATING, FIRMWARE_ON_FAILED, IDLE, 8, 0, true},
        {IDLE, FIRMWARE_ON_CANCEL, SAME, SAME, COAP_NOT_ALLOWED, false},
        {DOWNLOADING, FIRMWARE_ON_CANCEL, IDLE, 10, COAP_CHANGED, true},
        {DOWNLOADED, FIRMWARE_ON_CANCEL, IDLE, 10, COAP_CHANGED, true},
        {UPDATING, FIRMWARE_ON_CANCEL, SAME, SAME, COAP_NOT_ALLOWED, false},
    };

    (void)state;
    check_rows(rows, 5, true);
}

static void a_uri_is_looked_at_when_it_can_be_used(void **state)
{
    struct firmware f = at(FIRMWARE_IDLE, FIRMWARE_INITIAL, false);
    char longest[FIRMWARE_URI_MAX + 2];

    (void)state;
    assert_int_equal(firmware_write_uri(&f, "coap://h/p", 10), COAP_CHANGED);
    assert_int_equal(seen.fetched, 1);
    assert_int_equal(f.kept.state, FIRMWARE_DOWNLOADING);
    /* Another one waits for a reset, whatever it is. */
    seen.check = DFOTA_E_ARG;
    assert_int_equal(firmware_write_uri(&f, "x", 1), COAP_BAD_REQUEST);
    assert_string_equal(f.kept.uri, "coap://h/p");
    assert_int_equal(firmware_write_uri(&f, "", 0), COAP_CHANGED);
    assert_int_equal(f.kept.state, FIRMWARE_IDLE);
    assert_string_equal(f.kept.uri, "");
    assert_int_equal(firmware_write_uri(&f, "x", 1), COAP_CHANGED);
    assert_int_equal(f.kept.result, FIRMWARE_BAD_URI);
    seen.check = DFOTA_E_UNSUPPORTED;
    assert_int_equal(firmware_write_uri(&f, "ftp://h/p", 9), COAP_CHANGED);
    assert_int_equal(f.kept.result, FIRMWARE_BAD_PROTOCOL);
    seen.check = DFOTA_E_BUSY;
    assert_int_equal(firmware_write_uri(&f, "coap://h/p", 10),
                     COAP_BAD_REQUEST);
    assert_int_equal(f.kept.state, FIRMWARE_IDLE);
    /* 255 bytes are a URI, 256 are none. */
    memset(longest, 'a', sizeof longest);
    seen.check = DFOTA_E_UNSUPPORTED;
    firmware_write_uri(&f, longest, FIRMWARE_URI_MAX);
    assert_int_equal(f.kept.result, FIRMWARE_BAD_PROTOCOL);
    firmware_write_uri(&f, longest, FIRMWARE_URI_MAX + 1);
    assert_int_equal(f.kept.result, FIRMWARE_BAD_URI);
    assert_int_equal(seen.fetched, 1);
}

static void errors_become_the_results_that_servers_know(void **state)
{
    static const struct {
        int err;
        int result;
    } rows[] = {{DFOTA_E_FULL, 2},       {DFOTA_E_FLASH, 2},
                {DFOTA_E_NOMEM, 3},      {DFOTA_E_ARENA, 3},
                {DFOTA_E_CONNECT, 4},    {DFOTA_E_TIMEOUT, 4},
                {DFOTA_E_SIGNATURE, 5},  {DFOTA_E_CORRUPT, 5},
                {DFOTA_E_COUNTER, 5},    {DFOTA_E_CLASS, 6},
                {DFOTA_E_SOURCE, 6},     {DFOTA_E_VERSION, 6},
                {DFOTA_E_ARG, 7},        {DFOTA_E_NOTFOUND, 7},
                {DFOTA_E_UNSUPPORTED, 9}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct firmware f = at(FIRMWARE_DOWNLOADING, FIRMWARE_INITIAL, false);

        f.kept.pulling = true;
        firmware_fetched(&f, rows[i].err);
        assert_int_equal(f.kept.state, FIRMWARE_IDLE);
        assert_int_equal(f.kept.result, rows[i].result);
    }
}

static void what_was_fetched_is_verified_before_it_counts(void **state)
{
    struct firmware f = at(FIRMWARE_DOWNLOADING, FIRMWARE_INITIAL, false);

    (void)state;
    f.kept.pulling = true;
    seen.finish = DFOTA_E_SIGNATURE;
    firmware_fetched(&f, 0);
    assert_int_equal(f.kept.result, FIRMWARE_INTEGRITY);
    f = at(FIRMWARE_DOWNLOADING, FIRMWARE_INITIAL, false);
    f.kept.pulling = true;
    firmware_fetched(&f, 0);
    assert_int_equal(f.kept.state, FIRMWARE_DOWNLOADED);
    /* The end of a fetch that was given up is nobody's. */
    f = at(FIRMWARE_IDLE, FIRMWARE_CANCELLED, true);
    firmware_fetched(&f, DFOTA_E_TIMEOUT);
    assert_int_equal(f.kept.result, FIRMWARE_CANCELLED);
}

static void a_boot_goes_on_where_the_power_left_it(void **state)
{
    static const struct {
        int kept, found, stored, state, result;
        bool v11;
    } rows[] = {
        {IDLE, FIRMWARE_FOUND_NOTHING, 0, IDLE, 5, false},
        {DOWNLOADING, FIRMWARE_FOUND_NOTHING, 0, IDLE, 5, false},
        {DOWNLOADED, FIRMWARE_FOUND_NOTHING, 1, DOWNLOADED, 5, false},
        {DOWNLOADED, FIRMWARE_FOUND_NOTHING, 0, IDLE, 5, false},
        {UPDATING, FIRMWARE_FOUND_UPDATED, 0, IDLE, 1, false},
        {UPDATING, FIRMWARE_FOUND_FAILED, 1, DOWNLOADED, 8, false},
        {UPDATING, FIRMWARE_FOUND_FAILED, 0, IDLE, 8, false},
        {UPDATING, FIRMWARE_FOUND_FAILED, 1, IDLE, 8, true},
        {UPDATING, FIRMWARE_FOUND_NOTHING, 1, DOWNLOADED, 5, false},
        {UPDATING, FIRMWARE_FOUND_NOTHING, 0, IDLE, 8, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct firmware f = at(FIRMWARE_IDLE, FIRMWARE_INITIAL, rows[i].v11);
        struct firmware_kept kept = {.state = (uint8_t)rows[i].kept,
                                     .result = 5};

        firmware_boot(&f, &kept, (enum firmware_found)rows[i].found,
                      rows[i].stored);
        if (f.kept.state != rows[i].state || f.kept.result != rows[i].result)
            print_error("row %zu\n", i);
        assert_int_equal(f.kept.state, rows[i].state);
        assert_int_equal(f.kept.result, rows[i].result);
        assert_int_equal(seen.fetched, 0);
    }
}

static void a_boot_resumes_a_fetch(void **state)
{
    struct firmware f = at(FIRMWARE_IDLE, FIRMWARE_INITIAL, false);
    struct firmware_kept kept = {
        .state = FIRMWARE_DOWNLOADING, .pulling = true, .uri = "coap://h/p"};

    (void)state;
    firmware_boot(&f, &kept, FIRMWARE_FOUND_NOTHING, false);
    assert_int_equal(f.kept.state, FIRMWARE_DOWNLOADING);
    assert_int_equal(seen.resumed, 1);
    assert_int_equal(seen.erased, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_both_versions),
        cmocka_unit_test(version_1_0_keeps_a_package_that_failed),
        cmocka_unit_test(version_1_1_drops_it_and_knows_cancel),
        cmocka_unit_test(a_uri_is_looked_at_when_it_can_be_used),
        cmocka_unit_test(errors_become_the_results_that_servers_know),
        cmocka_unit_test(what_was_fetched_is_verified_before_it_counts),
        cmocka_unit_test(a_boot_goes_on_where_the_power_left_it),
        cmocka_unit_test(a_boot_resumes_a_fetch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
