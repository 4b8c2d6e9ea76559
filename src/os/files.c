/* SPDX-License-Identifier: Apache-2.0 */
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/* The files in the making, for the signal handler: set before a signal can
 * come, cleared after it is gone or renamed. */
enum { IN_THE_MAKING_MAX = 8 };
static char *volatile in_the_making[IN_THE_MAKING_MAX];

static int read_stream(FILE *f, size_t max, uint8_t **data, size_t *len)
{
    size_t room = max < 65536 ? max + 1 : 65536, used = 0, got;
    uint8_t *buf = malloc(room + 1), *more;

    while (buf && (got = fread(buf + used, 1, room - used, f)) > 0) {
        used += got;
        if (used > max) {
            free(buf);
            return DFOTA_E_FULL;
        }
        if (used < room)
            continue;
        room = room > max / 2 ? max + 1 : 2 * room;
        more = realloc(buf, room + 1);
        if (!more)
            free(buf);
        buf = more;
    }
    if (!buf)
        return DFOTA_E_NOMEM;
    if (ferror(f)) {
        free(buf);
        return DFOTA_E_IO;
    }
    buf[used] = 0;
    *data = buf;
    *len = used;
    return 0;
}

int files_read(const char *path, size_t max, uint8_t **data, size_t *len)
{
    struct stat st;
    FILE *f;
    int err, kept;

    if (strcmp(path, "-") == 0)
        return read_stream(stdin, max, data, len);
    if (stat(path, &st) != 0)
        return DFOTA_E_IO;
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return DFOTA_E_ARG;
    }
    if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max)
        return DFOTA_E_FULL;
    f = fopen(path, "rbe");
    if (!f)
        return DFOTA_E_IO;
    err = read_stream(f, max, data, len);
    kept = errno;
    fclose(f);
    errno = kept;
    return err;
}

static void remember(char *temp)
{
    for (int i = 0; i < IN_THE_MAKING_MAX; i++) {
        if (!in_the_making[i]) {
            in_the_making[i] = temp;
            return;
        }
    }
}

static void forget(const char *temp)
{
    for (int i = 0; i < IN_THE_MAKING_MAX; i++) {
        if (in_the_making[i] == temp)
            in_the_making[i] = NULL;
    }
}

