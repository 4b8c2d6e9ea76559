# SPDX-License-Identifier: Apache-2.0
# `dfota upgrade` against `dfota-module`: whole updates over a pty, each a test
# of its own, as most of their time is waiting.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

foreach(name
        a_url_is_downloaded_and_the_new_version_runs
        a_file_goes_over_the_port
        the_wanted_version_is_left_alone
        every_misprint_is_survived
        a_refused_package_has_its_number_and_exit_status_3
        a_missing_package_says_so
        a_dead_module_is_given_up_in_time
        an_unregistered_module_is_not_triggered
        a_module_killed_twice_while_updating_ends_at_the_new_version
        a_module_killed_in_the_download_is_triggered_again
        a_host_killed_while_updating_goes_on_from_its_state
        a_host_started_in_mid_update_follows_it_by_urcs_alone
        ctrl_c_leaves_a_state_and_an_unknown
        )
    add_test(NAME host/${name}
             COMMAND Python3::Interpreter
                     ${CMAKE_SOURCE_DIR}/tests/host/test_upgrade.py
                     ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}
                     ${CMAKE_SOURCE_DIR}/boards/images ${name})
    set_tests_properties(host/${name} PROPERTIES TIMEOUT 200)
endforeach()

# A case that is not in the list above would never run.
add_test(NAME host/every_case_is_listed
         COMMAND Python3::Interpreter
                 ${CMAKE_SOURCE_DIR}/tests/host/test_upgrade.py --list-check
                 ${CMAKE_CURRENT_SOURCE_DIR}/host/host.cmake)
