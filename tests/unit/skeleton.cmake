# SPDX-License-Identifier: Apache-2.0
# The empty port over a chip in RAM, which the test is; and as it is copied,
# over the chip that refuses everything.
dfota_unit(port_skeleton dfota_skeleton dfota_updater dfota_sim)
target_sources(test_port_skeleton
               PRIVATE ${CMAKE_SOURCE_DIR}/tests/powercut/fast_crypto.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/pack_stand_in.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/stand_in.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/past.c
                       ${CMAKE_SOURCE_DIR}/tests/powercut/world.c)
dfota_unit(port_empty dfota_skeleton dfota_skeleton_nor)

# As a micro-controller compiles it: no C library, 512 bytes of stack.
find_program(ARM_GCC arm-none-eabi-gcc)
if(ARM_GCC)
    foreach(file src/port/skeleton/port_boot src/port/skeleton/port_crypto
            src/port/skeleton/port_flash src/port/skeleton/port_nor
            src/port/skeleton/port_selftest boards/mcuboot/fill_slot)
        get_filename_component(name ${file} NAME)
        add_test(NAME tools/cross_${name}
                 COMMAND ${ARM_GCC} -mcpu=cortex-m0plus -mthumb -Os -std=c11
                         -ffreestanding -Wall -Wextra -Wconversion
                         -Wstack-usage=512 -Werror -I${CMAKE_SOURCE_DIR}/src
                         -c ${CMAKE_SOURCE_DIR}/${file}.c -o /dev/null)
    endforeach()
endif()
