/* SPDX-License-Identifier: Apache-2.0 */
#include "at/family.h"

const struct dfota_family *const dfota_families[] = {&dfota_family_bg95};
const size_t dfota_families_count =
    sizeof(dfota_families) / sizeof(dfota_families[0]);
