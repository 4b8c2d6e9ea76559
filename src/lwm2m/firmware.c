/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/firmware.h"

#include <string.h>

#include "base/err.h"
#include "link/coap_msg.h"

enum {
    IN_IDLE = 1 << FIRMWARE_IDLE,
    IN_DOWNLOADING = 1 << FIRMWARE_DOWNLOADING,
    IN_DOWNLOADED = 1 << FIRMWARE_DOWNLOADED,
    IN_UPDATING = 1 << FIRMWARE_UPDATING,
    SAME = 0xff,
};

enum { V10 = 1, V11 = 2, ANY = V10 | V11 };

struct row {
    uint8_t in;       /* states, or'ed */
    uint8_t event;    /* enum firmware_event */
    uint8_t versions; /* of the object */
    uint8_t next;     /* state, or SAME */
    uint8_t result;   /* or SAME */
    uint8_t code;     /* answer of the request; 0: it has none, or another
                       * layer's */
};

/* The first row that suits wins; none: nothing happens, 4.05. */
static const struct row rows[] = {
    {IN_IDLE, FIRMWARE_ON_PACKAGE, ANY, FIRMWARE_DOWNLOADING, FIRMWARE_INITIAL,
     COAP_CONTINUE},
    {IN_IDLE, FIRMWARE_ON_URI, ANY, FIRMWARE_DOWNLOADING, FIRMWARE_INITIAL,
     COAP_CHANGED},
    {IN_IDLE, FIRMWARE_ON_BAD_URI, ANY, FIRMWARE_IDLE, FIRMWARE_BAD_URI,
     COAP_CHANGED},
    {IN_IDLE, FIRMWARE_ON_BAD_SCHEME, ANY, FIRMWARE_IDLE, FIRMWARE_BAD_PROTOCOL,
     COAP_CHANGED},
    {IN_IDLE, FIRMWARE_ON_TOO_LARGE, ANY, FIRMWARE_IDLE, FIRMWARE_NO_FLASH,
     COAP_TOO_LARGE},
    {IN_DOWNLOADING | IN_DOWNLOADED, FIRMWARE_ON_PACKAGE, ANY, SAME, SAME,
     COAP_BAD_REQUEST},
    {IN_DOWNLOADING | IN_DOWNLOADED, FIRMWARE_ON_URI, ANY, SAME, SAME,
     COAP_BAD_REQUEST},
    {IN_DOWNLOADING | IN_DOWNLOADED, FIRMWARE_ON_BAD_URI, ANY, SAME, SAME,
     COAP_BAD_REQUEST},
    {IN_DOWNLOADING | IN_DOWNLOADED, FIRMWARE_ON_BAD_SCHEME, ANY, SAME, SAME,
     COAP_BAD_REQUEST},
    {IN_IDLE | IN_DOWNLOADING | IN_DOWNLOADED, FIRMWARE_ON_RESET, ANY,
     FIRMWARE_IDLE, FIRMWARE_INITIAL, COAP_CHANGED},
    {IN_IDLE | IN_DOWNLOADING, FIRMWARE_ON_EXECUTE, ANY, SAME, SAME,
     COAP_NOT_ALLOWED},
    {IN_DOWNLOADED, FIRMWARE_ON_EXECUTE, ANY, FIRMWARE_UPDATING,
     FIRMWARE_INITIAL, COAP_CHANGED},
    {IN_DOWNLOADING, FIRMWARE_ON_COMPLETE, ANY, FIRMWARE_DOWNLOADED,
     FIRMWARE_INITIAL, 0},
    {IN_DOWNLOADING, FIRMWARE_ON_NO_FLASH, ANY, FIRMWARE_IDLE,
     FIRMWARE_NO_FLASH, COAP_SERVER_ERROR},
    {IN_DOWNLOADING, FIRMWARE_ON_NO_RAM, ANY, FIRMWARE_IDLE, FIRMWARE_NO_RAM,
     COAP_SERVER_ERROR},
    {IN_DOWNLOADING, FIRMWARE_ON_LOST, ANY, FIRMWARE_IDLE, FIRMWARE_LOST, 0},
    {IN_DOWNLOADING, FIRMWARE_ON_INTEGRITY, ANY, FIRMWARE_IDLE,
     FIRMWARE_INTEGRITY, COAP_CHANGED},
    {IN_DOWNLOADING, FIRMWARE_ON_BAD_PACKAGE, ANY, FIRMWARE_IDLE,
     FIRMWARE_BAD_PACKAGE, COAP_CHANGED},
    {IN_DOWNLOADING, FIRMWARE_ON_FETCH_URI, ANY, FIRMWARE_IDLE,
     FIRMWARE_BAD_URI, 0},
    {IN_DOWNLOADING, FIRMWARE_ON_FETCH_SCHEME, ANY, FIRMWARE_IDLE,
     FIRMWARE_BAD_PROTOCOL, 0},
    {IN_DOWNLOADING, FIRMWARE_ON_CANCEL, V11, FIRMWARE_IDLE, FIRMWARE_CANCELLED,
     COAP_CHANGED},
    {IN_DOWNLOADED, FIRMWARE_ON_CANCEL, V11, FIRMWARE_IDLE, FIRMWARE_CANCELLED,
     COAP_CHANGED},
    {IN_IDLE | IN_UPDATING, FIRMWARE_ON_CANCEL, V11, SAME, SAME,
     COAP_NOT_ALLOWED},
    {IN_UPDATING, FIRMWARE_ON_UPDATED, ANY, FIRMWARE_IDLE, FIRMWARE_SUCCESS, 0},
    {IN_UPDATING, FIRMWARE_ON_FAILED, V10, FIRMWARE_DOWNLOADED, FIRMWARE_FAILED,
     0},
    {IN_UPDATING, FIRMWARE_ON_FAILED, V11, FIRMWARE_IDLE, FIRMWARE_FAILED, 0},
};

