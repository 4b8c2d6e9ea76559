/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "modem/dialect_conf.h"
#include "os/log.h"

static struct dialect_conf conf;
static char said[512];

static const struct dialect *bg95(void)
{
    const char *model;
    const struct dialect *d = dialect_find("bg95", &model);

    assert_non_null(d);
    return d;
}

/* Parse a text; what went to standard error is in `said`. */
static int parse_bytes(const char *bytes, size_t len)
{
    FILE *catch = tmpfile();
    int kept = dup(STDERR_FILENO), err;
    char *text = malloc(len + 1);
    size_t n;

    assert_true(catch && kept >= 0 && text);
    memcpy(text, bytes, len);
    text[len] = '\0';
    dialect_conf_release(&conf);
    conf = (struct dialect_conf){.dialect = *bg95(), .text = text};
    dup2(fileno(catch), STDERR_FILENO);
    err = dialect_conf_parse(&conf, text, len, "x.conf");
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(catch);
    n = fread(said, 1, sizeof said - 1, catch);
    said[n] = '\0';
    fclose(catch);
    return err;
}

static int parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void assert_refused(const char *text, const char *why)
{
    assert_int_equal(parse(text), DFOTA_E_SYNTAX);
    if (!strstr(said, why))
        fail_msg("%s: said %s", text, said);
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void values_of_every_kind_are_taken(void **state)
{
    (void)state;
    assert_int_equal(parse("# a fleet's module\r\n"
                           "\n"
                           "default_port_https = 443\r\n"
                           "  default_port_coaps=5684  \n"
                           "rssi_dbm = -97\n"
                           "imei = 866425030000099\n"
                           "operator_name = A name, with = and # in it\n"
                           "boot_ms = 70000\n"
                           "resumes = 0"),
                     0);
    assert_string_equal(said, "");
    assert_int_equal(conf.dialect.url.ports[0], bg95()->url.ports[0]);
    assert_int_equal(conf.dialect.url.ports[1], 443);
    assert_int_equal(conf.dialect.url.ports[3], 5684);
    assert_int_equal(conf.dialect.radio.rssi_dbm, -97);
    assert_string_equal(conf.dialect.radio.imei, "866425030000099");
    assert_string_equal(conf.dialect.radio.operator_name,
                        "A name, with = and # in it");
    assert_int_equal(conf.dialect.timing.boot, 70000);
    assert_int_equal(conf.dialect.timing.resumes, 0);
    assert_int_equal(conf.dialect.timing.connect_tries,
                     bg95()->timing.connect_tries);
}

static void nothing_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_memory_equal(&conf.dialect, bg95(), sizeof conf.dialect);
}

static void a_refusal_names_file_line_and_key(void **state)
{
    (void)state;
    assert_refused("\n# x\ndefault_port = 1\n",
                   "x.conf:3: default_port: no such key");
    assert_refused("ber\n", "x.conf:1: ber: no value");
    assert_refused("ber = 1\nber = 1\n", "x.conf:2: ber: is there twice");
    assert_refused("ber = 100\n", "x.conf:1: ber: give a number from 0 to 99");
    assert_refused("rssi_dbm = -141", "from -140 to 0");
}

static void values_out_of_shape_are_refused(void **state)
{
    static const char *const bad[] = {
        "ber = -1",
        "ber = 1x",
        "ber =",
        "ber = 99999999999999999999",
        "connect_tries = 256",
        "default_port_http = 0",
        "default_port_http = 65536",
        "imei = 1234",
        "imei = 86642503000001x",
        "imsi = 1234567890123456",
        "operator_name = with \" a quote",
        "operator_name = \xC3\xA9",
        "operator_name = tab\there",
        "operator_name =",
        "= 1",
        "boot_ms = 1e3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(bad[i], "x.conf:1: ");
    assert_int_equal(parse_bytes("ber = 1\0\nber = 2\n", 17), DFOTA_E_SYNTAX);
    assert_non_null(strstr(said, "NUL"));
}

static void polling_times_are_those_of_a_family_that_polls(void **state)
{
    const char *model;
    const struct dialect *d = dialect_find("bg96-softbank", &model);
    char text[] = "poll_again_s = 3600\n";

    (void)state;
    assert_refused("poll_first_s = 60", "poll_first_s: this family does not");
    dialect_conf_release(&conf);
    conf = (struct dialect_conf){.dialect = *d};
    assert_int_equal(dialect_conf_parse(&conf, text, sizeof text - 1, "x"), 0);
    assert_int_equal(conf.dialect.polling->again_s, 3600);
    assert_int_equal(conf.dialect.polling->first_s, d->polling->first_s);
    assert_int_not_equal(d->polling->again_s, 3600);
}

static void a_missing_file_is_an_error_only_when_it_was_named(void **state)
{
    (void)state;
    dialect_conf_release(&conf);
    assert_int_equal(dialect_conf_load(&conf, bg95(), "/no/such.conf", false),
                     0);
    assert_memory_equal(&conf.dialect, bg95(), sizeof conf.dialect);
    log_init("test", LOG_LEVEL_ERROR);
    assert_int_equal(dialect_conf_load(&conf, bg95(), "/no/such.conf", true),
                     DFOTA_E_IO);
    assert_int_not_equal(dialect_conf_load(&conf, bg95(), "/tmp", false), 0);
}

static int release(void **state)
{
    (void)state;
    dialect_conf_release(&conf);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind_are_taken),
        cmocka_unit_test(nothing_changes_nothing),
        cmocka_unit_test(a_refusal_names_file_line_and_key),
        cmocka_unit_test(values_out_of_shape_are_refused),
        cmocka_unit_test(polling_times_are_those_of_a_family_that_polls),
        cmocka_unit_test(a_missing_file_is_an_error_only_when_it_was_named),
    };

    log_init("test", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, release);
}
