/* SPDX-License-Identifier: Apache-2.0 */
#include "dfota_mcuboot.h"

#include <zephyr/dfu/mcuboot.h>

#include "base/err.h"
#include "dfota_partition.h"
#include "fill_slot.h"

enum { PRIMARY, SECONDARY, PACKAGE, PARTITIONS };

static struct dfota_partition partitions[PARTITIONS];
static struct psa_trust trust;
static struct fill fill;
static uint32_t arena[CONFIG_DFOTA_ARENA_SIZE / 4];

static int open_partitions(void)
{
    static const uint8_t ids[PARTITIONS] = {
        FIXED_PARTITION_ID(slot0_partition),
        FIXED_PARTITION_ID(slot1_partition),
        FIXED_PARTITION_ID(dfota_package),
    };
    int err = 0;

    for (unsigned i = 0; !err && i < PARTITIONS; i++)
        err = dfota_partition_open(&partitions[i], ids[i]);
    return err;
}

static int decode(void)
{
    struct dfota_crypto crypto;
    const struct fill_config config = {
        .primary = &partitions[PRIMARY].flash,
        .secondary = &partitions[SECONDARY].flash,
        .package = &partitions[PACKAGE].flash,
        .crypto = &crypto,
        .arena = arena,
        .arena_len = sizeof(arena),
        .class_id = CONFIG_DFOTA_CLASS,
        /* imgtool has kept the image off MCUboot's trailer; a page of it
         * is checked again. */
        .trailer_len = partitions[SECONDARY].flash.erase_size,
    };

    psa_trust_crypto(&trust, &crypto);
    return fill_slot(&fill, &config);
}

int dfota_mcuboot_fill(const uint8_t key[RAW_KEY_LEN])
{
    int err = psa_port_init();

    psa_trust_init(&trust);
    if (!err)
        err = dfota_raw_key_load(&trust, 0, key);
    if (!err)
        err = open_partitions();
    if (!err)
        err = decode();
    psa_trust_release(&trust);
    if (!err && boot_request_upgrade(BOOT_UPGRADE_TEST))
        err = DFOTA_E_IO;
    return err;
}
