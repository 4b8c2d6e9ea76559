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
