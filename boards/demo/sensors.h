/* SPDX-License-Identifier: Apache-2.0 */
/** Physics: from raw readings of the converters to numbers with units. */
#ifndef DEMO_SENSORS_H
#define DEMO_SENSORS_H

#include <stdint.h>

/** Thermistor at the low side of a divider, by Steinhart and Hart: Celsius;
 * NAN for a broken or shorted wire. adc of 4096. */
double sensors_thermistor(uint16_t adc, double pull_up_ohm);

/** Pt100 by Callendar and van Dusen (IEC 60751): Celsius. */
double sensors_pt100(double ohm);

/** Dew point after Magnus: Celsius from Celsius and percent. */
double sensors_dew_point(double celsius, double humidity);

/** Altitude in metres from hPa, standard atmosphere. */
double sensors_altitude(double hpa, double sea_level_hpa);

/** Open-circuit voltage of a lithium cell: charge in percent. */
double sensors_battery(double volt);

/** Distance in metres on a sphere between two places in degrees. */
double sensors_distance(double lat1, double lon1, double lat2, double lon2);

/* The board has no converters: readings come from a model of a small room
 * with a heater, a day of ten minutes, mains hum and noise. */
struct sensors_room {
    double celsius, humidity, hpa, volt;
    double heater; /* 0..1 */
    uint32_t noise;
};

void sensors_room_init(struct sensors_room *r, uint32_t seed);
/** Advance the model by seconds. */
void sensors_room_step(struct sensors_room *r, double now_s, double dt_s);
/** What the converter of the thermistor reads, noise and hum included. */
uint16_t sensors_room_adc(struct sensors_room *r, double now_s);
/** A sample of an accelerometer on a pump of 27 Hz, in g. */
float sensors_room_vibration(struct sensors_room *r, double now_s);

#endif
