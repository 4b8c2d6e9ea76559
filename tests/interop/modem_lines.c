/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into dfota-module: a pty with the modem lines that serial
 * devices have. They are one decimal number (TIOCM_ bits) in the file that
 * MODEM_LINES names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...);

static int read_lines(int *lines)
{
    const char *path = getenv("MODEM_LINES");
    char text[16] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

    if (fd >= 0)
        close(fd);
    if (n < 0) {
        errno = ENOTTY;
        return -1;
    }
    *lines = (int)strtol(text, NULL, 10);
    return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    if (request == TIOCMGET)
        return read_lines(arg);
    if (request == TIOCMSET || request == TIOCMBIS || request == TIOCMBIC)
        return 0;
    return (int)syscall(SYS_ioctl, fd, request, arg);
}
