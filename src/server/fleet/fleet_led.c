/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/fleet_priv.h"

size_t fleet_led_plans(struct fleet *fleet)
{
    size_t n = 0;

    pthread_mutex_lock(&fleet->lock);
    for (size_t i = 0; i < fleet->plans.n; i++)
        n +=
            (fleet->plans.all[i].spec.transport & (PLAN_PUSH | PLAN_PULL)) != 0;
    pthread_mutex_unlock(&fleet->lock);
    return n;
}
