# SPDX-License-Identifier: Apache-2.0
add_test(NAME qemu/node_updates_module
         COMMAND ${Python3_EXECUTABLE}
                 ${CMAKE_SOURCE_DIR}/tests/qemu/node_updates_module.py
                 ${CMAKE_BINARY_DIR}/bin)
set_tests_properties(qemu/node_updates_module PROPERTIES TIMEOUT 300
                     SKIP_RETURN_CODE 77)
