# SPDX-License-Identifier: Apache-2.0
dfota_unit(isa dfota_codec)
dfota_unit(regions dfota_delta)
