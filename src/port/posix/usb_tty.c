/* SPDX-License-Identifier: Apache-2.0 */
#include "port/posix/usb_tty.h"
#include "base/err.h"
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTE_ROOM 80 /* a USB string has at most 126 letters; enough */

/* One line of an attribute; "" when there is none. */
static bool read_attribute(const char *folder, const char *name, char *out)
{
    char path[PATH_MAX];
    FILE *file;

    out[0] = '\0';
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >=
        (int)sizeof(path))
        return false;
    file = fopen(path, "re");
    if (!file)
        return false;
    if (fgets(out, ATTRIBUTE_ROOM, file))
        out[strcspn(out, "\n")] = '\0';
    else
        out[0] = '\0';
    (void)fclose(file);
    return out[0] != '\0';
}

/* The folder above; false at the root. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || slash == path)
        return false;
    *slash = '\0';
    return true;
}

int usb_tty_identify(const char *sysfs, const char *tty, char id[USB_TTY_ROOM])
{
    char path[PATH_MAX];
    char folder[PATH_MAX];
    char interface[ATTRIBUTE_ROOM] = "";
    char serial[ATTRIBUTE_ROOM];
    char vendor[ATTRIBUTE_ROOM];
    const char *socket;
    bool found = false;

    if (snprintf(path, sizeof(path), "%s/class/tty/%s/device", sysfs, tty) >=
            (int)sizeof(path) ||
        !realpath(path, folder))
        return DFOTA_E_NOTFOUND;
    /* .../1-4 (the device) /1-4:1.2 (the interface) /ttyUSB2 */
    do {
        if (!interface[0])
            read_attribute(folder, "bInterfaceNumber", interface);
        found = read_attribute(folder, "idVendor", vendor);
    } while (!found && go_up(folder));
    if (!found)
        return DFOTA_E_NOTFOUND;
    socket = strrchr(folder, '/') + 1;
    if (!read_attribute(folder, "serial", serial))
        (void)snprintf(serial, sizeof(serial), "@%.*s", 64, socket);
    if (snprintf(id, USB_TTY_ROOM, "%s:%s:%s", vendor, serial, interface) >=
        USB_TTY_ROOM)
        return DFOTA_E_NOTFOUND;
    return DFOTA_OK;
}

int usb_tty_find(const char *sysfs, const char *id, char tty[USB_TTY_ROOM])
{
    char path[PATH_MAX];
    char other[USB_TTY_ROOM];
    const struct dirent *entry;
    int err = DFOTA_E_NOTFOUND;
    DIR *folder;

    if (snprintf(path, sizeof(path), "%s/class/tty", sysfs) >=
        (int)sizeof(path))
        return DFOTA_E_NOTFOUND;
    folder = opendir(path);
    if (!folder)
        return DFOTA_E_NOTFOUND;
    while (err && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.' ||
            usb_tty_identify(sysfs, entry->d_name, other) ||
            strcmp(other, id) != 0)
            continue;
        (void)snprintf(tty, USB_TTY_ROOM, "%.*s", USB_TTY_ROOM - 1,
                       entry->d_name);
        err = DFOTA_OK;
    }
    closedir(folder);
    return err;
}
