# SPDX-License-Identifier: Apache-2.0
dfota_unit(codec dfota_delta dfota_psa)
dfota_unit(coder dfota_delta)
dfota_unit(plan dfota_delta)
dfota_unit(refine dfota_delta)
