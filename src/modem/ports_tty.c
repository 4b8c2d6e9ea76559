/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ptys and serial devices. Devices are libserialport's, which knows any rate
 * the driver takes; what it does not take for a device (a pty by its name,
 * as socat makes them) is a terminal in raw mode without a rate.
 *
 * The module is at the far end of a null-modem cable: the host's DTR comes
 * in as DSR. No driver tells of that by poll(), so it is looked at twenty
 * times a second. On two wires and ground it is never on, and so never falls.
 */
#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "modem/ports_priv.h"
#include "os/log.h"

enum { RATE_AT_FIRST = 115200, LOOK_MS = 50 };

static void make_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t) != 0)
        return;
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    tcsetattr(fd, TCSANOW, &t);
}

static int link_to(const char *name, const char *link)
{
    struct stat st;

    if (lstat(link, &st) == 0 && S_ISLNK(st.st_mode))
        unlink(link);
    return symlink(name, link) == 0 ? 0 : DFOTA_E_IO;
}

int ports_open_pty(struct ports *p, const char *link)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0 ||
        ptsname_r(fd, p->name, sizeof p->name) != 0) {
        log_error("no pty: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return DFOTA_E_IO;
    }
    /* Held open here, so that the master does not hang up, and the line
     * keeps its settings, between two hosts. */
    p->slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->slave >= 0)
        make_raw(p->slave);
    if (link[0] == '\0')
        return ports_carry(p, fd);
    if (link_to(p->name, link) != 0) {
        log_error("%s: %s", link, strerror(errno));
        close(fd);
        return DFOTA_E_IO;
    }
    p->link = strdup(link);
    return ports_carry(p, fd);
}

/* A terminal that is no device. */
static int open_raw(struct ports *p, const char *path)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || !isatty(fd)) {
        log_error("%s: %s", path,
                  fd < 0 ? strerror(errno) : "is no serial port");
        if (fd >= 0)
            close(fd);
        return DFOTA_E_IO;
    }
    make_raw(fd);
    return ports_carry(p, fd);
}

/* 8N1 without flow control. A driver without modem lines (a pty bound over
 * a device's name) refuses those and keeps the rest. */
static int set_up(struct sp_port *serial)
{
    if (sp_set_baudrate(serial, RATE_AT_FIRST) != SP_OK ||
        sp_set_bits(serial, 8) != SP_OK ||
        sp_set_parity(serial, SP_PARITY_NONE) != SP_OK ||
        sp_set_stopbits(serial, 1) != SP_OK)
        return DFOTA_E_IO;
    sp_set_flowcontrol(serial, SP_FLOWCONTROL_NONE);
    sp_set_dtr(serial, SP_DTR_ON);
    sp_set_rts(serial, SP_RTS_ON);
    return 0;
}

static void look_at_dtr(uv_timer_t *timer)
{
    struct ports *p = timer->data;
    enum sp_signal signals;

    if (sp_get_signals(p->serial, &signals) == SP_OK)
        p->host.dtr(p->host.ctx, (signals & SP_SIG_DSR) != 0);
}

static int watch_dtr(struct ports *p)
{
    enum sp_signal signals;

    if (sp_get_signals(p->serial, &signals) != SP_OK)
        return 0; /* no modem lines */
    p->watch_dtr = malloc(sizeof *p->watch_dtr);
    if (!p->watch_dtr)
        return DFOTA_E_NOMEM;
    uv_timer_init(p->loop, p->watch_dtr);
    p->watch_dtr->data = p;
    uv_timer_start(p->watch_dtr, look_at_dtr, 0, LOOK_MS);
    return 0;
}

/* libserialport sets VMIN to 0, with which a read of nothing and the end of
 * a line look the same. */
static void let_zero_mean_gone(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t) != 0)
        return;
    t.c_cc[VMIN] = 1;
    tcsetattr(fd, TCSANOW, &t);
}

static int open_device(struct ports *p, const char *path)
{
    int fd;

    if (sp_open(p->serial, SP_MODE_READ_WRITE) != SP_OK ||
        set_up(p->serial) != 0 || sp_get_port_handle(p->serial, &fd) != SP_OK) {
        char *why = sp_last_error_message();

        log_error("%s: %s", path, why && why[0] ? why : "cannot be set up");
        sp_free_error_message(why);
        return DFOTA_E_IO;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    let_zero_mean_gone(fd);
    if (ports_carry(p, fd) != 0)
        return DFOTA_E_NOMEM;
    return watch_dtr(p);
}

int ports_open_tty(struct ports *p, const char *path)
{
    char real[sizeof p->name];
    char *target = realpath(path, NULL);

    /* /dev/serial/by-id/.. is a link; sysfs knows the name behind it. */
    snprintf(real, sizeof real, "%s", target ? target : path);
    free(target);
    snprintf(p->name, sizeof p->name, "%s", path);
    if (sp_get_port_by_name(real, &p->serial) != SP_OK) {
        p->serial = NULL;
        return open_raw(p, path);
    }
    return open_device(p, path);
}

static void free_timer(uv_handle_t *handle)
{
    free(handle);
}

void ports_close_tty(struct ports *p)
{
    if (p->watch_dtr) {
        uv_timer_stop(p->watch_dtr);
        uv_close((uv_handle_t *)p->watch_dtr, free_timer);
    }
    if (!p->serial)
        return;
    sp_close(p->serial);
    sp_free_port(p->serial);
    p->fd = -1;
}

void ports_tty_rate(struct ports *p)
{
    p->rate_due = false;
    sp_drain(p->serial);
    if (sp_set_baudrate(p->serial, (int)p->rate) != SP_OK)
        log_warn("%s: the driver has no rate of %u bit/s", p->name, p->rate);
}
