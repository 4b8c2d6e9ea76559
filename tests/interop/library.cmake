# SPDX-License-Identifier: Apache-2.0
# libdfota as others get it, and its documentation.
set(flags)
if(DFOTA_SANITIZE)
    set(flags -fsanitize=${DFOTA_SANITIZE})
endif()
add_test(NAME interop/library
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_library.py
                 ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR} ${flags})
add_test(NAME interop/api_docs
         COMMAND ${CMAKE_SOURCE_DIR}/tools/api-docs
                 ${CMAKE_BINARY_DIR}/api-docs)
set_tests_properties(interop/library interop/api_docs PROPERTIES TIMEOUT 300)
# Packages are made of the release build.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_test(NAME interop/packages
             COMMAND Python3::Interpreter
                     ${CMAKE_SOURCE_DIR}/tests/interop/test_packages.py
                     ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
    set_tests_properties(interop/packages PROPERTIES TIMEOUT 300
                         LABELS release)
endif()
