# SPDX-License-Identifier: Apache-2.0
dfota_unit(range dfota_server)
dfota_unit(url_path dfota_server)
dfota_unit(head_check dfota_server)
dfota_unit(etag dfota_server)
dfota_unit(conns dfota_server)
dfota_unit(blobs dfota_server)
