# SPDX-License-Identifier: Apache-2.0
dfota_unit(lwm2m_codecs dfota_lwm2m)
