# SPDX-License-Identifier: Apache-2.0
# Copies from the new image; the last test walks them through the updater.
dfota_unit(self dfota_delta dfota_updater dfota_sim)
target_sources(test_self
               PRIVATE ${CMAKE_SOURCE_DIR}/tests/powercut/fast_crypto.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/pack_codec.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/past.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/world.c)
