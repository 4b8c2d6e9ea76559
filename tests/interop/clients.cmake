# SPDX-License-Identifier: Apache-2.0
# Programs that people drive modules with, and web servers that they put
# packages on, against dfota-module. tools/unpack provides what the machine
# lacks; a test without its program is skipped and says so.
find_program(DFOTA_DEBIAN_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
set(clients_py ${CMAKE_SOURCE_DIR}/tests/interop/test_clients.py)

# Modem lines for a pty, preloaded into the module under test.
add_library(modem_lines MODULE
            ${CMAKE_SOURCE_DIR}/tests/interop/modem_lines.c)
set_target_properties(modem_lines PROPERTIES PREFIX ""
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
# It must not bring a second sanitizer along.
target_compile_options(modem_lines PRIVATE -fno-sanitize=all)
target_link_options(modem_lines PRIVATE -fno-sanitize=all)

foreach(name
        chat_drives_a_whole_update
        runscript_reads_the_version_and_fails_when_it_should
        pyserial_uploads_and_reads_back
        dtr_crosses_the_network
        the_rate_of_dfota_mode_crosses_the_network
        an_adaptive_rate_follows_the_network
        modemmanager_shows_every_family
        socat_pairs_two_ptys_and_one_is_the_device
        a_serial_device_is_set_up_by_libserialport
        a_disk_without_room_for_the_flash_is_said
        a_full_disk_is_answered_and_survived
        a_package_comes_from_python
        a_package_comes_from_nginx
        a_package_comes_from_lighttpd
        )
    add_test(NAME interop/${name}
             COMMAND ${DFOTA_DEBIAN_PYTHON} ${clients_py}
                     ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
                     ${CMAKE_SOURCE_DIR}/build/clients ${name})
    set_tests_properties(interop/${name} PROPERTIES TIMEOUT 300
                         SKIP_RETURN_CODE 77)
endforeach()

# A case that is not in the list above would never run.
add_test(NAME interop/every_client_is_listed
         COMMAND ${DFOTA_DEBIAN_PYTHON} ${clients_py} --list-check
                 ${CMAKE_CURRENT_LIST_DIR}/clients.cmake)
