/* SPDX-License-Identifier: Apache-2.0 */
/** The shell's commands: what a technician asks a node in the field. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#include "board.h"
#include "calendar.h"
#include "cbor.h"
#include "codecs.h"
#include "eventlog.h"
#include "fft.h"
#include "json.h"
#include "main.h"
#include "node.h"
#include "selftest.h"
#include "shell.h"
#include "telemetry.h"
#include "uart.h"
#include "upgrade.h"
#include "version.h"
#include "x25519.h"

static int usage(const char *name)
{
    for (size_t i = 0; i < shell_command_count; i++)
        if (strcmp(shell_commands[i].name, name) == 0)
            printf("usage: %s %s\n", name, shell_commands[i].usage);
    return 2;
}

static int cmd_help(int argc, char **argv)
{
    for (size_t i = 0; i < shell_command_count; i++) {
        const struct shell_command *c = &shell_commands[i];

        if (argc > 1 && strcmp(argv[1], c->name) != 0)
            continue;
        printf("%-9s %-22s %s\n", c->name, c->usage, c->help);
    }
    return 0;
}

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("%s %s\n", version_model(), version_text());
    return 0;
}

static int cmd_uptime(int argc, char **argv)
{
    uint32_t ms = board_now_ms();
    char iso[24];

    (void)argc;
    (void)argv;
    calendar_iso(node_time(ms), iso, sizeof(iso));
    printf("%s, up %lu.%03lu s\n", iso, (unsigned long)ms / 1000,
           (unsigned long)ms % 1000);
    return 0;
}

static int cmd_date(int argc, char **argv)
{
    uint32_t seconds;

    if (argc < 2)
        return cmd_uptime(argc, argv);
    if (calendar_parse(argv[1], &seconds) != 0) {
        printf("date: want 2026-01-31T12:00:00Z\n");
        return 1;
    }
    node.clock_offset = seconds - board_now_ms() / 1000;
    return 0;
}

static int cmd_sensors(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("temperature  %8.2f C   target %.1f C, heater %.0f %%\n",
           node.celsius, node.target, node.room.heater * 100);
    printf("humidity     %8.1f %%   dew point %.2f C\n", node.room.humidity,
           sensors_dew_point(node.celsius, node.room.humidity));
    printf("pressure     %8.2f hPa altitude %.1f m\n", node.room.hpa,
           sensors_altitude(node.room.hpa, 1013.25));
    printf("battery      %8.3f V   %.0f %%\n", node.room.volt,
           sensors_battery(node.room.volt));
    printf("statistics   %lu samples, mean %.3f, deviation %.3f\n",
           node.stats.n, node.stats.mean, stats_deviation(&node.stats));
    return 0;
}

static int cmd_vibration(int argc, char **argv)
{
    static float re[FFT_MAX], im[FFT_MAX];
    float hz, g;
    struct biquad hp;
#if DEMO_MINOR >= 1
    struct biquad notch; /* 1.0.0 could take mains hum for the pump */

    biquad_notch(&notch, 50, 400, 2);
#endif

    (void)argc;
    (void)argv;
    biquad_high_pass(&hp, 5, 400, 0.7071f);
    for (int i = 0; i < FFT_MAX; i++)
        re[i] = biquad_step(&hp, sensors_room_vibration(&node.room, i / 400.0));
#if DEMO_MINOR >= 1
    for (int i = 0; i < FFT_MAX; i++)
        re[i] = biquad_step(&notch, re[i]);
#endif
    if (fft_peak(re, im, FFT_MAX, 400, &hz, &g) != 0)
        return 1;
    printf("strongest line %.2f Hz, %.3f g\n", (double)hz, (double)g);
#if DEMO_MINOR >= 1
    printf("that is %.0f turns a minute\n", (double)hz * 60);
#endif
    return 0;
}

