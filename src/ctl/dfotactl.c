/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfotactl: what a person or a script tells dfotad. This file reads the
 * command line against the table.
 */
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "os/log.h"

struct common {
    const char *name, *help;
};

static const struct common commons[] = {
    {"server", "URL of the server's --api (DFOTA_SERVER)"},
    {"token-file", "file with the API token (else DFOTA_TOKEN)"},
    {"cacert", "certificate that the server's must follow from, PEM"},
    {"data", "the server's data folder, on its own machine (./data)"}};
enum { N_COMMONS = sizeof commons / sizeof commons[0] };

static const char *args_of(const struct ctl_command *command)
{
    return command->args ? command->args : "";
}

static void print_commands(void)
{
    char words[64];

    for (unsigned i = 0; ctl_commands[i]; i++) {
        for (const struct ctl_command *c = ctl_commands[i]; c->group; c++) {
            snprintf(words, sizeof words, "%s %s %s", c->group, c->verb,
                     args_of(c));
            printf("  %-26s %s\n", words, c->help);
        }
    }
}

static int help(void)
{
    puts("Usage: dfotactl [OPTION]... COMMAND\n"
         "Keep firmware, packages, modules and plans on a dfotad.\n");
    print_commands();
    puts("");
    for (unsigned i = 0; i < N_COMMONS; i++)
        printf("      --%-20s %s\n", commons[i].name, commons[i].help);
    puts("      --json                 the server's answer as it is\n"
         "  -h, --help                 this text, or that of a command\n"
         "  -V, --version              the version\n"
         "\n"
         "Without --server it talks to data/ctl.sock, which only root and the\n"
         "server's user may.\n"
         "\n"
         "Example: dfotactl plan create --name spring --firmware 2");
    return CTL_DONE;
}

static int help_command(const struct ctl_command *command)
{
    printf("Usage: dfotactl %s %s %s\n%s\n", command->group, command->verb,
           args_of(command), command->help);
    for (const struct ctl_option *o = command->options;
         o < command->options + CTL_OPTIONS_MAX && o->name; o++)
        printf("      --%-20s %s%s\n", o->name, o->help,
               o->needed ? " (needed)" : "");
    return CTL_DONE;
}

static int usage(const char *what, const char *which)
{
    return ctl_say(CTL_USAGE, "%s%s; see dfotactl --help", what, which);
}

/* ---- options ---- */

/* "--name value", "--name=value"; next: the place of the value */
static const char *value_at(char **argv, int argc, int *at)
{
    char *sign = strchr(argv[*at], '=');

    if (sign)
        return sign + 1;
    return *at + 1 < argc ? argv[++*at] : NULL;
}

static bool is_named(const char *argument, const char *name)
{
    size_t len = strcspn(argument + 2, "=");

    return strlen(name) == len && strncmp(argument + 2, name, len) == 0;
}

static const char **place_of_common(struct ctl_line *line,
                                    const char **token_file, unsigned i)
{
    return i == 0   ? &line->server.url
           : i == 1 ? token_file
           : i == 2 ? &line->server.ca_file
                    : &line->server.folder;
}

struct parse {
    struct ctl_line line;
    const char *words[CTL_ARGS_MAX + 2];
    unsigned n_words;
    const char *token_file;
    bool wants_help;
};

static int take_common(struct parse *p, char **argv, int argc, int *at,
                       bool *known)
{
    *known = true;
    if (strcmp(argv[*at], "--json") == 0) {
        p->line.json = true;
        return CTL_DONE;
    }
    if (strcmp(argv[*at], "--help") == 0 || strcmp(argv[*at], "-h") == 0) {
        p->wants_help = true;
        return CTL_DONE;
    }
    for (unsigned i = 0; i < N_COMMONS; i++) {
        const char **place = place_of_common(&p->line, &p->token_file, i);

        if (!is_named(argv[*at], commons[i].name))
            continue;
        *place = value_at(argv, argc, at);
        return *place ? CTL_DONE : usage("a value is missing: ", argv[*at]);
    }
    *known = false;
    return CTL_DONE;
}

