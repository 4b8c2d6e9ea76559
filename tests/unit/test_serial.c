/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "port/posix/serial.h"
#include "port/posix/usb_tty.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
/* cmocka needs setjmp, stdarg, stddef and stdint first */
#include <cmocka.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/test_serial.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* A pty whose slave has the name link. returns the master */
static int make_pty(const char *link)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    (void)unlink(link);
    assert_int_equal(symlink(ptsname(master), link), 0);
    return master;
}

static struct serial *made(const char *prefix, const char *rest)
{
    struct serial *port;
    char name[160];

    (void)snprintf(name, sizeof(name), "%s%s", prefix, rest);
    assert_int_equal(serial_create(name, 115200, &port), DFOTA_OK);
    return port;
}

/* Read until len bytes or an error; waits for what is on its way. */
static int read_all(struct serial *port, uint8_t *data, size_t len)
{
    size_t got = 0;

    for (int i = 0; i < 1000 && got < len; i++) {
        struct pollfd p = {.fd = serial_fd(port), .events = POLLIN};
        size_t n;
        int err;

        assert_true(poll(&p, 1, 5000) > 0);
        err = serial_read(port, data + got, len - got, &n);
        if (err)
            return err;
        got += n;
    }
    return got == len ? DFOTA_OK : DFOTA_E_TIMEOUT;
}

