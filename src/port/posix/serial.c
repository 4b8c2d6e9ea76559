/* SPDX-License-Identifier: Apache-2.0 */
#include "port/posix/serial.h"
#include "base/err.h"
#include "port/posix/endpoint.h"
#include "port/posix/remote.h"
#include "port/posix/usb_tty.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum kind { KIND_TTY, KIND_PTY, KIND_TCP, KIND_UNIX, KIND_RFC2217 };

struct serial {
    char *name;            /* without the prefix */
    char id[USB_TTY_ROOM]; /* of a USB port, for its return; "": none */
    const char *sysfs;
    const char *dev;
    uint32_t rate;
    enum kind kind;
    int fd;
    bool flow_control;
    struct stat link; /* of a pty: the symbolic link that was followed */
    bool followed;
    struct remote remote; /* of a line over telnet */
};

static const struct {
    uint32_t rate;
    speed_t speed;
} speeds[] = {
    {1200, B1200},     {2400, B2400},     {4800, B4800},     {9600, B9600},
    {19200, B19200},   {38400, B38400},   {57600, B57600},   {115200, B115200},
    {230400, B230400}, {460800, B460800}, {921600, B921600},
};

static int speed_of(uint32_t rate, speed_t *speed)
{
    for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
        if (speeds[i].rate == rate) {
            *speed = speeds[i].speed;
            return DFOTA_OK;
        }
    }
    return DFOTA_E_ARG;
}

static const char *kind_of(const char *name, enum kind *kind)
{
    static const struct {
        const char *prefix;
        enum kind kind;
    } prefixes[] = {{"pty:", KIND_PTY},
                    {"tcp:", KIND_TCP},
                    {"unix:", KIND_UNIX},
                    {"rfc2217:", KIND_RFC2217}};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t len = strlen(prefixes[i].prefix);

        if (!strncmp(name, prefixes[i].prefix, len)) {
            *kind = prefixes[i].kind;
            return name + len;
        }
    }
    *kind = KIND_TTY;
    return name;
}

/* Where the port is now: a USB port that was open once is looked for by its
 * device, never taken by its old name, which may be another's since. */
static int place_of(struct serial *port, char place[PATH_MAX])
{
    char tty[USB_TTY_ROOM];

    if (!port->id[0])
        return snprintf(place, PATH_MAX, "%s", port->name) < PATH_MAX
                   ? DFOTA_OK
                   : DFOTA_E_NOTFOUND;
    if (usb_tty_find(port->sysfs, port->id, tty)) {
        errno = ENODEV;
        return DFOTA_E_NOTFOUND;
    }
    return snprintf(place, PATH_MAX, "%s/%s", port->dev, tty) < PATH_MAX
               ? DFOTA_OK
               : DFOTA_E_NOTFOUND;
}

/* Its name in sysfs is the last part of where all its links lead. A test's
 * device is a link itself, so its own last part is tried, too. */
static void remember(struct serial *port)
{
    char real[PATH_MAX];
    const char *slash;

    if (port->id[0])
        return;
    if (realpath(port->name, real)) {
        slash = strrchr(real, '/');
        if (!usb_tty_identify(port->sysfs, slash + 1, port->id))
            return;
    }
    slash = strrchr(port->name, '/');
    if (usb_tty_identify(port->sysfs, slash + 1, port->id))
        port->id[0] = '\0';
}

int serial_create(const char *name, uint32_t rate, struct serial **port)
{
    struct serial *p;
    enum kind kind;
    speed_t speed;

    name = kind_of(name, &kind);
    if (!*name || speed_of(rate, &speed) ||
        ((kind == KIND_TCP || kind == KIND_RFC2217) && endpoint_check(name)) ||
        (kind == KIND_TTY && name[0] != '/'))
        return DFOTA_E_ARG;
    p = calloc(1, sizeof(*p));
    if (!p)
        return DFOTA_E_NOMEM;
    p->kind = kind;
    p->sysfs = USB_TTY_SYSFS;
    p->dev = "/dev";
    p->rate = rate;
    p->fd = -1;
    p->name = strdup(name);
    if (!p->name) {
        free(p);
        return DFOTA_E_NOMEM;
    }
    *port = p;
    return DFOTA_OK;
}

void serial_destroy(struct serial *port)
{
    if (!port)
        return;
    serial_close(port);
    free(port->name);
    free(port);
}

void serial_close(struct serial *port)
{
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
}

void serial_set_flow_control(struct serial *port, bool on)
{
    port->flow_control = on;
}

void serial_set_roots(struct serial *port, const char *sysfs, const char *dev)
{
    port->sysfs = sysfs;
    port->dev = dev;
}

/* Raw, 8N1: a payload must pass as it is. No flow control unless asked for: a
 * module in its reset must not stop the host. Closing leaves DTR as it is. */
