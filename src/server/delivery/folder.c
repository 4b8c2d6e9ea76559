/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

/* O_NONBLOCK: a FIFO must not stop the thread; it is refused after fstat. */
enum { FILE_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

enum { TRIES = 1000 };

int folder_open(const char *path, int *fd)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? DFOTA_E_IO : 0;
}

/* The kernel resolves the path and refuses to leave the folder, whatever is
 * renamed or linked meanwhile. A link that goes up is EAGAIN when anything on
 * the machine was renamed at that moment, and is to be tried again. */
static int open_beneath(int folder, const char *path)
{
    struct open_how how = {.flags = FILE_FLAGS,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

    int fd = -1;

    for (int i = 0; i < TRIES; i++) {
        fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return fd;
}

/* Segment by segment for kernels and sandboxes without openat2: then no
 * symbolic link is followed at all. */
static int open_by_steps(int folder, const char *path)
{
    int here = dup(folder), next;
    const char *slash;
    char name[256];

    while (here >= 0 && (slash = strchr(path, '/')) != NULL) {
        size_t len = (size_t)(slash - path);

        next = -1;
        if (len < sizeof name) {
            memcpy(name, path, len);
            name[len] = '\0';
            next = openat(here, name,
                          O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        } else {
            errno = ENAMETOOLONG;
        }
        close(here);
        here = next;
        path = slash + 1;
    }
    if (here < 0)
        return -1;
    next = openat(here, path, FILE_FLAGS | O_NOFOLLOW);
    close(here);
    return next;
}

static bool machine_at_fault(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOMEM ||
           number == EIO || number == EAGAIN;
}

int folder_open_file(int folder, const char *path, int *fd)
{
    struct stat st;

    *fd = open_beneath(folder, path);
    if (*fd < 0 && (errno == ENOSYS || errno == EPERM))
        *fd = open_by_steps(folder, path);
    if (*fd < 0)
        return machine_at_fault(errno) ? DFOTA_E_IO : DFOTA_E_NOTFOUND;
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
        return 0;
    close(*fd);
    return DFOTA_E_NOTFOUND;
}