static void every_byte_passes_a_pty_unchanged_both_ways(void **state)
{
    char link[128];
    uint8_t bytes[256];
    uint8_t got[256];
    struct serial *port;
    size_t used;
    int master;

    (void)state;
    (void)snprintf(link, sizeof(link), "%s/port", folder);
    master = make_pty(link);
    port = made("pty:", link);
    assert_int_equal(serial_open(port), DFOTA_OK);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(write(master, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(read_all(port, got, sizeof(got)), DFOTA_OK);
    assert_memory_equal(bytes, got, sizeof(got));
    assert_int_equal(serial_write(port, bytes, sizeof(bytes), &used), DFOTA_OK);
    assert_int_equal(used, sizeof(bytes));
    memset(got, 0, sizeof(got));
    assert_int_equal(read(master, got, sizeof(got)), sizeof(got));
    assert_memory_equal(bytes, got, sizeof(got));
    serial_destroy(port);
    close(master);
    (void)unlink(link);
}

static void reading_an_empty_port_gives_nothing_and_no_error(void **state)
{
    char link[128];
    struct serial *port;
    uint8_t byte;
    size_t len = 9;
    int master;

    (void)state;
    (void)snprintf(link, sizeof(link), "%s/port", folder);
    master = make_pty(link);
    port = made("pty:", link);
    assert_int_equal(serial_open(port), DFOTA_OK);
    assert_int_equal(serial_read(port, &byte, 1, &len), DFOTA_OK);
    assert_int_equal(len, 0);
    serial_destroy(port);
    close(master);
    (void)unlink(link);
}

static void a_pty_that_vanishes_is_an_error_and_may_come_back(void **state)
{
    char link[128];
    struct serial *port;
    uint8_t byte;
    int master;

    (void)state;
    (void)snprintf(link, sizeof(link), "%s/port", folder);
    master = make_pty(link);
    port = made("pty:", link);
    assert_int_equal(serial_open(port), DFOTA_OK);
    close(master);
    assert_int_equal(read_all(port, &byte, 1), DFOTA_E_IO);
    serial_close(port);
    (void)unlink(link);
    assert_int_equal(serial_open(port), DFOTA_E_NOTFOUND);
    master = make_pty(link);
    assert_int_equal(serial_open(port), DFOTA_OK);
    assert_int_equal(write(master, "x", 1), 1);
    assert_int_equal(read_all(port, &byte, 1), DFOTA_OK);
    assert_int_equal(byte, 'x');
    serial_destroy(port);
    close(master);
    (void)unlink(link);
}

/* Its number may be another's by then: see what a link leads to once. */
static void a_pty_is_opened_again_only_by_a_new_link(void **state)
{
    struct serial *port;
    char link[96];
    int master;

    (void)state;
    (void)snprintf(link, sizeof(link), "%s/pty", folder);
    master = make_pty(link);
    port = made("pty:", link);
    assert_int_equal(serial_open(port), DFOTA_OK);
    assert_int_equal(serial_open(port), DFOTA_E_NOTFOUND);
    close(master);
    master = make_pty(link);
    assert_int_equal(serial_open(port), DFOTA_OK);
    serial_destroy(port);
    close(master);
    unlink(link);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A USB device with one serial port, as sysfs shows it: its folder, that of
 * the interface, of the port, and the link from class/tty. */
static void plug(const char *tty, const char *socket, const char *serial,
                 const char *interface)
{
    char path[256];
    char link[256];

    (void)snprintf(path, sizeof(path),
                   "mkdir -p %s/sys/class/tty/%s "
                   "%s/sys/devices/%s/%s:1.%s/%s",
                   folder, tty, folder, socket, socket, interface, tty);
    assert_int_equal(system(path), 0); /* NOLINT(cert-env33-c): a fixed word */
    (void)snprintf(path, sizeof(path), "%s/sys/devices/%s/idVendor", folder,
                   socket);
    put(path, "2c7c\n");
    (void)snprintf(path, sizeof(path), "%s/sys/devices/%s/serial", folder,
                   socket);
    if (*serial)
        put(path, serial);
    (void)snprintf(path, sizeof(path),
                   "%s/sys/devices/%s/%s:1.%s/bInterfaceNumber", folder, socket,
                   socket, interface);
    put(path, interface);
    (void)snprintf(link, sizeof(link), "%s/sys/class/tty/%s/device", folder,
                   tty);
    (void)snprintf(path, sizeof(path), "../../../devices/%s/%s:1.%s/%s", socket,
                   socket, interface, tty);
    assert_int_equal(symlink(path, link), 0);
}

static void unplug_all(void)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -rf %s/sys", folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): as above */
}

static void a_usb_port_is_known_by_serial_number_and_interface(void **state)
{
    char sysfs[96];
    char id[USB_TTY_ROOM];
    char tty[USB_TTY_ROOM];

    (void)state;
    (void)snprintf(sysfs, sizeof(sysfs), "%s/sys", folder);
    plug("ttyUSB2", "1-4", "4711\n", "02");
    plug("ttyUSB3", "1-4", "4711\n", "03");
    plug("ttyUSB4", "1-5", "", "02");
    assert_int_equal(usb_tty_identify(sysfs, "ttyUSB2", id), DFOTA_OK);
    assert_string_equal(id, "2c7c:4711:02");
    assert_int_equal(usb_tty_find(sysfs, id, tty), DFOTA_OK);
    assert_string_equal(tty, "ttyUSB2");
    assert_int_equal(usb_tty_identify(sysfs, "ttyUSB4", id), DFOTA_OK);
    assert_string_equal(id, "2c7c:@1-5:02");
    assert_int_equal(usb_tty_identify(sysfs, "ttyS0", id), DFOTA_E_NOTFOUND);
    assert_int_equal(usb_tty_find(sysfs, "2c7c:4712:02", tty),
                     DFOTA_E_NOTFOUND);
    unplug_all();
}

static void a_usb_module_is_found_again_under_another_name(void **state)
{
    struct serial *port;
    char sysfs[96];
    char link[96];
    char other[96];
    int masters[2];

    (void)state;
    (void)snprintf(sysfs, sizeof(sysfs), "%s/sys", folder);
    (void)snprintf(link, sizeof(link), "%s/ttyUSB2", folder);
    (void)snprintf(other, sizeof(other), "%s/ttyUSB7", folder);
    plug("ttyUSB2", "1-4", "4711\n", "02");
    masters[0] = make_pty(link);
    port = made("", link);
    serial_set_roots(port, sysfs, folder);
    assert_false(serial_is_usb(port));
    assert_int_equal(serial_open(port), DFOTA_OK);
    assert_true(serial_is_usb(port));

    /* It resets, and another module takes its name. */
    serial_close(port);
    unplug_all();
    plug("ttyUSB2", "1-3", "4710\n", "02");
    assert_int_equal(serial_open(port), DFOTA_E_NOTFOUND);
    plug("ttyUSB7", "1-4", "4711\n", "02");
    masters[1] = make_pty(other);
    assert_int_equal(serial_open(port), DFOTA_OK);
    assert_int_equal(write(masters[1], "RDY", 3), 3);
    {
        uint8_t data[3];

        assert_int_equal(read_all(port, data, 3), DFOTA_OK);
        assert_memory_equal(data, "RDY", 3);
    }
    serial_destroy(port);
    close(masters[0]);
    close(masters[1]);
    unlink(link);
    unlink(other);
    unplug_all();
}

static void a_tcp_port_is_reached_and_its_end_is_seen(void **state)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct serial *port;
    uint8_t got[2];
    char name[32];
    int peer;

    (void)state;
    assert_int_equal(bind(server, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&addr, &len), 0);
    (void)snprintf(name, sizeof(name), "%d", ntohs(addr.sin_port));
    port = made("tcp:127.0.0.1:", name);
    assert_int_equal(serial_open(port), DFOTA_OK);
    peer = accept(server, NULL, NULL);
    assert_int_equal(write(peer, "OK", 2), 2);
    assert_int_equal(read_all(port, got, 2), DFOTA_OK);
    close(peer);
    assert_int_equal(read_all(port, got, 1), DFOTA_E_IO);
    close(server);
    assert_int_equal(serial_open(port), DFOTA_E_CONNECT);
    serial_destroy(port);
}

static void a_unix_socket_is_reached(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    struct serial *port;
    int peer;

    (void)state;
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", folder);
    assert_int_equal(bind(server, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(server, 1), 0);
    port = made("unix:", addr.sun_path);
    assert_int_equal(serial_open(port), DFOTA_OK);
    peer = accept(server, NULL, NULL);
    assert_true(peer >= 0);
    close(peer);
    close(server);
    serial_destroy(port);
    (void)unlink(addr.sun_path);
}

static void names_and_rates_that_cannot_be_are_refused(void **state)
{
    static const char *const names[] = {
        "",        "ttyUSB0",     "pty:",     "tcp:",      "tcp:host", "tcp::1",
        "tcp:h:0", "tcp:h:65536", "tcp:h:1x", "tcp:[::1]", "tcp:h:-1"};
    struct serial *port = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(serial_create(names[i], 115200, &port), DFOTA_E_ARG);
    assert_int_equal(serial_create("/dev/ttyUSB0", 1234567, &port),
                     DFOTA_E_ARG);
    assert_int_equal(serial_create("tcp:[::1]:7", 115200, &port), DFOTA_OK);
    serial_destroy(port);
    assert_int_equal(serial_create("/dev/no-such-port", 9600, &port), DFOTA_OK);
    assert_int_equal(serial_open(port), DFOTA_E_NOTFOUND);
    serial_destroy(port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_passes_a_pty_unchanged_both_ways),
        cmocka_unit_test(reading_an_empty_port_gives_nothing_and_no_error),
        cmocka_unit_test(a_pty_that_vanishes_is_an_error_and_may_come_back),
        cmocka_unit_test(a_pty_is_opened_again_only_by_a_new_link),
        cmocka_unit_test(a_usb_port_is_known_by_serial_number_and_interface),
        cmocka_unit_test(a_usb_module_is_found_again_under_another_name),
        cmocka_unit_test(a_tcp_port_is_reached_and_its_end_is_seen),
        cmocka_unit_test(a_unix_socket_is_reached),
        cmocka_unit_test(names_and_rates_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
