/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target without a fuzzer: every file of the folders given goes
 * through it once. So the gate, which has no libFuzzer, builds the targets
 * and runs them over their seeds.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_MAX = 1 << 20 };

static void replay(const char *folder, const char *name)
{
    uint8_t *data;
    char *path;
    size_t len;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    if (name[0] != '.') {
        printf("%s\n", path);
        fflush(stdout);
        if (files_read(path, INPUT_MAX, &data, &len) != 0)
            abort();
        (void)LLVMFuzzerTestOneInput(data, len);
        free(data);
    }
    free(path);
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        int n = scandir(argv[i], &entries, NULL, alphasort);

        if (n < 0)
            abort();
        for (int k = 0; k < n; k++) {
            replay(argv[i], entries[k]->d_name);
            free(entries[k]);
        }
        free(entries);
        count += n - 2;
    }
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