static const struct row *find(const struct firmware *f, enum firmware_event e)
{
    unsigned version = f->v11 ? V11 : V10;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].event == e && rows[i].in & 1u << f->kept.state &&
            rows[i].versions & version)
            return &rows[i];
    return NULL;
}

/* Back to Idle from anywhere: no package, no URI. A package that failed to
 * update in version 1.1 goes too. */
static void enter_idle(struct firmware *f, enum firmware_event e)
{
    f->kept.pulling = false;
    if (e == FIRMWARE_ON_RESET || e == FIRMWARE_ON_UPDATED)
        f->kept.uri[0] = '\0';
    if (e != FIRMWARE_ON_UPDATED)
        f->ops->erase(f->ctx);
}

uint8_t firmware_event(struct firmware *f, enum firmware_event e)
{
    const struct row *row = find(f, e);
    bool changed;

    if (!row)
        return COAP_NOT_ALLOWED;
    if (row->next == SAME)
        return row->code;
    changed = row->next != f->kept.state || row->result != f->kept.result;
    if (row->next == FIRMWARE_IDLE &&
        (f->kept.state != FIRMWARE_IDLE || e == FIRMWARE_ON_RESET))
        enter_idle(f, e);
    f->kept.state = row->next;
    f->kept.result = row->result;
    if (changed)
        f->ops->changed(f->ctx);
    return row->code;
}

void firmware_init(struct firmware *f, const struct firmware_ops *ops,
                   void *ctx, bool v11)
{
    *f = (struct firmware){.ops = ops, .ctx = ctx, .v11 = v11};
}

static void boot_updating(struct firmware *f, enum firmware_found found,
                          bool stored)
{
    if (found == FIRMWARE_FOUND_UPDATED)
        firmware_event(f, FIRMWARE_ON_UPDATED);
    else if (found == FIRMWARE_FOUND_FAILED || !stored)
        firmware_event(f, FIRMWARE_ON_FAILED);
    else
        f->kept.state = FIRMWARE_DOWNLOADED;
}

