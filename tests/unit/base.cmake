# SPDX-License-Identifier: Apache-2.0
dfota_unit(base dfota_base)
