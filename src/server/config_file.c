/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config_file.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/fleet/units.h"

enum { KEYS_MAX = 32, FILE_MAX_LEN = 1 << 20, TEXT_MAX = 4096, LIST_MAX = 64 };

/* What the library fills in: for each key a text, or a list and its length. */
struct values {
    void *all[KEYS_MAX];
    unsigned counts[KEYS_MAX];
};

struct reading {
    const char *path;
    bool said;
};

static const cyaml_schema_value_t text_of_list = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, TEXT_MAX)};

static void fill(cyaml_schema_field_t *field, unsigned i,
                 const struct config_key *key)
{
    *field = (cyaml_schema_field_t){
        .key = key->name,
        .data_offset =
            (uint32_t)(offsetof(struct values, all) + i * sizeof(void *)),
        .count_offset =
            (uint32_t)(offsetof(struct values, counts) + i * sizeof(unsigned)),
        .count_size = sizeof(unsigned)};
    field->value.flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER;
    if (key->is_list) {
        field->value.type = CYAML_SEQUENCE;
        field->value.data_size = sizeof(char *);
        field->value.sequence.entry = &text_of_list;
        field->value.sequence.max = LIST_MAX;
    } else {
        field->value.type = CYAML_STRING;
        field->value.data_size = sizeof(char);
        field->value.string.max = TEXT_MAX;
    }
}

/* The library's own lines, one of them told: the first says most. */
__attribute__((format(printf, 3, 0))) static void
say(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
    struct reading *reading = ctx;
    char line[256];

    if (level < CYAML_LOG_WARNING || reading->said)
        return;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    log_error("%s: %s", reading->path, line);
    reading->said = true;
}

/* A second document would be left out without a word. */
static bool is_one_document(const char *text)
{
    bool content = false;

    while (*text) {
        if (strncmp(text, "---", 3) == 0 && content)
            return false;
        content |= *text != '#' && *text != '\n' && *text != '%' &&
                   strncmp(text, "---", 3) != 0;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return true;
}

static int load(const char *path, const uint8_t *text, size_t len,
                const cyaml_schema_value_t *schema, struct values **out)
{
    struct reading reading = {.path = path};
    const cyaml_config_t config = {.log_fn = say,
                                   .log_ctx = &reading,
                                   .mem_fn = cyaml_mem,
                                   .log_level = CYAML_LOG_WARNING,
                                   .flags = CYAML_CFG_NO_ALIAS};
    cyaml_data_t *data = NULL;
    cyaml_err_t err = cyaml_load_data(text, len, &config, schema, &data, NULL);

    *out = data; /* NULL when there is nothing in the file */
    if (err == CYAML_OK && !reading.said)
        return 0;
    if (!reading.said)
        log_error("%s: %s", path, cyaml_strerror(err));
    return DFOTA_E_SYNTAX;
}

static bool take_flag(const char *path, const struct config_key *key,
                      const char *text, bool *on)
{
    if (units_bool(text, on))
        return true;
    log_error("%s: %s: \"%s\" is neither true nor false", path, key->name,
              text);
    return false;
}

static int give(const char *path, const struct config_key *key, void *value,
                unsigned count,
                bool (*take)(void *ctx, const char *name, const char *value),
                void *ctx)
{
    char *const *list = value;
    bool on = true;

    if (!value)
        return 0;
    if (key->is_flag && !take_flag(path, key, value, &on))
        return DFOTA_E_SYNTAX;
    if (!key->is_list)
        return !on || take(ctx, key->name, value) ? 0 : DFOTA_E_SYNTAX;
    for (unsigned i = 0; i < count; i++) {
        if (!take(ctx, key->name, list[i]))
            return DFOTA_E_SYNTAX;
    }
    return 0;
}

static int read_text(const char *path, uint8_t **text, size_t *len)
{
    int err = files_read(path, FILE_MAX_LEN, text, len);

    if (err) {
        log_error("%s: %s", path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
        return err;
    }
    (*text)[*len] = '\0';
    if (strlen((const char *)*text) == *len &&
        is_one_document((const char *)*text))
        return 0;
    log_error("%s: one YAML document is wanted", path);
    free(*text);
    return DFOTA_E_SYNTAX;
}

int config_file_read(const char *path, const struct config_key *keys,
                     bool (*take)(void *ctx, const char *name,
                                  const char *value),
                     void *ctx)
{
    static cyaml_schema_field_t fields[KEYS_MAX + 1];
    static struct values *values; /* the options point into it */
    const cyaml_schema_value_t schema = {
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct values, fields)};
    uint8_t *text;
    size_t len;
    int err = read_text(path, &text, &len);

    if (err)
        return err;
    for (unsigned i = 0; keys[i].name && i < KEYS_MAX; i++)
        fill(&fields[i], i, &keys[i]);
    err = load(path, text, len, &schema, &values);
    free(text);
    for (unsigned i = 0; !err && values && keys[i].name && i < KEYS_MAX; i++)
        err =
            give(path, &keys[i], values->all[i], values->counts[i], take, ctx);
    return err;
}
