/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is done to a data folder that no server has open: by dfotad itself,
 * run for that, as it is the only one that knows the data.
 *
 * Layer: ctl.
 */
#ifndef DFOTA_CTL_CTL_OFFLINE_H
#define DFOTA_CTL_CTL_OFFLINE_H

#include "ctl/ctl.h"

/** restore BACKUP, migrate --to URL: run dfotad, found beside dfotactl or on
 * PATH, and say what it says. It refuses while a server has the folder.
 * returns enum ctl_status */
int ctl_run_server(const struct ctl_line *line);

#endif
