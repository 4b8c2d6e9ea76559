/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A download over CoAP that a cut ended goes on at the sector reached, if URL
 * and entity tag are the same.
 *
 * The note in the settings is "<URL> <entity tag> <bytes> <CRC>", the URL as
 * the first half of its SHA-256. The CRC is over what lies on flash: whatever
 * else wrote there since then makes the note void, and nobody has to remember
 * to withdraw it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "modem/download.h"
#include "modem/modem.h"

enum { URL_HASH_LEN = 16, CHUNK = 512 };

static void hash_url(const struct download *d, char text[2 * URL_HASH_LEN + 1])
{
    uint8_t digest[32] = {0};

    gnutls_hash_fast(GNUTLS_DIG_SHA256, d->url, strlen(d->url), digest);
    for (int i = 0; i < URL_HASH_LEN; i++)
        snprintf(text + (size_t)i * 2, 3, "%02x", digest[i]);
}

static void write_note(struct download *d)
{
    struct settings *s = &d->m->set;
    char url[2 * URL_HASH_LEN + 1];
    int len;

    hash_url(d, url);
    len =
        snprintf(s->partial, sizeof s->partial, "%s %s %" PRIu32 " %08" PRIx32,
                 url, d->etag, d->kept, d->kept_sum);
    if (len >= (int)sizeof s->partial)
        s->partial[0] = '\0'; /* a tag of unusual length: no note */
    settings_save(s);
}

void download_note_head(struct download *d)
{
    d->kept = d->kept_sum = 0;
    d->keeps = d->link == d->coap && d->etag[0] != '\0' &&
               strchr(d->etag, ' ') == NULL;
}

/* What is on flash between two places, into both sums. */
static int sum_up(struct download *d, uint32_t to, bool into_digest)
{
    uint8_t chunk[CHUNK];
    int err = 0;

    while (!err && d->kept < to) {
        uint32_t len = to - d->kept < CHUNK ? to - d->kept : CHUNK;

        err = chip_package_read(&d->m->chip, d->kept, chunk, len);
        d->kept_sum = dfota_crc32(d->kept_sum, chunk, len);
        if (into_digest)
            gnutls_hash(d->hash, chunk, len);
        d->kept += len;
    }
    return err;
}

void download_note_data(struct download *d)
{
    uint32_t kept = chip_package_kept(&d->m->chip);

    if (d->keeps && kept > d->kept && sum_up(d, kept, false) == 0)
        write_note(d);
}

void download_note_end(struct download *d, enum cause cause)
{
    struct settings *s = &d->m->set;

    if (s->partial[0] == '\0' || cause == CAUSE_LOST ||
        cause == CAUSE_CONNECT || cause == CAUSE_TIMEOUT)
        return;
    s->partial[0] = '\0';
    settings_save(s);
}

static bool read_note(const struct download *d, char *etag, uint32_t *len,
                      uint32_t *sum)
{
    char url[2 * URL_HASH_LEN + 1], noted[SETTING_TEXT_MAX];
    char *word[4], *rest = noted;

    snprintf(noted, sizeof noted, "%s", d->m->set.partial);
    for (int i = 0; i < 4; i++) {
        word[i] = strtok_r(rest, " ", &rest);
        if (!word[i])
            return false;
    }
    hash_url(d, url);
    snprintf(etag, LINK_ETAG_MAX, "%s", word[1]);
    *len = (uint32_t)strtoul(word[2], NULL, 10);
    *sum = (uint32_t)strtoul(word[3], NULL, 16);
    return strcmp(url, word[0]) == 0 && *len > 0;
}

bool download_take_up(struct download *d, const struct url *url)
{
    char etag[LINK_ETAG_MAX];
    uint32_t len, sum;

    d->keeps = false;
    if ((url->scheme & (URL_COAP | URL_COAPS)) == 0 ||
        !read_note(d, etag, &len, &sum) ||
        gnutls_hash_init(&d->hash, GNUTLS_DIG_SHA256) != 0)
        return false;
    d->kept = d->kept_sum = 0;
    d->keeps = true;
    if (sum_up(d, len, true) == 0 && d->kept_sum == sum &&
        chip_package_resume(&d->m->chip, len) == 0) {
        snprintf(d->etag, sizeof d->etag, "%s", etag);
        d->got = len;
        return true;
    }
    d->keeps = false;
    gnutls_hash_deinit(d->hash, NULL);
    d->hash = NULL;
    return false;
}
