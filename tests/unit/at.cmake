# SPDX-License-Identifier: Apache-2.0
dfota_unit(at_line dfota_at)
dfota_unit(at_chat dfota_at)
dfota_unit(at_urc dfota_at)

# A session whose module the test types.
add_library(at_host STATIC at_host.c)
target_link_libraries(at_host PUBLIC dfota_at cmocka)
dfota_unit(at_session at_host)
dfota_unit(at_talk at_host)

dfota_unit(serial dfota_posix)
dfota_unit(remote dfota_posix)
dfota_unit(progress dfota_os)

# A module by rote, whose lines are the documents' examples.
add_library(at_world STATIC at_world.c)
target_compile_definitions(at_world PRIVATE
    GOLDEN_AT="${CMAKE_SOURCE_DIR}/tests/golden/at")
target_link_libraries(at_world PUBLIC dfota_at cmocka)
dfota_unit(at_golden at_world)
dfota_unit(at_noise at_world)
dfota_unit(at_families at_world)
target_compile_definitions(test_at_families PRIVATE
    FIELD_GUIDE="${CMAKE_SOURCE_DIR}/docs/field-guide.md")
