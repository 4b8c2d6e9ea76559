/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/blobs.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

enum {
    BUCKETS = 1024,
    ENTRIES_MAX = 4096, /* about 200 bytes each, contents apart */
    READ_TRIES = 3,
    SETTLED_MS = 100 /* many times the tick of file time stamps */
};

struct file_id {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct entry {
    struct blob blob; /* first: a blob is handed out as a pointer to this */
    struct blobs *owner;
    struct file_id id;
    uint8_t *data;
    unsigned users;
    bool cached;
    TAILQ_ENTRY(entry) age;      /* oldest first */
    LIST_ENTRY(entry) neighbour; /* of the bucket */
};

struct blobs {
    pthread_mutex_t lock;
    size_t memory_cap, blob_max;
    size_t memory; /* bytes held or promised, at most memory_cap */
    size_t entries;
    TAILQ_HEAD(, entry) by_age;
    LIST_HEAD(, entry) buckets[BUCKETS];
};

struct blobs *blobs_create(size_t memory_cap, size_t blob_max)
{
    struct blobs *blobs = calloc(1, sizeof *blobs);

    if (!blobs)
        return NULL;
    pthread_mutex_init(&blobs->lock, NULL);
    blobs->memory_cap = memory_cap;
    blobs->blob_max = blob_max < memory_cap ? blob_max : memory_cap;
    TAILQ_INIT(&blobs->by_age);
    for (int i = 0; i < BUCKETS; i++)
        LIST_INIT(&blobs->buckets[i]);
    return blobs;
}

static void free_entry(struct blobs *blobs, struct entry *entry)
{
    if (entry->data)
        blobs->memory -= (size_t)entry->blob.size;
    free(entry->data);
    free(entry);
}

/* Out of the cache; it lives on while somebody uses it. */
static void drop(struct blobs *blobs, struct entry *entry)
{
    TAILQ_REMOVE(&blobs->by_age, entry, age);
    LIST_REMOVE(entry, neighbour);
    blobs->entries--;
    entry->cached = false;
    if (entry->users == 0)
        free_entry(blobs, entry);
}

void blobs_destroy(struct blobs *blobs)
{
    struct entry *entry, *next;

    if (!blobs)
        return;
    for (entry = TAILQ_FIRST(&blobs->by_age); entry; entry = next) {
        next = TAILQ_NEXT(entry, age);
        drop(blobs, entry);
    }
    pthread_mutex_destroy(&blobs->lock);
    free(blobs);
}

static bool identify(int fd, struct file_id *id)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    *id = (struct file_id){st.st_dev, st.st_ino, st.st_size, st.st_mtim,
                           st.st_ctim};
    return true;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct file_id *a, const struct file_id *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->size == b->size && same_time(&a->modified, &b->modified) &&
           same_time(&a->changed, &b->changed);
}

static bool settled(const struct file_id *id)
{
    struct timespec now;
    int64_t age_ms;

    clock_gettime(CLOCK_REALTIME, &now);
    age_ms = (int64_t)(now.tv_sec - id->changed.tv_sec) * 1000 +
             (now.tv_nsec - id->changed.tv_nsec) / 1000000;
    /* A change time in the future is no recent change: the clock was set. */
    return age_ms >= SETTLED_MS || age_ms < -1000;
}

static size_t bucket_of(const struct file_id *id)
{
    return (size_t)((uint64_t)id->inode * 0x9E3779B97F4A7C15u >> 54) % BUCKETS;
}

static struct entry *find(struct blobs *blobs, const struct file_id *id)
{
    struct entry *entry;

    LIST_FOREACH(entry, &blobs->buckets[bucket_of(id)], neighbour)
    {
        if (same_file(&entry->id, id))
            return entry;
    }
    return NULL;
}

static void use(struct blobs *blobs, struct entry *entry)
{
    entry->users++;
    TAILQ_REMOVE(&blobs->by_age, entry, age);
    TAILQ_INSERT_TAIL(&blobs->by_age, entry, age);
}

static bool fits(const struct blobs *blobs, uint64_t size)
{
    return size <= blobs->memory_cap - blobs->memory;
}

static bool is_spare(const struct entry *entry)
{
    return entry->users == 0 && entry->data;
}

/* Would it fit if all that nobody uses went? */
static bool could_fit(const struct blobs *blobs, uint64_t size)
{
    size_t used = blobs->memory;
    const struct entry *entry;

    TAILQ_FOREACH(entry, &blobs->by_age, age)
    {
        if (is_spare(entry))
            used -= (size_t)entry->blob.size;
    }
    return size <= blobs->memory_cap - used;
}

/* Promise memory for a content; the longest unused ones make room, and none
 * of them goes for nothing. */
static bool reserve(struct blobs *blobs, uint64_t size)
{
    struct entry *entry, *next;

    if (size == 0 || size > blobs->blob_max ||
        (!fits(blobs, size) && !could_fit(blobs, size)))
        return false;
    for (entry = TAILQ_FIRST(&blobs->by_age); entry && !fits(blobs, size);
         entry = next) {
        next = TAILQ_NEXT(entry, age);
        if (is_spare(entry))
            drop(blobs, entry);
    }
    blobs->memory += (size_t)size;
    return true;
}

