/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob on the shelf is in use, so the cache keeps it: blocks of a download
 * never read the whole file again.
 */
#include "server/delivery/coap_shelf.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "server/delivery/folder.h"

void coap_shelf_init(struct coap_shelf *shelf, const struct deliver *deliver)
{
    memset(shelf, 0, sizeof *shelf);
    shelf->deliver = *deliver;
}

static void take_off(struct coap_shelf_file *file)
{
    if (file->id == 0)
        return;
    blobs_release(file->blob);
    close(file->fd);
    file->id = 0;
}

void coap_shelf_release(struct coap_shelf *shelf)
{
    for (int i = 0; i < COAP_SHELF_MAX; i++)
        take_off(&shelf->files[i]);
}

static bool same_content(const struct blob *a, const struct blob *b)
{
    return a->size == b->size &&
           memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

/* Where this content is already, or else the best place for it. */
static struct coap_shelf_file *place_for(struct coap_shelf *shelf,
                                         const struct blob *blob)
{
    struct coap_shelf_file *best = &shelf->files[0];

    for (int i = 0; i < COAP_SHELF_MAX; i++) {
        struct coap_shelf_file *file = &shelf->files[i];

        if (file->id != 0 && same_content(file->blob, blob))
            return file;
        if (best->id != 0 && (file->id == 0 || file->used_ms < best->used_ms))
            best = file;
    }
    return best;
}

/* What is too large is not even hashed: that would take seconds. */
static int get_content(const struct coap_shelf *shelf, int fd,
                       const struct blob **blob)
{
    struct stat st;
    int err;

    if (fstat(fd, &st) != 0)
        return DFOTA_E_IO;
    if (st.st_size > COAP_SHELF_LENGTH_MAX)
        return DFOTA_E_UNSUPPORTED;
    err = blobs_get(shelf->deliver.blobs, fd, blob);
    if (!err && (*blob)->size > COAP_SHELF_LENGTH_MAX) {
        blobs_release(*blob);
        err = DFOTA_E_UNSUPPORTED;
    }
    return err;
}

static int get(const struct coap_shelf *shelf, const char *path, int *fd,
               const struct blob **blob)
{
    int err = folder_open_file(shelf->deliver.folder, path, fd);

    if (err)
        return err;
    err = get_content(shelf, *fd, blob);
    if (!err && shelf->deliver.vault &&
        !vault_is_named(path, (*blob)->sha256)) {
        blobs_release(*blob);
        err = DFOTA_E_CORRUPT;
    }
    if (err)
        close(*fd);
    return err;
}

int coap_shelf_open(struct coap_shelf *shelf, uint64_t now_ms, const char *path,
                    const struct coap_shelf_file **out)
{
    const struct blob *blob;
    struct coap_shelf_file *file;
    uint32_t id;
    int fd, err = get(shelf, path, &fd, &blob);

    if (err)
        return err;
    file = place_for(shelf, blob);
    /* The descriptor too is the new one's: the file of before may be another
     * of the same content, and go. */
    if (file->id != 0 && same_content(file->blob, blob)) {
        id = file->id;
    } else {
        shelf->last_id += shelf->last_id == UINT32_MAX ? 2 : 1;
        id = shelf->last_id;
    }
    take_off(file);
    *file = (struct coap_shelf_file){id, fd, blob, now_ms};
    *out = file;
    return 0;
}

/* A file that was written to under its number is not what it was. */
static bool is_unchanged(const struct coap_shelf *shelf,
                         const struct coap_shelf_file *file)
{
    const struct blob *blob;
    bool same;

    if (file->blob->data)
        return true;
    if (blobs_get(shelf->deliver.blobs, file->fd, &blob) != 0)
        return false;
    same = same_content(blob, file->blob);
    blobs_release(blob);
    return same;
}

const struct coap_shelf_file *coap_shelf_find(struct coap_shelf *shelf,
                                              uint32_t id)
{
    for (int i = 0; i < COAP_SHELF_MAX; i++) {
        if (id != 0 && shelf->files[i].id == id)
            return is_unchanged(shelf, &shelf->files[i]) ? &shelf->files[i]
                                                         : NULL;
    }
    return NULL;
}

void coap_shelf_expire(struct coap_shelf *shelf, uint64_t now_ms)
{
    for (int i = 0; i < COAP_SHELF_MAX; i++) {
        if (now_ms - shelf->files[i].used_ms > COAP_SHELF_KEEP_MS)
            take_off(&shelf->files[i]);
    }
}
