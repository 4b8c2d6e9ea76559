# SPDX-License-Identifier: Apache-2.0
# The programs from outside: foreign clients against dfotad, and the man pages
# against what the programs say of themselves.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME interop/dfotad
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad.py
                 $<TARGET_FILE:dfotad>)
set_tests_properties(interop/dfotad PROPERTIES TIMEOUT 300)

add_test(NAME interop/dfotad_coap
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_coap.py
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_coap PROPERTIES TIMEOUT 600)
add_test(NAME interop/dfotad_fleet
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_fleet.py
                 $<TARGET_FILE_DIR:dfotad>)
add_test(NAME interop/dfotad_api
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_api.py
                 $<TARGET_FILE_DIR:dfotad>)
add_test(NAME interop/dfotad_device
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_device.py
                 $<TARGET_FILE_DIR:dfotad>)
add_test(NAME interop/dfotad_device_pgsql
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_device.py
                 $<TARGET_FILE_DIR:dfotad> --postgresql Attempts Order
                 ResultOrder TokenOrder)
add_test(NAME interop/dfotad_plans
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_plans.py
                 $<TARGET_FILE_DIR:dfotad> People Modules Clocks)
add_test(NAME interop/dfotad_plans_pgsql
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_plans.py
                 $<TARGET_FILE_DIR:dfotad> PeopleAtTwoNodes)
set_tests_properties(interop/dfotad_plans interop/dfotad_plans_pgsql
                     PROPERTIES TIMEOUT 600)
set_tests_properties(interop/dfotad_fleet interop/dfotad_api
                     interop/dfotad_device
                     interop/dfotad_device_pgsql PROPERTIES TIMEOUT 600)

add_test(NAME interop/man
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_man.py
                 ${CMAKE_SOURCE_DIR} $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/man PROPERTIES TIMEOUT 120)

# The configuration, and what keeps a server running.
add_test(NAME interop/dfotad_config
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_config.py
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_config PROPERTIES TIMEOUT 300)

add_test(NAME interop/dfotad_handshakes
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_handshakes.py
                 $<TARGET_FILE:dfotad>)
set_tests_properties(interop/dfotad_handshakes PROPERTIES TIMEOUT 120)
add_test(NAME interop/dfotad_people
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_people.py
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_people PROPERTIES TIMEOUT 600)
add_test(NAME interop/dfotad_events
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_events.py
                 $<TARGET_FILE_DIR:dfotad> Streams)
add_test(NAME interop/dfotad_webhooks
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_events.py
                 $<TARGET_FILE_DIR:dfotad> Webhooks NoLocalTargets TwoNodes)
set_tests_properties(interop/dfotad_events interop/dfotad_webhooks
                     PROPERTIES TIMEOUT 600)
add_test(NAME interop/dfotad_ops
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_ops.py
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_ops PROPERTIES TIMEOUT 300)
add_test(NAME interop/dfotad_tls
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_tls.py
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_tls PROPERTIES TIMEOUT 300)
add_test(NAME interop/dfotad_contract
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_contract.py
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_contract PROPERTIES TIMEOUT 600)

add_test(NAME interop/dfotad_behind_nginx
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_cache.py
                 $<TARGET_FILE_DIR:dfotad> ${CMAKE_SOURCE_DIR}/build/clients
                 ${CMAKE_SOURCE_DIR}/examples/nginx-cache.conf)
set_tests_properties(interop/dfotad_behind_nginx PROPERTIES TIMEOUT 120
                     SKIP_RETURN_CODE 77)
add_test(NAME interop/dfotad_proxies
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_proxies.py
                 $<TARGET_FILE_DIR:dfotad> ${CMAKE_SOURCE_DIR}/build/clients
                 ${CMAKE_SOURCE_DIR}/examples)
set_tests_properties(interop/dfotad_proxies PROPERTIES TIMEOUT 120
                     SKIP_RETURN_CODE 77)
add_test(NAME interop/dfotad_data
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_data.py
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_data PROPERTIES TIMEOUT 300)
add_test(NAME interop/dfotad_contents
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_contents.py
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_contents PROPERTIES TIMEOUT 300)
