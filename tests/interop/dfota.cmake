# SPDX-License-Identifier: Apache-2.0
# The commands of dfota as scripts and hostile files meet them.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME interop/dfota
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfota.py
                 $<TARGET_FILE:dfota>)
set_tests_properties(interop/dfota PROPERTIES TIMEOUT 300)
