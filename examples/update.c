/* SPDX-License-Identifier: Apache-2.0 */
/* Update the module on a serial port (a pty will do): update PORT URL */
#include <at/session.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static uint32_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void on_event(void *ctx, enum dfota_event event, int32_t value)
{
    (void)ctx;
    if (event == DFOTA_EVENT_STAGE)
        puts(dfota_stage_name((uint8_t)value));
}

int main(int argc, char **argv)
{
    struct dfota_session session;
    struct dfota_session_config config;
    struct termios raw;
    uint8_t bytes[256];
    int fd = argc == 3 ? open(argv[1], O_RDWR | O_NOCTTY | O_NONBLOCK) : -1;

    if (fd < 0 || tcgetattr(fd, &raw))
        return fprintf(stderr, "usage: update PORT URL\n"), 2;
    cfmakeraw(&raw);
    tcsetattr(fd, TCSANOW, &raw);
    dfota_session_defaults(&config);
    config.families = dfota_families;
    config.families_count = dfota_families_count;
    config.url = argv[2];
    config.event = on_event;
    if (dfota_session_init(&session, &config, now_ms()))
        return 2;
    while (!dfota_session_ended(&session)) {
        struct pollfd port = {fd, POLLIN, 0};
        size_t len = dfota_session_output(&session, bytes, 256, now_ms());
        ssize_t got = 0;

        if (len && write(fd, bytes, len) != (ssize_t)len)
            return 1;
        poll(&port, 1, 100);
        got = read(fd, bytes, sizeof(bytes));
        got = got > 0 ? got : 0;
        dfota_session_input(&session, bytes, (size_t)got, now_ms());
    }
    puts(dfota_meaning_text(session.verdict.meaning));
    return session.verdict.outcome == DFOTA_OUTCOME_DONE ? 0 : 1;
}
