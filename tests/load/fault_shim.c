/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad disk and a bad clock for a program under test, preloaded into it.
 *
 *   DFOTA_FAULTS  a file of struct faults below, mapped: the test changes it
 *                 while the program runs
 *   DFOTA_DISK    the files that the bad disk holds: whose path begins so,
 *                 but for SQLite's "-shm", which no power cut needs
 *   DFOTA_TRACE   every write, truncation and completed sync of those files,
 *                 in order. tests/load/bad_disk.py makes of it what the disk
 *                 may hold after a power cut: what was synced, and any part
 *                 of what was not.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* tests/load/bad_disk.py packs the same. skip: so many calls go well yet;
 * negative: all of them do. Then all fail. */
struct faults {
    int32_t sync_skip, sync_errno;
    int32_t write_skip, write_errno;
    int32_t forget_sync;  /* say that it was done, and do nothing */
    int32_t free_percent; /* of the disk, for statvfs(); negative: the truth */
    int32_t wall_offset_s;
    int32_t syncs, failures; /* counted here */
};

/* Little-endian, as this machine has it, followed by len bytes. */
struct record {
    uint32_t op; /* 'W'rite, 'T'runcate, 'S'ynced: all before seq off */
    uint32_t file;
    uint64_t seq, off, len;
};

enum { FDS = 1024, FILES = 8 };

static struct faults *faults;
static int trace_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *names[FILES]; /* what is on the bad disk, by its number */
static uint8_t held[FDS];  /* 1 + the file that is open as this */
static uint64_t seq;

static int raw_open(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("DFOTA_FAULTS"), *trace = getenv("DFOTA_TRACE");
    int fd = path ? raw_open(path, O_RDWR) : -1;
    void *at = MAP_FAILED;

    if (fd >= 0) {
        at = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                  0);
        close(fd);
    }
    if (at != MAP_FAILED)
        faults = at;
    if (trace)
        trace_fd = raw_open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
}

/* The file's number in the order of their names: its name is told at the
 * first time, as a record of its own. */
static uint32_t number_of(const char *path)
{
    struct record name = {.op = 'N', .len = strlen(path)};
    struct iovec parts[] = {{&name, sizeof name},
                            {(void *)(uintptr_t)path, name.len}};
    uint32_t i = 0;

    while (i < FILES && names[i] && strcmp(names[i], path) != 0)
        i++;
    if (i < FILES && !names[i]) {
        names[i] = strdup(path);
        name.file = i;
        if (trace_fd >= 0 && writev(trace_fd, parts, 2) < 0)
            abort();
    }
    return i;
}

static void remember(int fd, const char *path)
{
    const char *prefix = getenv("DFOTA_DISK");
    size_t len = strlen(path);

    if (fd < 0 || fd >= FDS)
        return;
    pthread_mutex_lock(&lock);
    held[fd] = 0;
    if (prefix && strncmp(path, prefix, strlen(prefix)) == 0 &&
        (len < 4 || strcmp(path + len - 4, "-shm") != 0))
        held[fd] = (uint8_t)(1 + number_of(path));
    pthread_mutex_unlock(&lock);
}

static int is_held(int fd)
{
    return fd >= 0 && fd < FDS && held[fd] > 0 && held[fd] <= FILES;
}

/* With the lock. */
static void note(int fd, uint32_t op, uint64_t off, const void *data,
                 uint64_t len)
{
    struct record record = {op, held[fd] - 1U, ++seq, off, len};
    struct iovec parts[] = {{&record, sizeof record},
                            {(void *)(uintptr_t)data, data ? len : 0}};

    if (trace_fd >= 0 && writev(trace_fd, parts, 2) < 0)
        abort();
}

