# SPDX-License-Identifier: Apache-2.0
dfota_unit(image_load dfota_delta)

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME cli/images
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_images.py
                 $<TARGET_FILE:dfota> ${CMAKE_SOURCE_DIR}/boards/images)
set_tests_properties(cli/images PROPERTIES TIMEOUT 300)