void firmware_boot(struct firmware *f, const struct firmware_kept *kept,
                   enum firmware_found found, bool stored)
{
    f->kept = *kept;
    f->kept.uri[FIRMWARE_URI_MAX] = '\0';
    switch (kept->state) {
    case FIRMWARE_UPDATING:
        boot_updating(f, found, stored);
        break;
    case FIRMWARE_DOWNLOADING:
        if (kept->pulling) {
            f->ops->fetch(f->ctx, f->kept.uri, true);
            return;
        }
        f->kept.state = FIRMWARE_IDLE;
        f->ops->erase(f->ctx);
        break;
    case FIRMWARE_DOWNLOADED:
        break;
    default:
        f->kept.state = FIRMWARE_IDLE;
    }
    if (f->kept.state == FIRMWARE_DOWNLOADED && !stored)
        f->kept.state = FIRMWARE_IDLE;
}

uint8_t firmware_write_uri(struct firmware *f, const char *uri, size_t len)
{
    enum firmware_event e = FIRMWARE_ON_URI;
    uint8_t code;
    char text[FIRMWARE_URI_MAX + 1] = "";
    int err = 0;

    if (len == 0 || (len == 1 && uri[0] == '\0'))
        return firmware_event(f, FIRMWARE_ON_RESET);
    if (len <= FIRMWARE_URI_MAX) {
        memcpy(text, uri, len);
        text[len] = '\0';
    }
    if (f->kept.state == FIRMWARE_IDLE)
        err = text[0] ? f->ops->check(f->ctx, text) : DFOTA_E_ARG;
    if (err == DFOTA_E_BUSY)
        return COAP_BAD_REQUEST;
    if (err)
        e = err == DFOTA_E_UNSUPPORTED ? FIRMWARE_ON_BAD_SCHEME
                                       : FIRMWARE_ON_BAD_URI;
    if (f->kept.state == FIRMWARE_IDLE)
        memcpy(f->kept.uri, text, sizeof text);
    f->kept.pulling = f->kept.state == FIRMWARE_IDLE ? !err : f->kept.pulling;
    code = firmware_event(f, e);
    if (code == COAP_CHANGED && e == FIRMWARE_ON_URI)
        f->ops->fetch(f->ctx, f->kept.uri, false);
    return code;
}

enum firmware_event firmware_event_of(int err)
{
    switch (err) {
    case 0:
        return FIRMWARE_ON_COMPLETE;
    case DFOTA_E_FULL:
    case DFOTA_E_FLASH:
    case DFOTA_E_IO:
        return FIRMWARE_ON_NO_FLASH;
    case DFOTA_E_NOMEM:
    case DFOTA_E_ARENA:
        return FIRMWARE_ON_NO_RAM;
    case DFOTA_E_CONNECT:
    case DFOTA_E_TIMEOUT:
    case DFOTA_E_CANCELLED:
        return FIRMWARE_ON_LOST;
    case DFOTA_E_VERSION:
    case DFOTA_E_ARCH:
    case DFOTA_E_CLASS:
    case DFOTA_E_SLOT:
    case DFOTA_E_BACKUP:
    case DFOTA_E_SOURCE:
        return FIRMWARE_ON_BAD_PACKAGE;
    default:
        return FIRMWARE_ON_INTEGRITY;
    }
}

int firmware_write(struct firmware *f, const void *data, size_t len)
{
    int err = f->ops->write(f->ctx, data, len);

    if (err)
        firmware_event(f, firmware_event_of(err));
    return err;
}

int firmware_finish(struct firmware *f)
{
    int err = f->ops->finish(f->ctx);

    firmware_event(f, firmware_event_of(err));
    return err;
}

void firmware_fetched(struct firmware *f, int err)
{
    if (f->kept.state != FIRMWARE_DOWNLOADING || !f->kept.pulling)
        return;
    if (err == 0)
        firmware_finish(f);
    else if (err == DFOTA_E_UNSUPPORTED)
        firmware_event(f, FIRMWARE_ON_FETCH_SCHEME);
    else if (err == DFOTA_E_ARG || err == DFOTA_E_NOTFOUND)
        firmware_event(f, FIRMWARE_ON_FETCH_URI);
    else
        firmware_event(f, firmware_event_of(err));
}