/* returns whether this call has to fail, with errno set */
static int strikes(int32_t *skip, const int32_t *error)
{
    int32_t left = __atomic_load_n(skip, __ATOMIC_SEQ_CST);

    if (left < 0)
        return 0;
    if (left > 0) {
        __atomic_fetch_sub(skip, 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    __atomic_fetch_add(&faults->failures, 1, __ATOMIC_SEQ_CST);
    errno = *error;
    return 1;
}

/* ---- what is opened and closed ---- */

static int open_at(int folder, const char *path, int flags, va_list list)
{
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
    int fd = (int)syscall(SYS_openat, folder, path, flags, mode);

    remember(fd, path);
    return fd;
}

#define OPENS(name)                                                            \
    int name(const char *path, int flags, ...)                                 \
    {                                                                          \
        va_list list;                                                          \
        int fd;                                                                \
                                                                               \
        va_start(list, flags);                                                 \
        fd = open_at(AT_FDCWD, path, flags, list);                             \
        va_end(list);                                                          \
        return fd;                                                             \
    }
OPENS(open)
OPENS(open64)

int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        held[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

/* ---- what is written ---- */

static ssize_t put(int fd, const void *data, size_t len, off64_t off)
{
    ssize_t done;

    if (faults && strikes(&faults->write_skip, &faults->write_errno))
        return -1;
    pthread_mutex_lock(&lock);
    done = syscall(SYS_pwrite64, fd, data, len, off);
    if (done > 0)
        note(fd, 'W', (uint64_t)off, data, (uint64_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *data, size_t len)
{
    off64_t off;
    ssize_t done;

    if (!is_held(fd))
        return syscall(SYS_write, fd, data, len);
    off = lseek64(fd, 0, SEEK_CUR);
    done = put(fd, data, len, off);
    if (done > 0)
        lseek64(fd, off + done, SEEK_SET);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t off)
{
    return is_held(fd) ? put(fd, data, len, off)
                       : syscall(SYS_pwrite64, fd, data, len, off);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
    return pwrite64(fd, data, len, off);
}

int ftruncate64(int fd, off64_t len)
{
    int err;

    if (!is_held(fd))
        return (int)syscall(SYS_ftruncate, fd, len);
    if (faults && strikes(&faults->write_skip, &faults->write_errno))
        return -1;
    pthread_mutex_lock(&lock);
    err = (int)syscall(SYS_ftruncate, fd, len);
    if (err == 0)
        note(fd, 'T', (uint64_t)len, NULL, 0);
    pthread_mutex_unlock(&lock);
    return err;
}

int ftruncate(int fd, off_t len)
{
    return ftruncate64(fd, len);
}

/* ---- what is synced ---- */

static int sync_file(int fd, long call)
{
    uint64_t before;
    int err;

    if (!is_held(fd) || !faults)
        return (int)syscall(call, fd);
    __atomic_fetch_add(&faults->syncs, 1, __ATOMIC_SEQ_CST);
    if (strikes(&faults->sync_skip, &faults->sync_errno))
        return -1;
    if (faults->forget_sync)
        return 0;
    pthread_mutex_lock(&lock);
    before = seq;
    pthread_mutex_unlock(&lock);
    err = (int)syscall(call, fd);
    pthread_mutex_lock(&lock);
    if (err == 0)
        note(fd, 'S', before, NULL, 0);
    pthread_mutex_unlock(&lock);
    return err;
}

int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

/* ---- how full the disk is, and what time it is ---- */

int statvfs64(const char *path, struct statvfs64 *out)
{
    int (*real)(const char *, struct statvfs64 *) =
        (int (*)(const char *, struct statvfs64 *))dlsym(RTLD_NEXT,
                                                         "statvfs64");
    int err = real(path, out);

    if (err == 0 && faults && faults->free_percent >= 0)
        out->f_bavail = out->f_blocks / 100 * (unsigned)faults->free_percent;
    return err;
}

/* The same struct on machines of 64 bits, which have the two names. */
int statvfs(const char *path, struct statvfs *out)
{
    _Static_assert(sizeof(struct statvfs) == sizeof(struct statvfs64), "");
    return statvfs64(path, (struct statvfs64 *)(void *)out);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int err = (int)syscall(SYS_clock_gettime, id, now);

    if (err == 0 && id == CLOCK_REALTIME && faults)
        now->tv_sec += faults->wall_offset_s;
    return err;
}
