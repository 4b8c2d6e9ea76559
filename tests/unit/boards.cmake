# SPDX-License-Identifier: Apache-2.0
# The demo firmware without its board: both releases, for the host.
file(GLOB demo_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/boards/demo/*.c)
list(FILTER demo_sources EXCLUDE REGEX "/(startup|uart|main)\\.c$")
foreach(minor 0 1)
    add_library(demo_${minor} STATIC EXCLUDE_FROM_ALL ${demo_sources})
    target_include_directories(demo_${minor} PUBLIC ${CMAKE_SOURCE_DIR}/boards)
    target_compile_definitions(demo_${minor} PUBLIC DEMO_MINOR=${minor})
    target_link_libraries(demo_${minor} PUBLIC dfota_at dfota_base m)
endforeach()
dfota_unit(demo_crypto demo_1)
dfota_unit(demo_codecs demo_1)
dfota_unit(demo_settings demo_1)
dfota_unit(demo_signals demo_1)
dfota_unit(demo_shell demo_0)

# The gates' own tests: each must fail on a bad example.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(tool layers symbols format words tidy)
    add_test(NAME tools/${tool}
             COMMAND ${Python3_EXECUTABLE}
                     ${CMAKE_SOURCE_DIR}/tests/tools/test_gates.py ${tool})
    set_tests_properties(tools/${tool} PROPERTIES TIMEOUT 120
                         SKIP_RETURN_CODE 77)
endforeach()
include(${CMAKE_SOURCE_DIR}/tests/qemu/qemu.cmake)
