/* SPDX-License-Identifier: Apache-2.0 */
/* Where a web hook may lead, and when it is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "server/events/courier.h"
#include "server/events/courier_target.h"

static bool local(const char *text)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    if (strchr(text, ':')) {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        return target_is_local((const struct sockaddr *)&v6);
    }
    assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
    return target_is_local((const struct sockaddr *)&v4);
}

static void this_machine_and_its_link_are_local(void **state)
{
    static const char *const all[] = {"127.0.0.1",
                                      "127.255.0.9",
                                      "0.0.0.0",
                                      "0.1.2.3",
                                      "169.254.169.254",
                                      "224.0.0.1",
                                      "255.255.255.255",
                                      "::1",
                                      "::",
                                      "fe80::1",
                                      "febf::1",
                                      "ff02::1",
                                      "::ffff:127.0.0.1",
                                      "::ffff:169.254.1.1",
                                      "::127.0.0.1",
                                      "64:ff9b::7f00:1",
                                      "2002:7f00:0001::"};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!local(all[i]))
            fail_msg("%s is not seen as local", all[i]);
    }
}

/* As many as the machine that this runs on has. */
static void what_this_machine_is_called_is_its_own(void **state)
{
    struct sockaddr_in other = {.sin_family = AF_INET};
    struct ifaddrs *all;

    (void)state;
    assert_int_equal(getifaddrs(&all), 0);
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            assert_true(
                target_is_here(i->ifa_addr, sizeof(struct sockaddr_in)));
        else if (i->ifa_addr->sa_family == AF_INET6)
            assert_true(
                target_is_here(i->ifa_addr, sizeof(struct sockaddr_in6)));
    }
    freeifaddrs(all);
    inet_pton(AF_INET, "203.0.113.77", &other.sin_addr);
    assert_false(target_is_here((const struct sockaddr *)&other, sizeof other));
}

static void others_are_not(void **state)
{
    static const char *const all[] = {
        "10.0.0.1",  "192.168.1.1", "128.0.0.1",        "126.255.255.255",
        "8.8.8.8",   "169.253.1.1", "223.255.255.255",  "2001:db8::1",
        "fec0::1",   "fd00::1",     "::ffff:192.0.2.1", "64:ff9b::808:808",
        "2002:808::"};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (local(all[i]))
            fail_msg("%s is seen as local", all[i]);
    }
}

static void a_family_that_is_no_internet_is_local(void **state)
{
    const struct sockaddr other = {.sa_family = AF_UNIX};

    (void)state;
    assert_true(target_is_local(&other));
}

static void the_pause_doubles_up_to_an_hour(void **state)
{
    (void)state;
    assert_int_equal(courier_next(1000, 1), 1010);
    assert_int_equal(courier_next(1000, 2), 1020);
    assert_int_equal(courier_next(1000, 9), 1000 + 2560);
    assert_int_equal(courier_next(1000, 10), 1000 + 3600);
    assert_int_equal(courier_next(1000, 1000000), 1000 + 3600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_and_its_link_are_local),
        cmocka_unit_test(what_this_machine_is_called_is_its_own),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(a_family_that_is_no_internet_is_local),
        cmocka_unit_test(the_pause_doubles_up_to_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
