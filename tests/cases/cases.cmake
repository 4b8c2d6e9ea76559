# SPDX-License-Identifier: Apache-2.0
# Every <dialect>/<what_happens>.case is a test of its own.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB case_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*/*.case)
foreach(file ${case_files})
    get_filename_component(name ${file} NAME_WE)
    get_filename_component(folder ${file} DIRECTORY)
    get_filename_component(dialect ${folder} NAME)
    add_test(NAME cases/${dialect}/${name}
             COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/run_case.py
                     --module $<TARGET_FILE:dfota-module>
                     --dfota $<TARGET_FILE:dfota> ${file})
    set_tests_properties(cases/${dialect}/${name} PROPERTIES TIMEOUT 120)
endforeach()
add_test(NAME cases/program
         COMMAND ${Python3_EXECUTABLE}
                 ${CMAKE_CURRENT_LIST_DIR}/test_module_program.py
                 $<TARGET_FILE:dfota-module>)
set_tests_properties(cases/program PROPERTIES TIMEOUT 120)
