/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AT+QFUPL and its kin. The numbers are those of the families' file
 * application notes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "modem/handlers.h"

enum {
    CME_FULL = 403,
    CME_NOT_FOUND = 405,
    CME_NAME = 406,
    CME_EXISTS = 407,
    CME_WRITE = 409,
    CME_READ = 411,
    CME_DELETE = 418,
    CME_NO_SPACE = 420,
    CME_TOO_LARGE = 423,
    CME_PARAMETER = 425,
    CME_OPEN = 426,
};

static int upload_sink(void *ctx, const uint8_t *data, size_t len)
{
    struct module *m = ctx;

    if (fwrite(data, 1, len, m->upload) == len)
        return 0;
    m->upload_full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    return DFOTA_E_IO;
}

static int upload_done(struct module *m, enum data_end end)
{
    const struct datamode *d = &m->term.data;
    bool bad = fclose(m->upload) != 0;

    m->upload = NULL;
    if (end == DATA_ESCAPED)
        return AT_ERROR;
    if (end == DATA_FAILED && m->upload_full)
        return CME_FULL;
    if (bad || end == DATA_FAILED)
        return CME_WRITE;
    terminal_info(m, "+QFUPL: %u,%x", d->got, d->sum);
    return AT_OK;
}

static int begin_upload(struct module *m, const char *name, uint32_t size,
                        uint32_t timeout_s, bool acknowledge)
{
    uint32_t there;
    int err = filestore_size(&m->files, name, &there);

    if (err == DFOTA_E_ARG)
        return CME_NAME;
    if (!err)
        return CME_EXISTS;
    if (size > FILESTORE_SIZE)
        return CME_TOO_LARGE;
    if (filestore_used(&m->files) >= FILESTORE_SIZE)
        return CME_FULL;
    if (filestore_used(&m->files) + size > FILESTORE_SIZE)
        return CME_NO_SPACE;
    if (filestore_create(&m->files, name, &m->upload) != 0)
        return CME_OPEN;
    /* What does not fit has to show while the host still listens. */
    setvbuf(m->upload, NULL, _IONBF, 0);
    m->upload_full = false;
    m->term.data.sink = upload_sink;
    m->term.data.ctx = m;
    m->term.data.acknowledge = acknowledge;
    terminal_data(m, size, timeout_s, upload_done);
    return AT_LATER;
}

int at_qfupl(struct module *m, const struct at_call *call)
{
    const char *name = at_text(call, 0);
    int64_t size, timeout, acknowledge;

    if (!name)
        return CME_NAME;
    if (call->params->count > 4 ||
        !at_integer(call, 1, 1, INT32_MAX, 10240, &size) ||
        !at_integer(call, 2, 1, 65535, 5, &timeout) ||
        !at_integer(call, 3, 0, 1, 0, &acknowledge))
        return CME_PARAMETER;
    return begin_upload(m, name, (uint32_t)size, (uint32_t)timeout,
                        acknowledge == 1);
}

static void list_one(void *ctx, const char *name, uint32_t size)
{
    struct module *m = ctx;

    terminal_info(m, "+QFLST: \"%s%s\",%u", m->d->list_prefix, name, size);
}

int at_qflst(struct module *m, const struct at_call *call)
{
    const char *name = at_text(call, 0);
    uint32_t size;
    int err;

    if (!name || strchr(name, '*')) {
        filestore_list(&m->files, name ? name : "*", list_one, m);
        return AT_OK;
    }
    if (strcasecmp(name, "UFS") == 0) {
        filestore_list(&m->files, "*", list_one, m);
        return AT_OK;
    }
    err = filestore_size(&m->files, name, &size);
    if (err)
        return err == DFOTA_E_ARG ? CME_NAME : CME_NOT_FOUND;
    if (strncasecmp(name, "UFS:", 4) == 0)
        name += 4;
    list_one(m, name, size);
    return AT_OK;
}

int at_qfdel(struct module *m, const struct at_call *call)
{
    const char *name = at_text(call, 0);
    int err;

    if (!name || call->params->count != 1)
        return CME_PARAMETER;
    err = filestore_remove(&m->files, name);
    if (err == DFOTA_E_ARG)
        return CME_NAME;
    if (err == DFOTA_E_NOTFOUND)
        return CME_NOT_FOUND;
    return err ? CME_DELETE : AT_OK;
}

static int send_file(struct module *m, FILE *f)
{
    uint8_t part[4096];
    uint32_t total = 0;
    uint16_t sum = 0;
    size_t got;

    terminal_info(m, "CONNECT");
    while ((got = fread(part, 1, sizeof part, f)) > 0) {
        terminal_raw(m, part, got);
        sum = datamode_sum(sum, total, part, got);
        total += (uint32_t)got;
    }
    if (ferror(f))
        return CME_READ;
    m->term.headed = false;
    terminal_info(m, "+QFDWL: %u,%x", total, sum);
    return AT_OK;
}

int at_qfdwl(struct module *m, const struct at_call *call)
{
    const char *name = at_text(call, 0);
    char *path;
    FILE *f;
    int result;

    if (!name || call->params->count != 1)
        return CME_PARAMETER;
    if (filestore_path(&m->files, name, &path) != 0)
        return CME_NAME;
    f = fopen(path, "rbe");
    free(path);
    if (!f)
        return CME_NOT_FOUND;
    result = send_file(m, f);
    fclose(f);
    return result;
}

int at_qflds(struct module *m, const struct at_call *call)
{
    const char *drive = at_text(call, 0);
    uint64_t used = filestore_used(&m->files);

    if (drive && strncasecmp(drive, "UFS", 3) != 0)
        return CME_NAME;
    if (used > FILESTORE_SIZE)
        used = FILESTORE_SIZE;
    terminal_info(m, "+QFLDS: %u,%u", (unsigned)(FILESTORE_SIZE - used),
                  (unsigned)FILESTORE_SIZE);
    return AT_OK;
}
