# SPDX-License-Identifier: Apache-2.0
# A second decoder, written from docs/format.md alone: it gives the same images
# from the golden packages, and refuses the bad ones by the same errors.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME ref/golden
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/check_ref.py)
set_tests_properties(ref/golden PROPERTIES TIMEOUT 300)
add_test(NAME ref/fresh
         COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/fresh.py
                 $<TARGET_FILE:dfota> 2050 30)
set_tests_properties(ref/fresh PROPERTIES TIMEOUT 300)
