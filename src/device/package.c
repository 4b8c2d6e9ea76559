/* SPDX-License-Identifier: Apache-2.0 */
#include "device/package.h"

uint32_t dfota_package_head_len(const struct dfota_manifest *m)
{
    return DFOTA_MANIFEST_LEN + m->label_len + DFOTA_SIGNATURE_LEN;
}
