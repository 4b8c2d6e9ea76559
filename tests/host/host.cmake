# SPDX-License-Identifier: Apache-2.0
# `dfota upgrade` against `dfota-module`: whole updates over a pty, and against
# modules by rote. One test, as most of its time is waiting and the cases run
# side by side; `test_upgrade.py --long` is for the nights.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME host/upgrade
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/host/test_upgrade.py
                 ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
                 ${CMAKE_SOURCE_DIR}/boards/images)
set_tests_properties(host/upgrade PROPERTIES TIMEOUT 600)
