/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/dialect_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

enum { FILE_MAX_LEN = 65536 };

enum kind {
    KIND_NUMBER, /* low..high; size bytes wide */
    KIND_SIGNED, /* the same, an int16_t */
    KIND_POLL,   /* a number in struct polling, not in struct dialect */
    KIND_DIGITS, /* low..high characters, a const char * */
    KIND_TEXT,   /* the same; printable, as it goes between quotes */
};

#define PLACE(member)                                                          \
    offsetof(struct dialect, member), sizeof(((struct dialect *)NULL)->member)
/* Past a day nobody waits for a module. */
#define MS(name, member)                                                       \
    {                                                                          \
        name, KIND_NUMBER, PLACE(timing.member), 0, 86400000                   \
    }

/* Nor past a year for a poll. */
#define POLL(member)                                                           \
    offsetof(struct polling, member), sizeof(uint32_t), 0, 31536000

static const struct key {
    const char *name;
    enum kind kind;
    size_t offset, size;
    long low, high;
} keys[] = {
    {"default_port_http", KIND_NUMBER, PLACE(url.ports[0]), 1, 65535},
    {"default_port_https", KIND_NUMBER, PLACE(url.ports[1]), 1, 65535},
    {"default_port_coap", KIND_NUMBER, PLACE(url.ports[2]), 1, 65535},
    {"default_port_coaps", KIND_NUMBER, PLACE(url.ports[3]), 1, 65535},
    /* what the radio answers */
    {"rssi_dbm", KIND_SIGNED, PLACE(radio.rssi_dbm), -140, 0},
    {"ber", KIND_NUMBER, PLACE(radio.ber), 0, 99},
    {"operator_format", KIND_NUMBER, PLACE(radio.operator_format), 0, 2},
    {"operator_name", KIND_TEXT, PLACE(radio.operator_name), 1, 64},
    {"cesq", KIND_TEXT, PLACE(radio.cesq), 1, 64},
    {"access", KIND_NUMBER, PLACE(radio.access), 0, 15},
    {"creg", KIND_NUMBER, PLACE(radio.creg), 0, 10},
    {"cgreg", KIND_NUMBER, PLACE(radio.cgreg), 0, 10},
    {"cereg", KIND_NUMBER, PLACE(radio.cereg), 0, 10},
    {"imei", KIND_DIGITS, PLACE(radio.imei), 14, 16},
    {"imsi", KIND_DIGITS, PLACE(radio.imsi), 6, 15},
    {"address", KIND_TEXT, PLACE(radio.address), 1, 64},
    /* how long things take */
    MS("start_ms", start),
    MS("settle_ms", settle),
    MS("reset_ms", reset),
    MS("boot_ms", boot),
    MS("ready_ms", ready),
    MS("registered_ms", registered),
    MS("reboot_ms", reboot),
    MS("connect_ms", connect),
    MS("connect_pause_ms", connect_pause),
    MS("silence_ms", silence),
    {"connect_tries", KIND_NUMBER, PLACE(timing.connect_tries), 1, 100},
    {"resumes", KIND_NUMBER, PLACE(timing.resumes), 0, 100},
    {"erase_ms", KIND_NUMBER, PLACE(memory.erase_ms), 0, 60000},
    {"program_us", KIND_NUMBER, PLACE(memory.program_us), 0, 60000000},
    {"poll_first_s", KIND_POLL, POLL(first_s)},
    {"poll_again_s", KIND_POLL, POLL(again_s)},
    {"poll_spread_s", KIND_POLL, POLL(spread_s)},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

struct reader {
    struct dialect_conf *c;
    const char *name; /* of the file */
    unsigned line;
    bool seen[KEYS];
};

static unsigned char *place_of(struct dialect_conf *c, const struct key *key)
{
    void *base =
        key->kind == KIND_POLL ? (void *)&c->polling : (void *)&c->dialect;

    return (unsigned char *)base + key->offset;
}

static bool take_number(struct dialect_conf *c, const struct key *key,
                        const char *text)
{
    unsigned char *place = place_of(c, key);
    char *end;
    long value;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < key->low || value > key->high)
        return false;
    u8 = (uint8_t)value;
    u16 = (uint16_t)value; /* and int16_t, in two's complement */
    u32 = (uint32_t)value;
    memcpy(place,
           key->size == 1   ? (const void *)&u8
           : key->size == 2 ? (const void *)&u16
                            : (const void *)&u32,
           key->size);
    return true;
}

