/* SPDX-License-Identifier: Apache-2.0 */
/* No chip yet: everything is refused, so that a port that has been forgotten
 * in one place cannot look as if it worked. */
#include "port/skeleton/port_nor.h"

#include "base/err.h"

int port_nor_read(uint32_t addr, void *buf, uint32_t len)
{
    (void)addr;
    (void)buf;
    (void)len;
    return DFOTA_E_UNSUPPORTED;
}

int port_nor_program(uint32_t addr, const void *buf, uint32_t len)
{
    (void)addr;
    (void)buf;
    (void)len;
    return DFOTA_E_UNSUPPORTED;
}

int port_nor_erase(uint32_t addr)
{
    (void)addr;
    return DFOTA_E_UNSUPPORTED;
}
