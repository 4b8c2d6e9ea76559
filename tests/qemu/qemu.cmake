# SPDX-License-Identifier: Apache-2.0
foreach(name node_updates_module decoder_on_target)
    add_test(NAME qemu/${name}
             COMMAND ${Python3_EXECUTABLE}
                     ${CMAKE_SOURCE_DIR}/tests/qemu/${name}.py
                     ${CMAKE_BINARY_DIR}/bin)
    set_tests_properties(qemu/${name} PROPERTIES TIMEOUT 300
                         SKIP_RETURN_CODE 77)
endforeach()
