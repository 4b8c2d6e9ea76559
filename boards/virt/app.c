/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The application in the slot: says its version, proves that its image is
 * whole, and confirms itself.
 *
 * Its table is what makes the image several erase blocks long. The last
 * word of it is the CRC-32 of what is before, so that one wrong byte in the
 * slot is heard of even where no instruction runs over it.
 */
#include <stddef.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "virt.h"

extern const uint8_t app_table[], app_table_end[];

void app_main(const struct virt_services *s);

__attribute__((section(".version"), used)) static const char app_version[] =
    "DFOTAVER" APP_VERSION;

static int table_is_whole(void)
{
    size_t len = (size_t)(app_table_end - app_table) - 4;

    return dfota_crc32(0, app_table, len) == dfota_get_le32(app_table + len);
}

#if APP_MINOR >= 1
/* What release 1.1 has and 1.0 has not: code in front of other code. */
static void print_size(const struct virt_services *s)
{
    size_t kib = (size_t)(app_table_end - app_table) / 1024;
    char text[8] = "    KiB";

    for (int i = 3; kib && i >= 0; i--, kib /= 10)
        text[i] = (char)('0' + kib % 10);
    s->print("app: table of");
    s->print(text);
    s->print("\n");
}
#endif

void app_main(const struct virt_services *s)
{
    s->print("app: version ");
    s->print(app_version + 8);
    s->print("\n");
#if APP_MINOR >= 1
    print_size(s);
#endif
    if (!table_is_whole())
        s->print("app: the table is damaged\n");
    else if (s->confirm())
        s->print("app: not confirmed\n");
    else
        s->print("app: confirmed\n");
    s->print("app: ready\n");
    for (;;)
        __asm__ volatile("wfi");
}
