/* SPDX-License-Identifier: Apache-2.0 */
#include "server/node/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/log.h"

enum { THREADS_MAX = 16, CONNECTIONS_MAX = 65536, CONNECTIONS_FEW = 1000 };

/* Half of the descriptors: each connection may hold a file, too. */
static unsigned connections_for(rlim_t files)
{
    if (files / 2 > CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return files < 128 ? 32 : (unsigned)files / 2 - 32;
}

unsigned machine_connections(void)
{
    struct rlimit limit;
    rlim_t before;
    unsigned n;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 256;
    before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warn("the limit of open files stays at %llu: %s",
                 (unsigned long long)before, strerror(errno));
        limit.rlim_cur = before;
    }
    n = connections_for(limit.rlim_cur);
    if (n < CONNECTIONS_FEW)
        log_warn("%llu open files are allowed, enough for %u connections; "
                 "raise the limit (ulimit -Hn, LimitNOFILE= of systemd)",
                 (unsigned long long)limit.rlim_cur, n);
    return n;
}

unsigned machine_threads(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (processors < 2)
        return 2;
    return processors > THREADS_MAX ? THREADS_MAX : (unsigned)processors;
}
