/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file, from YAML to the options. The values are judged,
 * nothing is opened.
 */
#include <stdint.h>
#include <string.h>

#include "os/log.h"
#include "server/config/config_file.h"
#include "server/config/options_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool take(void *ctx, const char *name, const char *value,
                 char why[CONFIG_WHY_ROOM])
{
    unsigned row = 0;

    while (strcmp(option_rows[row].name, name) != 0)
        row++;
    return option_set(ctx, row, value, OPTIONS_FILE, why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct config_key keys[OPTIONS_MAX + 1] = {{0}};
    struct options options = {0};

    log_init("fuzz_config", LOG_LEVEL_NONE);
    for (unsigned i = 0; option_rows[i].name; i++)
        keys[i] = (struct config_key){option_rows[i].name,
                                      option_is_list(&option_rows[i])};
    config_file_parse("fuzz", data, len, keys, take, &options);
    options_release(&options);
    return 0;
}
