# SPDX-License-Identifier: Apache-2.0
# The fuzz targets of the line, built by the compiler of the day and run over
# their seeds, so that none of them decays between two runs of a fuzzer.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(seeds ${CMAKE_BINARY_DIR}/seeds)
add_test(NAME fuzz/line_seeds
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/fuzz/line_seeds.py ${seeds})
set_tests_properties(fuzz/line_seeds PROPERTIES FIXTURES_SETUP line_seeds)

foreach(name at coap_msg control dialect_conf http_head rfc2217)
    set(fuzz ${CMAKE_SOURCE_DIR}/tests/fuzz)
    add_executable(replay_${name} ${fuzz}/fuzz_${name}.c ${fuzz}/replay.c)
    target_link_libraries(replay_${name} PRIVATE dfota_modem)
    add_test(NAME fuzz/${name} COMMAND replay_${name} ${seeds}/${name})
    set_tests_properties(fuzz/${name} PROPERTIES
                         FIXTURES_REQUIRED line_seeds TIMEOUT 300)
endforeach()
foreach(name api config proxy)
    add_executable(replay_${name} ${fuzz}/fuzz_${name}.c ${fuzz}/replay.c)
    target_link_libraries(replay_${name} PRIVATE dfota_server)
    add_test(NAME fuzz/${name} COMMAND replay_${name} ${seeds}/${name})
    set_tests_properties(fuzz/${name} PROPERTIES
                         FIXTURES_REQUIRED line_seeds TIMEOUT 300)
endforeach()
foreach(name at control)
    target_sources(replay_${name} PRIVATE ${fuzz}/virtual_module.c)
    target_link_options(replay_${name} PRIVATE -Wl,-z,muldefs)
endforeach()
