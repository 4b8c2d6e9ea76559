/* SPDX-License-Identifier: Apache-2.0 */
#include "dfota_raw_key.h"

#include "base/err.h"

int dfota_raw_key_load(struct psa_trust *t, uint8_t key_id,
                       const uint8_t point[RAW_KEY_LEN])
{
    psa_key_attributes_t a = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t *slot = &t->permit;

    if (key_id > 1 && key_id != DFOTA_KEY_PERMIT)
        return DFOTA_E_ARG;
    if (key_id <= 1)
        slot = &t->keys[key_id];
    psa_set_key_type(&a, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&a, 256);
    psa_set_key_usage_flags(&a, PSA_KEY_USAGE_VERIFY_HASH);
    psa_set_key_algorithm(&a, PSA_ALG_ECDSA(PSA_ALG_SHA_256));
    (void)psa_destroy_key(*slot);
    *slot = 0;
    return psa_import_key(&a, point, RAW_KEY_LEN, slot) == PSA_SUCCESS
               ? 0
               : DFOTA_E_KEY;
}
