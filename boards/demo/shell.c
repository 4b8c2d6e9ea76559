/* SPDX-License-Identifier: Apache-2.0 */
#include "shell.h"

#include <stdio.h>
#include <string.h>

#include "atserver.h"
#include "board.h"

static char line[SHELL_LINE];
static size_t line_len;
static char history[SHELL_HISTORY][SHELL_LINE];
static size_t history_count, history_at;
static enum { KEY_PLAIN, KEY_ESC, KEY_BRACKET } key_state;

int shell_split(char *text, char **argv, int max)
{
    int argc = 0;

    while (argc < max) {
        char stop = ' ';

        while (*text == ' ')
            text++;
        if (*text == '\0')
            break;
        if (*text == '"' || *text == '\'')
            stop = *text++;
        argv[argc++] = text;
        while (*text && *text != stop)
            text++;
        if (*text)
            *text++ = '\0';
    }
    return argc;
}

int shell_run(const char *text)
{
    char copy[SHELL_LINE], *argv[SHELL_WORDS];
    size_t len = strlen(text);
    int argc;

    if (len >= sizeof(copy))
        return -1;
    if (atserver_takes(text)) {
        atserver_line(text, board_now_ms());
        return 0;
    }
    memcpy(copy, text, len + 1);
    argc = shell_split(copy, argv, SHELL_WORDS);
    if (argc == 0)
        return 0;
    for (size_t i = 0; i < shell_command_count; i++)
        if (strcmp(argv[0], shell_commands[i].name) == 0)
            return shell_commands[i].run(argc, argv);
#if DEMO_MINOR >= 1
    printf("%s: no such command; \"help\" lists them all\n", argv[0]);
#else
    printf("%s: unknown command\n", argv[0]);
#endif
    return -1;
}

static void remember(void)
{
    if (line_len == 0)
        return;
    memcpy(history[history_count % SHELL_HISTORY], line, line_len + 1);
    history_count++;
}

static void show(void)
{
    printf("\r\033[K> %s", line);
}

static void recall(int step)
{
    size_t oldest =
        history_count > SHELL_HISTORY ? history_count - SHELL_HISTORY : 0;

    if (step < 0 && history_at > oldest)
        history_at--;
    else if (step > 0 && history_at < history_count)
        history_at++;
    else
        return;
    line[0] = '\0';
    if (history_at < history_count)
        memcpy(line, history[history_at % SHELL_HISTORY], sizeof(line));
    line_len = strlen(line);
    show();
}

static void complete(void)
{
    const char *found = NULL;

    for (size_t i = 0; i < shell_command_count; i++) {
        if (strncmp(shell_commands[i].name, line, line_len) != 0)
            continue;
        if (found) {
            printf("\n%s %s", found, shell_commands[i].name);
            show();
            return;
        }
        found = shell_commands[i].name;
    }
    if (!found || strlen(found) + 2 > sizeof(line))
        return;
    line_len = (size_t)snprintf(line, sizeof(line), "%s ", found);
    show();
}

static void finish(void)
{
    line[line_len] = '\0';
    printf("\n");
    remember();
    history_at = history_count;
    shell_run(line);
    line_len = 0;
    line[0] = '\0';
    printf("> ");
}

static void plain(char byte)
{
    switch (byte) {
    case '\r':
        finish();
        break;
    case '\b':
    case 127:
        if (line_len) {
            line[--line_len] = '\0';
            show();
        }
        break;
    case '\t':
        complete();
        break;
    case 21: /* ^U */
        line_len = 0;
        line[0] = '\0';
        show();
        break;
    default:
        if (byte >= ' ' && line_len + 1 < sizeof(line)) {
            line[line_len++] = byte;
            line[line_len] = '\0';
            printf("%c", byte);
        }
    }
}

void shell_byte(char byte)
{
    if (byte == 27) {
        key_state = KEY_ESC;
    } else if (key_state == KEY_ESC) {
        key_state = byte == '[' ? KEY_BRACKET : KEY_PLAIN;
    } else if (key_state == KEY_BRACKET) {
        key_state = KEY_PLAIN;
        if (byte == 'A')
            recall(-1);
        else if (byte == 'B')
            recall(1);
    } else {
        plain(byte);
    }
}