static bool take_text(struct dialect_conf *c, const struct key *key,
                      const char *text)
{
    size_t len = strlen(text);

    if (len < (size_t)key->low || len > (size_t)key->high)
        return false;
    for (const char *s = text; *s; s++) {
        bool good = key->kind == KIND_DIGITS
                        ? *s >= '0' && *s <= '9'
                        : *s >= ' ' && *s <= '~' && *s != '"';

        if (!good)
            return false;
    }
    memcpy(place_of(c, key), &text, sizeof text);
    return true;
}

static bool take(struct dialect_conf *c, const struct key *key,
                 const char *text)
{
    return key->kind <= KIND_POLL ? take_number(c, key, text)
                                  : take_text(c, key, text);
}

static int find(const char *name)
{
    for (int i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return i;
    }
    return -1;
}

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && strchr(" \t\r", end[-1]))
        end--;
    *end = '\0';
    return text + strspn(text, " \t");
}

static int refuse(const struct reader *r, const char *key, const char *why)
{
    log_error("%s:%u: %.40s: %s", r->name, r->line, key, why);
    return DFOTA_E_SYNTAX;
}

static int refuse_value(const struct reader *r, const struct key *key)
{
    static const char *const shapes[] = {[KIND_NUMBER] = "a number from",
                                         [KIND_SIGNED] = "a number from",
                                         [KIND_POLL] = "a number from",
                                         [KIND_DIGITS] = "digits, from",
                                         [KIND_TEXT] =
                                             "text without quotes, from"};
    bool number = key->kind <= KIND_POLL;

    log_error("%s:%u: %s: give %s %ld to %ld%s", r->name, r->line, key->name,
              shapes[key->kind], key->low, key->high,
              number ? "" : " characters");
    return DFOTA_E_SYNTAX;
}

static int read_line(struct reader *r, char *line)
{
    char *value = strchr(line, '='), *key;
    int i;

    key = trim(line);
    if (key[0] == '\0' || key[0] == '#')
        return 0;
    if (!value)
        return refuse(r, key, "no value; a line is key = value");
    *value++ = '\0';
    key = trim(key);
    value = trim(value);
    i = find(key);
    if (i < 0)
        return refuse(r, key, "no such key; dfota-module(1) lists them");
    if (r->seen[i])
        return refuse(r, key, "is there twice");
    r->seen[i] = true;
    if (keys[i].kind == KIND_POLL && !r->c->dialect.polling)
        return refuse(r, key, "this family does not poll");
    return take(r->c, &keys[i], value) ? 0 : refuse_value(r, &keys[i]);
}

int dialect_conf_parse(struct dialect_conf *c, char *text, size_t len,
                       const char *name)
{
    struct reader r = {.c = c, .name = name};
    int err = 0;

    if (c->dialect.polling) {
        c->polling = *c->dialect.polling;
        c->dialect.polling = &c->polling;
    }
    while (!err && len > 0) {
        char *end = memchr(text, '\n', len);
        size_t line_len = end ? (size_t)(end - text) : len;

        r.line++;
        text[line_len] = '\0';
        err = strlen(text) < line_len ? refuse(&r, text, "has a NUL in it")
                                      : read_line(&r, text);
        text += line_len + (end ? 1 : 0);
        len -= line_len + (end ? 1 : 0);
    }
    return err;
}

int dialect_conf_load(struct dialect_conf *c, const struct dialect *base,
                      const char *path, bool must)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int err = files_read(path, FILE_MAX_LEN, &text, &len);

    *c = (struct dialect_conf){.dialect = *base};
    if (err == DFOTA_E_IO && errno == ENOENT && !must)
        return 0;
    if (err) {
        log_error("%s: %s", path,
                  err == DFOTA_E_IO     ? strerror(errno)
                  : err == DFOTA_E_FULL ? "larger than 64 KiB"
                  : err == DFOTA_E_ARG  ? "is no file"
                                        : dfota_strerror(err));
        return err;
    }
    c->text = (char *)text;
    return dialect_conf_parse(c, c->text, len, path);
}

void dialect_conf_release(struct dialect_conf *c)
{
    free(c->text);
    c->text = NULL;
}
