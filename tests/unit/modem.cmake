# SPDX-License-Identifier: Apache-2.0
dfota_unit(syntax dfota_modem)
dfota_unit(url dfota_modem)
dfota_unit(datamode dfota_modem)
dfota_unit(dialect dfota_modem)
dfota_unit(filestore dfota_modem)
dfota_unit(settings dfota_modem)
dfota_unit(http_head dfota_link)
dfota_unit(rfc2217 dfota_modem)
