# SPDX-License-Identifier: Apache-2.0
dfota_unit(lwm2m_codecs dfota_lwm2m)
dfota_unit(lwm2m_firmware dfota_lwm2m)
dfota_unit(lwm2m_stream dfota_lwm2m)

# A client and a server on a network and a clock of their own.
add_library(lwm2m_world STATIC
    ${CMAKE_CURRENT_SOURCE_DIR}/lwm2m_world.c
    ${CMAKE_CURRENT_SOURCE_DIR}/lwm2m_world_ask.c)
target_link_libraries(lwm2m_world PUBLIC dfota_lwm2m)
dfota_unit(lwm2m_update lwm2m_world)
dfota_unit(lwm2m_interop lwm2m_world)
dfota_unit(lwm2m_interop_firmware lwm2m_world)
dfota_unit(lwm2m_interop_manage lwm2m_world)
dfota_unit(lwm2m_registrar dfota_lwm2m)
dfota_unit(lwm2m_deadlines dfota_lwm2m)
dfota_unit(lwm2m_again lwm2m_world)
dfota_unit(lwm2m_resume lwm2m_world)