static int cmd_frame(int argc, char **argv)
{
    static char out[640];
    uint8_t cbor[160];
    int n;

    if (argc > 1 && strcmp(argv[1], "cbor") == 0) {
        n = telemetry_cbor(board_now_ms(), cbor, sizeof(cbor));
        if (n > 0)
            n = cbor_describe(cbor, (size_t)n, out, sizeof(out));
    } else if (argc > 1 && strcmp(argv[1], "sealed") == 0) {
        n = telemetry_sealed(board_now_ms(), out, sizeof(out));
    } else {
        n = telemetry_json(board_now_ms(), out, sizeof(out));
    }
    printf("%s\n", n < 0 ? "frame: does not fit" : out);
    return n < 0;
}

static int print_pair(void *ctx, const char *key, const char *value)
{
    (void)ctx;
    printf("%s=%s\n", key, value);
    return 0;
}

static int cmd_set(int argc, char **argv)
{
    int err = 0;

    if (argc == 1)
        settings_each(&node.settings, print_pair, NULL);
    else
        err = settings_set(&node.settings, argv[1], argc > 2 ? argv[2] : "");
    if (err)
        printf("set: %s\n", dfota_strerror(err));
    else
        printf("%lu bytes free\n",
               (unsigned long)settings_free(&node.settings));
    return err != 0;
}

static int cmd_target(int argc, char **argv)
{
    double v;

    if (argc != 2)
        return usage(argv[0]);
    v = strtod(argv[1], NULL);
    if (v < 5 || v > 30) {
        printf("target: %.1f is not between 5 and 30 C\n", v);
        return 1;
    }
    node.target = v;
    return 0;
}

static int cmd_json(int argc, char **argv)
{
    int n;

    if (argc != 2)
        return usage(argv[0]);
    n = telemetry_command(argv[1]);
    if (n < 0)
        printf("json: not an object\n");
    else
        printf("%d members taken\n", n);
    return n < 0;
}

static int cmd_nmea(int argc, char **argv)
{
    if (argc != 2)
        return usage(argv[0]);
    if (nmea_line(&node.fix, argv[1]) != 0) {
        printf("nmea: not a good GGA or RMC sentence\n");
        return 1;
    }
    printf("%.6f %.6f, %.1f m, %d satellites\n", node.fix.lat, node.fix.lon,
           node.fix.altitude, node.fix.satellites);
    return 0;
}

static int cmd_distance(int argc, char **argv)
{
    if (argc != 3 || !node.fix.quality)
        return usage(argv[0]);
    printf("%.0f m\n",
           sensors_distance(node.fix.lat, node.fix.lon, strtod(argv[1], NULL),
                            strtod(argv[2], NULL)));
    return 0;
}

static int cmd_pt100(int argc, char **argv)
{
    if (argc != 2)
        return usage(argv[0]);
    printf("%.3f C\n", sensors_pt100(strtod(argv[1], NULL)));
    return 0;
}

static int cmd_modbus(int argc, char **argv)
{
    uint8_t frame[8];
    char hex[20];

    if (argc != 4)
        return usage(argv[0]);
    modbus_read_request(frame, (uint8_t)decimal(argv[1]),
                        (uint16_t)decimal(argv[2]), (uint16_t)decimal(argv[3]));
    hex_encode(frame, sizeof(frame), hex, sizeof(hex));
    printf("%s\n", hex);
    return 0;
}

static int cmd_pair(int argc, char **argv)
{
    uint8_t secret[32], theirs[32], out[32];
    char hex[65];

    if (argc < 2 || hex_decode(argv[1], secret, 32) != 32)
        return usage(argv[0]);
    if (argc > 2 && hex_decode(argv[2], theirs, 32) == 32)
        x25519(out, secret, theirs);
    else
        x25519_public(out, secret);
    hex_encode(out, sizeof(out), hex, sizeof(hex));
    printf("%s\n", hex);
    return 0;
}

static int cmd_tasks(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("task        period ms      runs   late  longest ms\n");
    for (size_t i = 0; i < node.sched.count; i++) {
        const struct sched_task *t = &node.sched.tasks[i];

        if (t->period_ms)
            printf("%-12s %8lu %9lu %6lu %11lu\n", t->name,
                   (unsigned long)t->period_ms, (unsigned long)t->runs,
                   (unsigned long)t->late, (unsigned long)t->longest_ms);
    }
    return 0;
}

