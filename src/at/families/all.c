/* SPDX-License-Identifier: Apache-2.0 */
#include "at/family.h"

const struct dfota_family *const dfota_families[] = {
    &dfota_family_bc26,          &dfota_family_mc65, &dfota_family_bg95,
    &dfota_family_bg96_softbank, &dfota_family_bg96, &dfota_family_eg25,
};
const size_t dfota_families_count =
    sizeof(dfota_families) / sizeof(dfota_families[0]);
