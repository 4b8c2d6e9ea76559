# SPDX-License-Identifier: Apache-2.0
# Servers on bad disks, killed, frozen and several of them: the short forms of
# `./run load faults nodes modules`. tools/unpack provides haproxy.

# A bad disk, preloaded. It must not bring a second sanitizer along.
add_library(fault_shim MODULE ${CMAKE_SOURCE_DIR}/tests/load/fault_shim.c)
set_target_properties(fault_shim PROPERTIES PREFIX ""
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
target_compile_options(fault_shim PRIVATE -fno-sanitize=all)
target_link_options(fault_shim PRIVATE -fno-sanitize=all)

# dfotad one release on.
find_package(PkgConfig REQUIRED)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
add_executable(dfotad_next ${CMAKE_SOURCE_DIR}/tests/load/schema_steps_next.c
               $<TARGET_OBJECTS:dfotad>)
target_link_libraries(dfotad_next PRIVATE PkgConfig::SYSTEMD dfota_server)
target_include_directories(dfotad_next PRIVATE ${CMAKE_SOURCE_DIR}/src)

if(TARGET load_tools)
    add_dependencies(load_tools fault_shim dfotad_next)
endif()

add_test(NAME interop/dfotad_faults
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/load/faults.py --short
                 $<TARGET_FILE_DIR:dfotad>)
add_test(NAME interop/dfotad_nodes
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/load/nodes.py --short
                 $<TARGET_FILE_DIR:dfotad> ${CMAKE_SOURCE_DIR}/build/clients)
add_test(NAME interop/dfotad_modules
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/load/modules.py --modules 8
                 $<TARGET_FILE_DIR:dfotad>)
set_tests_properties(interop/dfotad_modules PROPERTIES TIMEOUT 600)
set_tests_properties(interop/dfotad_faults interop/dfotad_nodes PROPERTIES
                     TIMEOUT 300 SKIP_RETURN_CODE 77)

# What was written for SQLite runs on PostgreSQL too, where it does not look
# into the file: every node of fleet.py then gets a database of its own.
# dfotad_pgsql(SUITE TEST..)
function(dfotad_pgsql suite)
    add_test(NAME interop/dfotad_${suite}_pgsql
             COMMAND Python3::Interpreter
                     ${CMAKE_SOURCE_DIR}/tests/tools/with_postgresql.py
                     $<TARGET_FILE:Python3::Interpreter>
                     ${CMAKE_SOURCE_DIR}/tests/interop/test_dfotad_${suite}.py
                     $<TARGET_FILE_DIR:dfotad> ${ARGN})
    set_tests_properties(interop/dfotad_${suite}_pgsql PROPERTIES TIMEOUT 300)
endfunction()
dfotad_pgsql(api Plans)
dfotad_pgsql(events
             Webhooks.test_a_delivery_is_signed_and_says_what_happened)
dfotad_pgsql(people FirstStart
             Tenants.test_lists_show_nothing_of_another_tenant
             Tenants.test_only_the_site_makes_and_names_tenants
             Tenants.test_a_module_moves_with_its_password_and_without_its_tokens
             Tenants.test_a_retired_module_is_no_module_any_more)
