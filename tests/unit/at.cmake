# SPDX-License-Identifier: Apache-2.0
dfota_unit(at_line dfota_at)
dfota_unit(at_chat dfota_at)
dfota_unit(at_urc dfota_at)
dfota_unit(at_session dfota_at)
dfota_unit(serial dfota_posix)
dfota_unit(progress dfota_os)