static int cmd_modem(int argc, char **argv)
{
    const struct modem *m = main_modem();

    (void)argc;
    (void)argv;
    printf("state %s, rssi %d (%d dBm), registration %d, %d failures\n",
           modem_state_name(m->state), m->rssi, modem_dbm(m->rssi),
           m->registration, m->failures);
    if (m->fota_percent >= 0)
        printf("the module updates itself: %d %%\n", m->fota_percent);
    printf("bytes lost: console %lu, module %lu\n",
           (unsigned long)uart_lost(UART_CONSOLE),
           (unsigned long)uart_lost(UART_MODEM));
    return 0;
}

static int cmd_upgrade(int argc, char **argv)
{
    int err;

    if (argc < 2)
        return usage(argv[0]);
    err = upgrade_start(argv[1], argc > 2 ? argv[2] : NULL, main_modem_send,
                        board_now_ms());
    if (err)
        printf("upgrade: %s\n", dfota_strerror(err));
    return err != 0;
}

static int cmd_log(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] >= '0' && argv[1][0] <= '3')
        eventlog_level((enum event_level)(argv[1][0] - '0'));
    else
        eventlog_print();
    return 0;
}

static int cmd_quiet(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    node.quiet = !node.quiet;
    printf("telemetry is %s\n", node.quiet ? "off" : "on");
    return 0;
}

static int cmd_selftest(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return selftest_run(true);
}

static int cmd_reset(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    board_reset();
    return 0;
}

#if DEMO_MINOR >= 1
static int cmd_outliers(int argc, char **argv)
{
    if (argc > 1)
        node.hampel.limit = strtof(argv[1], NULL);
    printf("%u samples replaced, limit %.1f deviations\n", node.hampel.replaced,
           (double)node.hampel.limit);
    return 0;
}
#endif

const struct shell_command shell_commands[] = {
    {"help", "[command]", "List the commands, or explain one.", cmd_help},
    {"version", "", "Print model and version.", cmd_version},
    {"uptime", "", "Print the time of day and the time since the start.",
     cmd_uptime},
    {"date", "[2026-01-31T12:00:00Z]", "Print or set the clock, in UTC.",
     cmd_date},
    {"sensors", "", "Print what the sensors say, filtered.", cmd_sensors},
    {"vibration", "", "Find the strongest line in the pump's vibration.",
     cmd_vibration},
#if DEMO_MINOR >= 1
    {"outliers", "[limit]",
     "Print how many samples the Hampel filter replaced; set its limit.",
     cmd_outliers},
#endif
    {"frame", "[json|cbor|sealed]", "Print a telemetry frame.", cmd_frame},
    {"quiet", "", "Switch telemetry on the console on or off.", cmd_quiet},
    {"set", "[key [value]]",
     "List the settings, store one, or delete one (no value).", cmd_set},
    {"target", "<celsius>", "Set the temperature to hold, 5 to 30.",
     cmd_target},
    {"json", "'<object>'",
     "Apply a command object, as the server would send it.", cmd_json},
    {"nmea", "'<sentence>'", "Take in a sentence of the satellite receiver.",
     cmd_nmea},
    {"distance", "<lat> <lon>", "Metres from the last fix to a place.",
     cmd_distance},
    {"pt100", "<ohm>", "Temperature of a Pt100 resistor.", cmd_pt100},
    {"modbus", "<unit> <first> <count>",
     "Print the frame that reads holding registers.", cmd_modbus},
    {"pair", "<secret> [public]",
     "X25519: the public key of a secret, or the secret both share.", cmd_pair},
    {"modem", "", "Print the state of the cellular module.", cmd_modem},
    {"upgrade", "<url> [version]",
     "Update the firmware of the cellular module.", cmd_upgrade},
    {"tasks", "", "Print the scheduler's tasks and how they keep time.",
     cmd_tasks},
    {"log", "[0..3]", "Print the last events, or set the least level kept.",
     cmd_log},
    {"selftest", "", "Run the known-answer tests of the crypto library.",
     cmd_selftest},
    {"reset", "", "Start the node again.", cmd_reset},
};

const size_t shell_command_count =
    sizeof(shell_commands) / sizeof(shell_commands[0]);
