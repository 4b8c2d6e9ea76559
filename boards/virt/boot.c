/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The boot loader: decides by the journal, updates the slot in place from a
 * package in the package area, and runs what is whole.
 *
 * Its lines are a module's URCs, so that a host's log of one reads like a
 * log of the other; lines that begin with "boot:" are for people.
 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "boot_crypto.h"
#include "cfi.h"
#include "device/updater.h"
#include "virt.h"

#define ARENA_LEN 65536u
#define CODE_UPDATE_FAILED 504 /* of a module that could not update itself */

extern uint8_t virt_data_load[], virt_data_start[], virt_data_end[],
    virt_bss_start[], virt_bss_end[];

void boot_start(void);
void boot_fault(void);

static struct cfi_bank bank;
static struct cfi_area areas[4];
static struct dfota_flash slot, backup, package, journal;
static struct dfota_crypto crypto;
static struct dfota_updater updater;
static uint32_t arena[ARENA_LEN / 4];
static enum dfota_stage last_stage; /* told to progress() */
static int32_t percent;

static void urc(const char *stage, int32_t value)
{
    uart_print("+QIND: \"FOTA\",\"");
    uart_print(stage);
    uart_print("\"");
    if (value >= 0) {
        uart_print(",");
        uart_number(value);
    }
    uart_print("\n");
}

static void complain(const char *what, int err)
{
    uart_print("boot: ");
    uart_print(what);
    uart_print(": ");
    uart_print(dfota_strerror(err));
    uart_print("\n");
}

/* The dry run is silent, as a module's is: it shows as a long START. */
static void progress(void *ctx, enum dfota_stage stage, uint32_t done,
                     uint32_t total)
{
    int32_t now = (int32_t)(done / (total / 100 + 1));

    (void)ctx;
    if (stage == DFOTA_STAGE_COPY && last_stage != stage)
        uart_print("boot: writing the slot\n");
    last_stage = stage;
    if (stage != DFOTA_STAGE_DECODE || now == percent)
        return;
    percent = now;
    urc("UPDATING", now);
}

static int open_areas(void)
{
    int err = cfi_open(&bank, VIRT_BANK);

    if (!err)
        err = cfi_area_init(&areas[0], &bank, VIRT_SLOT, VIRT_SLOT_LEN, &slot);
    if (!err)
        err = cfi_area_init(&areas[1], &bank, VIRT_BACKUP, VIRT_BACKUP_LEN,
                            &backup);
    if (!err)
        err = cfi_area_init(&areas[2], &bank, VIRT_PACKAGE, VIRT_PACKAGE_LEN,
                            &package);
    if (!err)
        err = cfi_area_init(&areas[3], &bank, VIRT_JOURNAL, VIRT_JOURNAL_LEN,
                            &journal);
    return err ? err : boot_crypto_init(&crypto);
}

static int open_updater(void)
{
    static const struct dfota_updater_config config = {
        .slot = &slot,
        .backup = &backup,
        .package = &package,
        .journal = &journal,
        .crypto = &crypto,
        .arena = arena,
        .arena_len = sizeof(arena),
        .progress = progress,
    };
    int err = open_areas();

    if (!err)
        dfota_updater_init(&updater, &config);
    return err;
}

/* Is the stored package the one of the journal's last update? */
static bool is_last_package(void)
{
    struct dfota_package p;

    return dfota_package_open(&p, &updater.io.package) == 0 &&
           memcmp(&p.m, &updater.journal.head.package.m, sizeof(p.m)) == 0;
}

/* A package that fits begins an update. One that has failed is not begun
 * again by itself, or the device would try for ever. */
static bool take_package(void)
{
    int err = dfota_updater_reason(&updater);

    if (err && is_last_package()) {
        complain("this package has failed", err);
        return false;
    }
    err = dfota_updater_start(&updater);
    if (err && err != DFOTA_E_NOPACKAGE)
        complain("no update", err);
    return err == 0;
}

static int confirm(void)
{
    return dfota_updater_confirm(&updater);
}

static void run(void)
{
    static const struct virt_services services = {uart_print, confirm};
    virt_entry entry = (virt_entry)(uintptr_t)((VIRT_BANK + VIRT_SLOT) | 1u);

    entry(&services);
}

static void update(void)
{
    int err;

    percent = -1;
    urc("START", -1);
    do
        err = dfota_updater_poll(&updater);
    while (err == DFOTA_MORE);
    if (err == DFOTA_DONE)
        urc("END", 0);
    else
        complain("the update stopped", err);
}

/* Neither image is whole, or the flash has gone: what can be said is. */
static void hold(int err)
{
    urc("START", -1);
    urc("END", CODE_UPDATE_FAILED);
    complain("held", err);
    virt_stop();
}

/* Held, but the package area may have the way out by now: the journal's own
 * package, or a signed full image. One try a boot. */
static bool recover(bool *tried)
{
    if (*tried)
        return false;
    *tried = true;
    return dfota_updater_recover(&updater) == 0;
}

/* Every boot() after the first follows a start() or recover() that worked, or
 * a poll() that ended an update or failed. Flash that fails without end must
 * not turn into a loop: the journal allows 5 tries a window. */
static void boot(void)
{
    enum dfota_action action = DFOTA_ACTION_HELD;
    bool resumed;
    bool tried = false;
    int err = 0;

    for (unsigned i = 0; i < 64; i++) {
        err = dfota_updater_boot(&updater, &action, &resumed);
        if (action == DFOTA_ACTION_UPDATE)
            update();
        else if (action == DFOTA_ACTION_HELD && !recover(&tried))
            break;
        else if (action == DFOTA_ACTION_BOOT && (i > 0 || !take_package()))
            break;
    }
    if (action != DFOTA_ACTION_BOOT)
        hold(err);
    run();
}

void boot_start(void)
{
    int err;

    memcpy(virt_data_start, virt_data_load,
           (size_t)(virt_data_end - virt_data_start));
    memset(virt_bss_start, 0, (size_t)(virt_bss_end - virt_bss_start));
    uart_open();
    uart_print("boot: virt, ");
    uart_print(boot_crypto_name);
    uart_print("\n");
    err = open_updater();
    if (err) {
        complain("flash or key", err);
        virt_stop();
    }
    boot();
    virt_stop();
}

void boot_fault(void)
{
    uart_print("boot: fault\n");
    virt_stop();
}
