# SPDX-License-Identifier: Apache-2.0
# Packages made once: every later decoder gives the same images from them, and
# refuses the bad ones by the same errors.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME golden/decode
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/check.py
                 $<TARGET_FILE:dfota>)
set_tests_properties(golden/decode PROPERTIES TIMEOUT 120)
