# SPDX-License-Identifier: Apache-2.0
# The updater's own tests; the updater under power cuts is tests/powercut.
dfota_unit(package dfota_codec dfota_psa)
dfota_unit(sim_flash dfota_sim)
dfota_unit(psa_port dfota_psa)
dfota_unit(journal dfota_updater dfota_sim)
dfota_unit(updater dfota_updater dfota_sim)
target_sources(test_updater
               PRIVATE ${CMAKE_SOURCE_DIR}/tests/powercut/fast_crypto.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/pack_stand_in.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/stand_in.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/past.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/world.c)
dfota_unit(permit dfota_delta dfota_updater dfota_sim dfota_psa)
