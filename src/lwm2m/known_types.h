/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The types of the resources that OMA defined for objects 1 to 7.
 *
 * Layer: lwm2m. TLV tells bytes and no type; who shows a client's answer to
 * people needs one. Resources of other objects stay bytes.
 * source   OMA LwM2M registry: objects 1 (1.2), 2, 3 (1.2), 4 (1.2), 5 (1.1),
 *          6, 7
 */
#ifndef DFOTA_LWM2M_KNOWN_TYPES_H
#define DFOTA_LWM2M_KNOWN_TYPES_H

#include "lwm2m/value.h"

/** Turn a LWM2M_RAW value into one of its resource's type; what is not known,
 * or not of its type, is left as it is. Data stays borrowed. */
void lwm2m_take_known_type(struct lwm2m_record *r);

#endif