static int configure(const struct serial *port, int fd)
{
    struct termios tio;
    speed_t speed;

    if (speed_of(port->rate, &speed))
        return DFOTA_E_ARG;
    if (tcgetattr(fd, &tio))
        return DFOTA_E_IO;
    cfmakeraw(&tio);
    tio.c_cflag |= CLOCAL | CREAD;
    tio.c_cflag &= (tcflag_t) ~(CRTSCTS | CSTOPB | HUPCL);
    tio.c_cc[VMIN] = 1; /* so that 0 bytes read means a hang-up */
    tio.c_cc[VTIME] = 0;
    if (port->flow_control)
        tio.c_cflag |= CRTSCTS;
    if (port->kind == KIND_TTY &&
        (cfsetispeed(&tio, speed) || cfsetospeed(&tio, speed)))
        return DFOTA_E_ARG;
    return tcsetattr(fd, TCSADRAIN, &tio) ? DFOTA_E_IO : DFOTA_OK;
}

/* The number of a pty that hung up is soon another's. A link to it, which its
 * owner makes anew at each start, is followed once. */
static bool is_stale(const struct serial *port, const struct stat *link)
{
    return port->followed && S_ISLNK(link->st_mode) &&
           link->st_ino == port->link.st_ino &&
           link->st_ctim.tv_sec == port->link.st_ctim.tv_sec &&
           link->st_ctim.tv_nsec == port->link.st_ctim.tv_nsec;
}

static int open_tty(struct serial *port)
{
    char path[PATH_MAX];
    struct stat link = {0};
    int err = place_of(port, path);
    int fd;

    if (err)
        return err;
    if (port->kind == KIND_PTY && !lstat(path, &link) && is_stale(port, &link))
        return DFOTA_E_NOTFOUND;
    fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == EBUSY ? DFOTA_E_BUSY : DFOTA_E_NOTFOUND;
    err = configure(port, fd);
    if (!err && port->kind == KIND_TTY && ioctl(fd, TIOCEXCL))
        err = DFOTA_E_IO;
    if (err) {
        int kept = errno;

        close(fd);
        errno = kept;
        return err;
    }
    if (port->kind == KIND_TTY)
        remember(port);
    port->link = link;
    port->followed = true;
    port->fd = fd;
    return DFOTA_OK;
}

static int open_remote(struct serial *port)
{
    int err = endpoint_connect_tcp(port->name, &port->fd);
    int kept;

    if (!err)
        err = remote_begin(&port->remote, port->fd, port->rate);
    kept = errno;
    if (err)
        serial_close(port);
    errno = kept;
    return err;
}

int serial_open(struct serial *port)
{
    serial_close(port);
    if (port->kind == KIND_TTY || port->kind == KIND_PTY)
        return open_tty(port);
    if (port->kind == KIND_RFC2217)
        return open_remote(port);
    if (port->kind == KIND_TCP)
        return endpoint_connect_tcp(port->name, &port->fd);
    return endpoint_connect_unix(port->name, &port->fd);
}

int serial_fd(const struct serial *port)
{
    return port->fd;
}

int serial_read(struct serial *port, uint8_t *data, size_t room, size_t *len)
{
    ssize_t got;

    if (port->kind == KIND_RFC2217)
        return remote_read(&port->remote, data, room, len);
    got = read(port->fd, data, room);
    *len = got > 0 ? (size_t)got : 0;
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return DFOTA_OK;
    return DFOTA_E_IO;
}

int serial_write(struct serial *port, const uint8_t *data, size_t len,
                 size_t *used)
{
    bool is_socket = port->kind == KIND_TCP || port->kind == KIND_UNIX;
    ssize_t put;

    if (port->kind == KIND_RFC2217)
        return remote_write(&port->remote, data, len, used);
    put = is_socket ? send(port->fd, data, len, MSG_NOSIGNAL)
                    : write(port->fd, data, len);
    *used = put > 0 ? (size_t)put : 0;
    if (put >= 0 || errno == EAGAIN || errno == EINTR)
        return DFOTA_OK;
    return DFOTA_E_IO;
}

int serial_set_rate(struct serial *port, uint32_t rate)
{
    speed_t speed;

    if (speed_of(rate, &speed))
        return DFOTA_E_ARG;
    if (port->kind == KIND_RFC2217 && port->fd >= 0 && port->rate != rate) {
        port->rate = rate;
        return remote_set_rate(&port->remote, rate);
    }
    if (port->rate == rate || port->kind != KIND_TTY) {
        port->rate = rate;
        return DFOTA_OK;
    }
    port->rate = rate;
    return port->fd < 0 ? DFOTA_OK : configure(port, port->fd);
}

bool serial_is_usb(const struct serial *port)
{
    return port->id[0] != '\0';
}