static void on_signal(int number)
{
    for (int i = 0; i < IN_THE_MAKING_MAX; i++) {
        if (in_the_making[i])
            unlink(in_the_making[i]);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { DEADLY = sizeof deadly / sizeof deadly[0] };

void files_clean_up_on_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}, before;

    sigemptyset(&action.sa_mask);
    for (int i = 0; i < DEADLY; i++)
        sigaddset(&action.sa_mask, deadly[i]);
    for (int i = 0; i < DEADLY; i++) {
        /* nohup(1) and shells ignore some on purpose. */
        if (sigaction(deadly[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN)
            sigaction(deadly[i], &action, NULL);
    }
    /* A file over the limit is an error of write(2), as a full disk is. */
    signal(SIGXFSZ, SIG_IGN);
}

static void drop_names(struct files_writer *w)
{
    if (w->temp)
        forget(w->temp);
    free(w->temp);
    free(w->path);
    *w = (struct files_writer){0};
}

/* umask() can only be read by setting it, and it is the whole process's: a
 * file that another thread makes in between would be open to all. So it is
 * asked once, at the first file, before a program has threads. */
static pthread_once_t mode_once = PTHREAD_ONCE_INIT;
static mode_t mode_of_files;

static void ask_mode(void)
{
    mode_t mask = umask(0);

    umask(mask);
    mode_of_files = 0666 & ~mask;
}

static mode_t new_file_mode(void)
{
    pthread_once(&mode_once, ask_mode);
    return mode_of_files;
}

/* A place that is no regular file (a pipe, /dev/null) cannot be replaced. */
static int open_in_place(struct files_writer *w, const char *path, mode_t mode)
{
    if (S_ISDIR(mode)) {
        errno = EISDIR;
        return DFOTA_E_IO;
    }
    w->file = fopen(path, "wbe");
    return w->file ? 0 : DFOTA_E_IO;
}

/* A name of its own, not path's and more: that may be as long as a name can
 * be. No signal may come between the file and the note of it. */
static int open_beside(struct files_writer *w)
{
    const char *slash = strrchr(w->path, '/');
    sigset_t all, before;
    char *temp;
    int fd;

    if (asprintf(&temp, "%.*s.dfota.XXXXXX",
                 slash ? (int)(slash + 1 - w->path) : 0, w->path) < 0)
        return DFOTA_E_NOMEM;
    w->temp = temp;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    fd = mkostemp(w->temp, O_CLOEXEC);
    if (fd >= 0)
        remember(w->temp);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (fd < 0)
        return DFOTA_E_IO;
    w->file = fdopen(fd, "wb");
    if (!w->file)
        close(fd);
    return w->file && fchmod(fd, new_file_mode()) == 0 ? 0 : DFOTA_E_IO;
}

int files_begin(struct files_writer *w, const char *path)
{
    struct stat st;
    int err;

    *w = (struct files_writer){0};
    if (strcmp(path, "-") == 0) {
        w->file = stdout;
        return 0;
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return open_in_place(w, path, st.st_mode);
    /* A link stays one: what it leads to is replaced. */
    w->path = realpath(path, NULL);
    if (!w->path)
        w->path = strdup(path);
    err = w->path ? open_beside(w) : DFOTA_E_NOMEM;
    if (err)
        files_abort(w);
    return err;
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder =
        slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int err = fd < 0 && errno != EACCES ? DFOTA_E_IO : 0;

    /* A folder may be written that cannot be read, and some file systems
     * cannot sync one; their rename is durable. */
    if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL)
        err = DFOTA_E_IO;
    if (fd >= 0)
        close(fd);
    free(folder);
    return err;
}

int files_commit(struct files_writer *w)
{
    FILE *f = w->file;
    int bad;

    if (!w->path) {
        w->file = NULL;
        bad = fflush(f) != 0 || ferror(f);
        if (f != stdout)
            bad |= fclose(f) != 0;
        return bad ? DFOTA_E_IO : 0;
    }
    bad = fflush(f) != 0 || ferror(f) || fsync(fileno(f)) != 0;
    w->file = NULL;
    bad |= fclose(f) != 0;
    if (bad || rename(w->temp, w->path) != 0) {
        files_abort(w);
        return DFOTA_E_IO;
    }
    bad = sync_folder_of(w->path);
    drop_names(w);
    return bad ? DFOTA_E_IO : 0;
}

void files_abort(struct files_writer *w)
{
    int kept = errno;

    if (w->file && w->file != stdout)
        fclose(w->file);
    if (w->temp)
        unlink(w->temp);
    drop_names(w);
    errno = kept;
}

int files_write(const char *path, const void *data, size_t len)
{
    struct files_writer w;
    int err = files_begin(&w, path);

    if (err)
        return err;
    if (len > 0 && fwrite(data, 1, len, w.file) != len) {
        files_abort(&w);
        return DFOTA_E_IO;
    }
    return files_commit(&w);
}

bool files_same(const char *a, const char *b)
{
    struct stat x, y;

    if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0)
        return strcmp(a, b) == 0;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) &&
           x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int files_make_folder(const char *path)
{
    char *copy = strdup(path);
    int err = copy ? 0 : DFOTA_E_NOMEM;

    for (char *p = copy; p && *p && !err; p++) {
        if (*p != '/' || p == copy)
            continue;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            err = DFOTA_E_IO;
        *p = '/';
    }
    if (!err && mkdir(copy, 0777) != 0 && errno != EEXIST)
        err = DFOTA_E_IO;
    free(copy);
    return err;
}
