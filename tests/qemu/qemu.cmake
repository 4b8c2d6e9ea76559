# SPDX-License-Identifier: Apache-2.0
foreach(name node_updates_module decoder_on_target)
    add_test(NAME qemu/${name}
             COMMAND ${Python3_EXECUTABLE}
                     ${CMAKE_SOURCE_DIR}/tests/qemu/${name}.py
                     ${CMAKE_BINARY_DIR}/bin)
    set_tests_properties(qemu/${name} PROPERTIES TIMEOUT 300
                         SKIP_RETURN_CODE 77)
endforeach()

# A boot loader that is killed: 10 times here, `--kills 200` by hand. Its
# Mbed TLS is fetched when the tests are built, never when they run.
find_program(ARM_GCC arm-none-eabi-gcc)
if(ARM_GCC)
    add_custom_command(
        OUTPUT ${CMAKE_BINARY_DIR}/virt/fetched
        COMMAND ${CMAKE_SOURCE_DIR}/boards/virt/build --fetch
        COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/virt/fetched
        COMMENT "Fetching Mbed TLS for boards/virt")
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/virt)
    add_custom_target(virt_mbedtls ALL
                      DEPENDS ${CMAKE_BINARY_DIR}/virt/fetched)
endif()
foreach(name kill held)
    add_test(NAME qemu/virt_${name}
             COMMAND ${Python3_EXECUTABLE}
                     ${CMAKE_SOURCE_DIR}/tests/qemu/${name}_virt.py
                     ${CMAKE_BINARY_DIR}/bin
                     --build ${CMAKE_BINARY_DIR}/virt/${name})
    set_tests_properties(qemu/virt_${name} PROPERTIES TIMEOUT 600
                         SKIP_RETURN_CODE 77)
endforeach()