static int take_own(struct parse *p, char **argv, int argc, int *at)
{
    const struct ctl_command *command = p->line.command;

    for (unsigned i = 0; command && i < CTL_OPTIONS_MAX; i++) {
        const struct ctl_option *option = &command->options[i];

        if (!option->name || !is_named(argv[*at], option->name))
            continue;
        p->line.values[i] =
            option->kind == CTL_FLAG ? "true" : value_at(argv, argc, at);
        return p->line.values[i] ? CTL_DONE
                                 : usage("a value is missing: ", argv[*at]);
    }
    return usage("there is no such option here: ", argv[*at]);
}

static const struct ctl_command *find(const char *group, const char *verb)
{
    for (unsigned i = 0; ctl_commands[i]; i++) {
        for (const struct ctl_command *c = ctl_commands[i]; c->group; c++) {
            if (strcmp(c->group, group) == 0 &&
                (c->verb[0] == '\0' || (verb && strcmp(c->verb, verb) == 0)))
                return c;
        }
    }
    return NULL;
}

/* The first two words are the command, unless it is one word. */
static int take_word(struct parse *p, const char *word)
{
    if (p->n_words >= CTL_ARGS_MAX + 2)
        return usage("too many arguments", "");
    p->words[p->n_words++] = word;
    if (p->line.command) {
        if (p->line.n_args >= p->line.command->args_max)
            return usage("one argument too many: ", word);
        p->line.args[p->line.n_args++] = word;
        return CTL_DONE;
    }
    p->line.command = find(p->words[0], p->n_words > 1 ? word : NULL);
    if (!p->line.command && p->n_words == 2) {
        fprintf(stderr, "dfotactl: there is no command \"%s %s\"\n",
                p->words[0], word);
        return CTL_USAGE;
    }
    return CTL_DONE;
}

static int parse(struct parse *p, int argc, char **argv)
{
    bool only_words = false, known;
    int status = CTL_DONE;

    for (int at = 1; !status && at < argc; at++) {
        if (only_words || argv[at][0] != '-' || argv[at][1] == '\0') {
            status = take_word(p, argv[at]);
        } else if (strcmp(argv[at], "--") == 0) {
            only_words = true;
        } else {
            status = take_common(p, argv, argc, &at, &known);
            if (!status && !known)
                status = take_own(p, argv, argc, &at);
        }
    }
    return status;
}

static int check(const struct parse *p)
{
    const struct ctl_line *line = &p->line;

    if (!line->command)
        return usage("a command is missing", "");
    if (line->n_args < line->command->args_min)
        return usage("missing: ", args_of(line->command));
    for (unsigned i = 0; i < CTL_OPTIONS_MAX; i++) {
        const struct ctl_option *option = &line->command->options[i];

        if (option->name && option->needed && !line->values[i])
            return usage("missing: --", option->name);
    }
    return CTL_DONE;
}

/* ---- who ---- */

static int take_token(struct parse *p, char **owned)
{
    size_t len;
    int status;

    p->line.server.token = getenv("DFOTA_TOKEN");
    if (!p->token_file)
        return CTL_DONE;
    status = ctl_read_file(p->token_file, owned, &len);
    if (status)
        return status;
    (*owned)[strcspn(*owned, "\r\n")] = '\0';
    p->line.server.token = *owned;
    return CTL_DONE;
}

static int run(struct parse *p)
{
    const struct ctl_command *command = p->line.command;
    char *token = NULL;
    int status = take_token(p, &token);

    if (!status)
        status = command->run ? command->run(&p->line) : ctl_run(&p->line);
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
    if (!status && (fflush(stdout) != 0 || ferror(stdout)))
        status = ctl_say(CTL_FAILED, "standard output: %s", strerror(errno));
    return status;
}

int main(int argc, char **argv)
{
    static struct parse p;
    int status;

    log_init("dfotactl", LOG_LEVEL_INFO);
    signal(SIGPIPE, SIG_IGN);
    p.line.server =
        (struct ctl_server){.url = getenv("DFOTA_SERVER"), .folder = "data"};
    if (argc > 1 &&
        (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        puts("dfotactl " DFOTA_PROGRAM_VERSION);
        return CTL_DONE;
    }
    status = parse(&p, argc, argv);
    if (status)
        return status;
    if (p.wants_help)
        return p.line.command ? help_command(p.line.command) : help();
    status = check(&p);
    if (status)
        return status;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    status = run(&p);
    curl_global_cleanup();
    return status;
}
