/* SPDX-License-Identifier: Apache-2.0 */
#include "sensors.h"

#include <math.h>
#include <stddef.h>

#include "version.h"

#define PI 3.14159265358979
#define ZERO_C 273.15

/* NTC 10k, coefficients of Steinhart and Hart. */
static const double sh[3] = {1.009249522e-3, 2.378405444e-4, 2.019202697e-7};

double sensors_thermistor(uint16_t adc, double pull_up_ohm)
{
    double ohm, l;

    if (adc < 8 || adc > 4087)
        return NAN;
    ohm = pull_up_ohm * adc / (4096.0 - adc);
    l = log(ohm);
    return 1 / (sh[0] + sh[1] * l + sh[2] * l * l * l) - ZERO_C;
}

double sensors_pt100(double ohm)
{
    static const double a = 3.9083e-3, b = -5.775e-7, c = -4.183e-12;
    double r = ohm / 100, t;

    if (r >= 1)
        return (-a + sqrt(a * a - 4 * b * (1 - r))) / (2 * b);
    t = (r - 1) / a;
    for (int i = 0; i < 8; i++) { /* Newton: below zero there is no formula */
        double t2 = t * t, t3 = t2 * t;
        double f = 1 + a * t + b * t2 + c * (t - 100) * t3 - r;
        double d = a + 2 * b * t + c * (4 * t3 - 300 * t2);

        t -= f / d;
    }
    return t;
}

double sensors_dew_point(double celsius, double humidity)
{
    double g = log(humidity / 100) + 17.62 * celsius / (243.12 + celsius);

    return 243.12 * g / (17.62 - g);
}

double sensors_altitude(double hpa, double sea_level_hpa)
{
    return 44330.77 * (1 - pow(hpa / sea_level_hpa, 0.190263));
}

double sensors_battery(double volt)
{
    static const struct {
        double volt, percent;
    } curve[] = {{3.00, 0},  {3.45, 5},  {3.61, 10}, {3.69, 15}, {3.71, 20},
                 {3.75, 30}, {3.79, 40}, {3.83, 50}, {3.87, 60}, {3.95, 70},
                 {4.02, 80}, {4.11, 90}, {4.20, 100}};
    size_t n = sizeof(curve) / sizeof(curve[0]);

    if (volt <= curve[0].volt)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (volt < curve[i].volt) {
            double part = (volt - curve[i - 1].volt) /
                          (curve[i].volt - curve[i - 1].volt);

            return curve[i - 1].percent +
                   part * (curve[i].percent - curve[i - 1].percent);
        }
    }
    return 100;
}

double sensors_distance(double lat1, double lon1, double lat2, double lon2)
{
    double rad = PI / 180;
    double a = sin((lat2 - lat1) * rad / 2), b = sin((lon2 - lon1) * rad / 2);
    double h = a * a + cos(lat1 * rad) * cos(lat2 * rad) * b * b;

    return 2 * 6371008.8 * asin(sqrt(h < 1 ? h : 1));
}

/* Uniform in -1 .. 1: xorshift32. */
static double noise(struct sensors_room *r)
{
    r->noise ^= r->noise << 13;
    r->noise ^= r->noise >> 17;
    r->noise ^= r->noise << 5;
    return (double)r->noise / 2147483648.0 - 1;
}

void sensors_room_init(struct sensors_room *r, uint32_t seed)
{
    r->celsius = 18;
    r->humidity = 55;
    r->hpa = 1013.25;
    r->volt = 4.05;
    r->heater = 0;
    r->noise = seed ? seed : 1;
}

void sensors_room_step(struct sensors_room *r, double now_s, double dt_s)
{
    double outside = 8 + 6 * sin(2 * PI * now_s / 600);

    r->celsius += dt_s * ((outside - r->celsius) / 90 + 0.25 * r->heater);
    r->humidity += dt_s * ((75 - 1.1 * r->celsius - r->humidity) / 40);
    r->hpa += dt_s * 0.02 * noise(r);
    r->volt -= dt_s * (2e-6 + 1e-5 * r->heater);
}

uint16_t sensors_room_adc(struct sensors_room *r, double now_s)
{
    double kelvin = r->celsius + ZERO_C, hum = sin(2 * PI * 50 * now_s);
    double ohm = 10000 * exp(3435 * (1 / kelvin - 1 / 298.15));
    double adc = 4096 * ohm / (ohm + 10000) + 6 * hum + 3 * noise(r);

#if DEMO_MINOR >= 1
    if (noise(r) > 0.995) /* the relay of the heater spoils a sample */
        adc += 300;
#endif
    if (adc < 0)
        adc = 0;
    return adc > 4095 ? 4095 : (uint16_t)adc;
}

float sensors_room_vibration(struct sensors_room *r, double now_s)
{
    double w = 2 * PI * now_s;

    return (float)(0.31 * sin(27 * w) + 0.07 * sin(54 * w + 1) +
                   0.02 * noise(r));
}
