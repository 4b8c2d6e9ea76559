# SPDX-License-Identifier: Apache-2.0
# The empty port over a chip in RAM, which the test is; and as it is copied,
# over the chip that refuses everything.
dfota_unit(port_skeleton dfota_skeleton dfota_updater dfota_sim)
target_sources(test_port_skeleton
               PRIVATE ${CMAKE_SOURCE_DIR}/tests/powercut/fast_crypto.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/pack_stand_in.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/stand_in.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/world.c)
dfota_unit(port_empty dfota_skeleton dfota_skeleton_nor)
