/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ctl.h"

const struct ctl_command *const ctl_commands[] = {
    ctl_firmware_commands, ctl_delta_commands,
    ctl_module_commands,   ctl_plan_commands,
    ctl_result_commands,   ctl_lwm2m_commands,
    ctl_people_commands,   ctl_webhook_commands,
    ctl_server_commands,   NULL};