static int read_part(int fd, uint8_t *out, size_t len, off_t off)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = pread(fd, out + done, len - done, off + (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? DFOTA_E_IO : DFOTA_E_BUSY;
        done += (size_t)got;
    }
    return 0;
}

/* Read and hash; into data, or through a window of it when data is NULL. */
static int read_and_hash(int fd, uint64_t size, uint8_t *data,
                         uint8_t sha256[32])
{
    enum { WINDOW = 65536 };
    uint8_t *window = data ? NULL : malloc(WINDOW);
    gnutls_hash_hd_t hash;
    uint64_t off = 0;
    int err = 0;

    if ((!data && !window) || gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0) {
        free(window);
        return DFOTA_E_NOMEM;
    }
    while (!err && off < size) {
        uint8_t *at = data ? data + off : window;
        size_t len = size - off < WINDOW ? (size_t)(size - off) : WINDOW;

        err = read_part(fd, at, len, (off_t)off);
        if (!err && gnutls_hash(hash, at, len) < 0)
            err = DFOTA_E_NOMEM;
        off += len;
    }
    gnutls_hash_deinit(hash, sha256);
    free(window);
    return err;
}

/* Outside the lock: reading 16 MB must not hold up the other threads. */
static int load(int fd, struct entry *entry)
{
    struct file_id after;
    int err;

    for (int i = 0; i < READ_TRIES; i++) {
        err = read_and_hash(fd, entry->blob.size, entry->data,
                            entry->blob.sha256);
        if (err && err != DFOTA_E_BUSY)
            return err;
        if (!identify(fd, &after))
            return DFOTA_E_IO;
        if (!err && same_file(&entry->id, &after))
            return 0;
        if (after.size != entry->id.size)
            return DFOTA_E_BUSY;
        entry->id = after;
    }
    return DFOTA_E_BUSY;
}

/* reserved: room for the bytes was promised; without memory of the machine
 * the promise is given back and the file serves. */
static struct entry *new_entry(struct blobs *blobs, const struct file_id *id,
                               bool reserved)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (!entry)
        return NULL;
    entry->owner = blobs;
    entry->id = *id;
    entry->users = 1;
    entry->blob.size = (uint64_t)id->size;
    entry->data = reserved ? malloc((size_t)id->size) : NULL;
    entry->blob.data = entry->data;
    return entry;
}

static void give_back(struct blobs *blobs, uint64_t size)
{
    pthread_mutex_lock(&blobs->lock);
    blobs->memory -= (size_t)size;
    pthread_mutex_unlock(&blobs->lock);
}

/* The loaded entry into the cache, or the one another thread has put there
 * meanwhile instead of it. */
static struct entry *publish(struct blobs *blobs, struct entry *entry)
{
    struct entry *other = find(blobs, &entry->id);

    if (other) {
        free_entry(blobs, entry);
        use(blobs, other);
        return other;
    }
    if (!settled(&entry->id))
        return entry;
    if (blobs->entries == ENTRIES_MAX)
        drop(blobs, TAILQ_FIRST(&blobs->by_age));
    entry->cached = true;
    blobs->entries++;
    TAILQ_INSERT_TAIL(&blobs->by_age, entry, age);
    LIST_INSERT_HEAD(&blobs->buckets[bucket_of(&entry->id)], entry, neighbour);
    return entry;
}

static int load_new(struct blobs *blobs, int fd, const struct file_id *id,
                    bool reserved, const struct blob **blob)
{
    struct entry *entry = new_entry(blobs, id, reserved);
    int err = entry ? load(fd, entry) : DFOTA_E_NOMEM;

    if (reserved && (!entry || !entry->data))
        give_back(blobs, (uint64_t)id->size);
    if (!entry)
        return err;
    pthread_mutex_lock(&blobs->lock);
    if (err)
        free_entry(blobs, entry);
    else
        *blob = &publish(blobs, entry)->blob;
    pthread_mutex_unlock(&blobs->lock);
    return err;
}

int blobs_get(struct blobs *blobs, int fd, const struct blob **blob)
{
    struct entry *entry;
    struct file_id id;
    bool reserved = false;

    if (!identify(fd, &id))
        return DFOTA_E_IO;
    pthread_mutex_lock(&blobs->lock);
    entry = find(blobs, &id);
    if (!entry || !entry->data)
        reserved = reserve(blobs, (uint64_t)id.size);
    if (entry && reserved) { /* there was no room for its bytes; now there is */
        drop(blobs, entry);
        entry = NULL;
    }
    if (entry)
        use(blobs, entry);
    pthread_mutex_unlock(&blobs->lock);
    if (!entry)
        return load_new(blobs, fd, &id, reserved, blob);
    *blob = &entry->blob;
    return 0;
}

void blobs_release(const struct blob *blob)
{
    struct entry *entry = (struct entry *)(uintptr_t)blob;
    struct blobs *blobs = entry->owner;

    pthread_mutex_lock(&blobs->lock);
    entry->users--;
    if (entry->users == 0 && !entry->cached)
        free_entry(blobs, entry);
    pthread_mutex_unlock(&blobs->lock);
}
