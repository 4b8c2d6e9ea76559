# SPDX-License-Identifier: Apache-2.0
dfota_unit(range dfota_server)
dfota_unit(url_path dfota_server)
dfota_unit(head_check dfota_server)
dfota_unit(etag dfota_server)
dfota_unit(conns dfota_server)
dfota_unit(folder dfota_server)
dfota_unit(blobs dfota_server)

# Whatever touches the database runs once on each: dfota_store_unit(NAME LIBS..)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
function(dfota_store_unit name)
    dfota_unit(${name} ${ARGN})
    add_test(NAME unit/${name}_pgsql
             COMMAND Python3::Interpreter
                     ${CMAKE_SOURCE_DIR}/tests/tools/with_postgresql.py
                     $<TARGET_FILE:test_${name}>)
    set_tests_properties(unit/${name}_pgsql PROPERTIES TIMEOUT 300)
endfunction()
dfota_store_unit(store dfota_store)
dfota_store_unit(attempts dfota_fleet)
dfota_store_unit(upkeep dfota_fleet)
dfota_unit(plan_spec dfota_fleet)
dfota_store_unit(attempts_led dfota_fleet)
dfota_unit(package_url dfota_fleet)
dfota_unit(lwm2m_words dfota_lwm2m_service)
dfota_unit(api_routes dfota_server)
dfota_unit(courier dfota_server)
dfota_unit(log dfota_os)
