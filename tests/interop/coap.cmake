# SPDX-License-Identifier: Apache-2.0
# Debian's libcoap programs against the CoAP layer.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_executable(coap_fetch ${CMAKE_SOURCE_DIR}/tests/interop/coap_fetch.c)
target_link_libraries(coap_fetch PRIVATE dfota_link)
add_test(NAME interop/coap
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_coap.py
                 $<TARGET_FILE:coap_fetch>)
set_tests_properties(interop/coap PROPERTIES TIMEOUT 300)
