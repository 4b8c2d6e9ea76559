/* SPDX-License-Identifier: Apache-2.0 */
/* Where packages are, and whether modules can come there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "unit/rehearsal.h"

#include "base/err.h"
#include "server/fleet/package_url.h"

static void set(char out[NODE_URL_ROOM], const char *address)
{
    snprintf(out, NODE_URL_ROOM, "%s", address);
}

static int set_up(void **state)
{
    struct rehearsal *r = calloc(1, sizeof *r);

    rehearsal_open(r, "2028-02-20T12:00:00Z");
    assert_int_equal(sql_begin(r->sql), 0);
    assert_int_equal(fleet_add_key(r->sql, "url", 1), 0);
    assert_int_equal(sql_commit(r->sql), 0);
    assert_int_equal(fleet_load(r->node.fleet), 0);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rehearsal_close(*state);
    free(*state);
    return 0;
}

static const char SHA[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void the_best_protocol_of_the_mask_is_taken(void **state)
{
    struct rehearsal *r = *state;
    char url[PACKAGE_URL_ROOM];

    set(r->node.public_http, "http://f.example");
    set(r->node.public_coap, "coap://f.example:5683");
    assert_int_equal(
        package_url_make(&r->node, PLAN_POLLED, SHA, 1, "x.pkg", url), 0);
    assert_memory_equal(url, "http://f.example/p/", 19);
    assert_int_equal(package_url_make(&r->node, PLAN_COAP | PLAN_COAPS, SHA, 1,
                                      "x.pkg", url),
                     0);
    assert_memory_equal(url, "coap://f.example:5683/p/", 24);
    assert_int_equal(
        package_url_make(&r->node, PLAN_HTTPS, SHA, 1, "x.pkg", url),
        DFOTA_E_NOTFOUND);
    set(r->node.public_https, "https://f.example");
    assert_int_equal(
        package_url_make(&r->node, PLAN_POLLED, SHA, 1, "x.pkg", url), 0);
    assert_memory_equal(url, "https://f.example/p/", 20);
}

/* returns whether it may; what is said has the word */
static bool may(struct rehearsal *r, const char *class_name, unsigned transport,
                const char *word)
{
    const struct package_kind kind = {class_name, "a model with many letters",
                                      "1.1.0-and-some-more"};
    char why[300] = "";
    bool fine = package_url_check(&r->node, &kind, transport, why, sizeof why);

    if (word)
        assert_non_null(strstr(why, word));
    return fine;
}

static void approval_knows_the_dialects(void **state)
{
    struct rehearsal *r = *state;

    assert_false(may(r, "bg95", PLAN_HTTP, "no public address"));
    assert_true(may(r, "bg95", PLAN_PUSH, NULL));
    set(r->node.public_https, "https://f.example");
    assert_true(may(r, "bg95", PLAN_HTTP | PLAN_HTTPS, NULL));
    assert_false(may(r, "bc26", PLAN_HTTPS, "bc26 cannot load over https"));
    assert_false(may(r, "mc65", PLAN_HTTPS, "mc65 cannot load over https"));
    assert_false(may(r, "bc26", PLAN_HTTP | PLAN_HTTPS, "no public address"));
    set(r->node.public_http, "http://f.example");
    assert_true(may(r, "bc26", PLAN_HTTP | PLAN_HTTPS, NULL));
    assert_int_equal(package_url_loadable("bc26", PLAN_POLLED), PLAN_HTTP);
    assert_int_equal(package_url_loadable("bg95", PLAN_POLLED), PLAN_POLLED);
    assert_int_equal(package_url_loadable("own", PLAN_POLLED), PLAN_POLLED);
}

static void approval_refuses_what_leads_nowhere(void **state)
{
    static const char *const nowhere[] = {
        "http://127.0.0.1:80", "http://localhost", "http://[::1]:8080",
        "http://0.0.0.0:80", "http://[::]:80"};
    struct rehearsal *r = *state;

    for (int i = 0; i < 5; i++) {
        set(r->node.public_http, nowhere[i]);
        r->node.loopback = false;
        assert_false(may(r, "bg95", PLAN_HTTP, "--public-loopback"));
        r->node.loopback = true;
        assert_true(may(r, "bg95", PLAN_HTTP, NULL));
    }
    set(r->node.public_http, "http://127-0-0-1.example");
    r->node.loopback = false;
    assert_true(may(r, "bg95", PLAN_HTTP, NULL));
}

static void approval_counts_the_bytes_of_a_url(void **state)
{
    struct rehearsal *r = *state;
    char host[NODE_URL_ROOM] = "http://";

    memset(host + 7, 'h', 149);
    set(r->node.public_http, host);
    assert_false(may(r, "bc26", PLAN_HTTP, "bytes"));
    assert_true(may(r, "bg95", PLAN_HTTP, NULL)); /* 700 */
    r->node.public_http[100] = '\0';
    assert_true(may(r, "bc26", PLAN_HTTP, NULL));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_best_protocol_of_the_mask_is_taken),
        CASE(approval_knows_the_dialects),
        CASE(approval_refuses_what_leads_nowhere),
        CASE(approval_counts_the_bytes_of_a_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
