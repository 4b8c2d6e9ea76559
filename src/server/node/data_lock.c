/* SPDX-License-Identifier: Apache-2.0 */
#include "server/node/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

int data_lock_take(const char *folder, int *lock)
{
    char path[PATH_MAX];
    int fd;

    snprintf(path, sizeof path, "%.4000s/lock", folder);
    fd = files_make_folder(folder) == 0
             ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
             : -1;
    if (fd < 0) {
        log_error("%s: %s; choose another data folder with --data", folder,
                  strerror(errno));
        return DFOTA_E_IO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *lock = fd;
        return 0;
    }
    close(fd);
    log_error("%s: another dfotad works on this data folder; stop it first, or "
              "choose another one with --data",
              folder);
    return DFOTA_E_BUSY;
}

void data_lock_release(int lock)
{
    if (lock >= 0)
        close(lock);
}
