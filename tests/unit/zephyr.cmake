# SPDX-License-Identifier: Apache-2.0
# boards/zephyr and boards/mcuboot, compiled against headers that stand for
# Zephyr's (Debian has none), over partitions in RAM.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
dfota_unit(zephyr dfota_skeleton dfota_delta dfota_psa)
target_sources(test_zephyr
               PRIVATE ${CMAKE_SOURCE_DIR}/boards/zephyr/dfota_mcuboot.c
                       ${CMAKE_SOURCE_DIR}/boards/zephyr/dfota_partition.c
                       ${CMAKE_SOURCE_DIR}/boards/zephyr/dfota_raw_key.c
                       ${CMAKE_SOURCE_DIR}/boards/mcuboot/fill_slot.c)
target_include_directories(test_zephyr
                           PRIVATE ${CMAKE_SOURCE_DIR}/tests/zephyr
                                   ${CMAKE_SOURCE_DIR}/boards/zephyr
                                   ${CMAKE_SOURCE_DIR}/boards/mcuboot)
target_compile_definitions(test_zephyr
                           PRIVATE CONFIG_DFOTA_ARENA_SIZE=16384
                                   CONFIG_DFOTA_CLASS=0x0)
add_test(NAME tools/zephyr_module
         COMMAND ${CMAKE_COMMAND}
                 -P ${CMAKE_SOURCE_DIR}/tests/zephyr/check_module.cmake)
add_test(NAME docs/mcuboot_example
         COMMAND ${Python3_EXECUTABLE}
                 ${CMAKE_SOURCE_DIR}/tests/zephyr/compile_example.py
                 ${CMAKE_SOURCE_DIR}/docs/mcuboot.md
                 ${CMAKE_C_COMPILER} -std=c11 -Wall -Wextra -Wconversion
                 -Wno-missing-prototypes -Werror -D_GNU_SOURCE
                 -I${CMAKE_SOURCE_DIR}/src
                 -I${CMAKE_SOURCE_DIR}/tests/zephyr
                 -I${CMAKE_SOURCE_DIR}/boards/zephyr
                 -I${CMAKE_SOURCE_DIR}/boards/mcuboot)
