# SPDX-License-Identifier: Apache-2.0
dfota_unit(coap_msg dfota_coap)
dfota_unit(coap_exchange dfota_coap)
dfota_unit(coap_observe dfota_coap)
dfota_unit(coap_block dfota_coap)
dfota_unit(dtls dfota_link)
dfota_unit(coap_endpoint dfota_link)
dfota_unit(coap_link dfota_link)
