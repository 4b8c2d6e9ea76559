/* SPDX-License-Identifier: Apache-2.0 */
#include "server/machine.h"

#include <sys/resource.h>
#include <unistd.h>

enum { THREADS_MAX = 16, CONNECTIONS_MAX = 65536 };

/* Half of the descriptors: each connection may hold a file, too. */
unsigned machine_connections(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 256;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur / 2 > CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return limit.rlim_cur < 128 ? 32 : (unsigned)limit.rlim_cur / 2 - 32;
}

unsigned machine_threads(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (processors < 2)
        return 2;
    return processors > THREADS_MAX ? THREADS_MAX : (unsigned)processors;
}
