# SPDX-License-Identifier: Apache-2.0
find_package(Python3 REQUIRED COMPONENTS Interpreter)
# One run for each dialect: its cases side by side, packages and keys made once.
file(GLOB case_folders CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*/)
foreach(folder ${case_folders})
    get_filename_component(dialect ${folder} NAME)
    if(NOT IS_DIRECTORY ${folder} OR dialect STREQUAL "__pycache__")
        continue()
    endif()
    add_test(NAME cases/${dialect}
             COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/run_case.py
                     --module $<TARGET_FILE:dfota-module>
                     --dfota $<TARGET_FILE:dfota> --jobs 4 ${folder})
    set_tests_properties(cases/${dialect} PROPERTIES TIMEOUT 600)
endforeach()
add_test(NAME cases/program
         COMMAND ${Python3_EXECUTABLE}
                 ${CMAKE_CURRENT_LIST_DIR}/test_module_program.py
                 $<TARGET_FILE:dfota-module>)
set_tests_properties(cases/program PROPERTIES TIMEOUT 120)

add_test(NAME cases/parser
         COMMAND ${Python3_EXECUTABLE}
                 ${CMAKE_CURRENT_LIST_DIR}/test_case_parser.py)
set_tests_properties(cases/parser PROPERTIES TIMEOUT 120)
# Every row of every table has a case.
add_test(NAME cases/rows
         COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/check_rows.py
                 $<TARGET_FILE:dfota-module>)
add_test(NAME modules/remote
         COMMAND ${Python3_EXECUTABLE}
                 ${CMAKE_CURRENT_LIST_DIR}/../interop/test_remote.py
                 $<TARGET_FILE:dfota-module> $<TARGET_FILE:dfota>)
set_tests_properties(modules/remote PROPERTIES TIMEOUT 300)
# The short forms; docs/design-modem.md has the long ones.
add_test(NAME modules/kill
         COMMAND ${Python3_EXECUTABLE}
                 ${CMAKE_CURRENT_LIST_DIR}/../interop/test_kill.py
                 $<TARGET_FILE:dfota-module> $<TARGET_FILE:dfota> --runs 4)
add_test(NAME modules/fleet
         COMMAND ${Python3_EXECUTABLE}
                 ${CMAKE_CURRENT_LIST_DIR}/../interop/test_fleet.py
                 $<TARGET_FILE:dfota-module> $<TARGET_FILE:dfota> --modules 12)
add_test(NAME modules/docs
         COMMAND ${CMAKE_CURRENT_LIST_DIR}/../../tools/module-docs --check
                 $<TARGET_FILE:dfota-module>)
set_tests_properties(cases/rows modules/docs modules/kill modules/fleet PROPERTIES
                     TIMEOUT 300)
