# SPDX-License-Identifier: Apache-2.0
# The module as LwM2M client of the server, both as they are shipped.
add_test(NAME interop/lwm2m
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_lwm2m.py
                 $<TARGET_FILE_DIR:dfotad> ${CMAKE_SOURCE_DIR}/boards/images)
set_tests_properties(interop/lwm2m PROPERTIES TIMEOUT 600)

# Every way of a package under every security: half of the combinations, in
# which each pair of a way, a security and a loss comes up.
add_test(NAME interop/lwm2m_matrix
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_lwm2m_matrix.py
                 --jobs 8
                 $<TARGET_FILE_DIR:dfotad> ${CMAKE_SOURCE_DIR}/boards/images)
set_tests_properties(interop/lwm2m_matrix PROPERTIES TIMEOUT 600)

# Whole fleets by plans: pushes, pulls, servers that are killed, two nodes.
add_test(NAME interop/lwm2m_plans
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_lwm2m_plans.py
                 $<TARGET_FILE_DIR:dfotad> ${CMAKE_SOURCE_DIR}/boards/images)
set_tests_properties(interop/lwm2m_plans PROPERTIES TIMEOUT 600)

# tshark reads what they say, from bootstrap to the end.
add_test(NAME interop/lwm2m_wire
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_lwm2m_wire.py
                 $<TARGET_FILE_DIR:dfotad> ${CMAKE_SOURCE_DIR}/boards/images
                 ${CMAKE_SOURCE_DIR}/build/clients)
set_tests_properties(interop/lwm2m_wire PROPERTIES TIMEOUT 300
                     SKIP_RETURN_CODE 77)

# Either before the other at its worst.
add_test(NAME interop/lwm2m_hostile
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/interop/test_lwm2m_hostile.py
                 $<TARGET_FILE_DIR:dfotad> ${CMAKE_SOURCE_DIR}/boards/images)
set_tests_properties(interop/lwm2m_hostile PROPERTIES TIMEOUT 600)
