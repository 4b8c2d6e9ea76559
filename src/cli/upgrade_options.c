/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/upgrade_options.h"
#include "cli/cli.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_RATE 115200

static int wrong(const char *what, const char *value)
{
    return cli_usage_error("upgrade", "%s: %s", value, what);
}

static int parse_timeout(struct upgrade_options *o, int which, const char *text)
{
    /* 24 days would wrap the session's clock. */
    uint32_t seconds;

    if (!cli_parse_number(text, 1, 1000000, &seconds))
        return wrong("not a number of seconds from 1 to 1000000", text);
    o->config.timeout_ms[which] = seconds * 1000;
    return 0;
}

static int parse_model(struct upgrade_options *o, const char *name)
{
    if (!strcmp(name, "auto"))
        return 0;
    o->config.family =
        dfota_family_named(dfota_families, dfota_families_count, name);
    return o->config.family ? 0 : wrong("not a model that is known here", name);
}

enum long_option {
    OPTION_APN = 256,
    OPTION_STATE,
    OPTION_DRY_RUN,
    OPTION_FLOW_CONTROL,
    OPTION_PROGRESS,
    OPTION_JSON,
    OPTION_LOG,
    OPTION_TIMEOUT /* and DFOTA_TIMEOUT_COUNT more */
};

static int take_option(struct upgrade_options *o, int option, char *value)
{
    switch (option) {
    case 'p':
        o->port_name = value;
        return 0;
    case 'm':
        return parse_model(o, value);
    case 'u':
        o->config.url = value;
        return 0;
    case 'f':
        o->file = value;
        return 0;
    case 't':
        o->config.to_version = value;
        return 0;
    case 'b':
        return cli_parse_number(value, 1, UINT32_MAX, &o->baud)
                   ? 0
                   : wrong("not a rate", value);
    case 'h':
        o->help = true;
        return 0;
    case OPTION_APN:
        o->config.apn = value;
        return 0;
    case OPTION_STATE:
        o->state = value;
        return 0;
    case OPTION_DRY_RUN:
        o->dry_run = true;
        return 0;
    case OPTION_FLOW_CONTROL:
        o->config.flow_control = true;
        return 0;
    case OPTION_PROGRESS:
        return progress_mode_parse(value, &o->progress)
                   ? wrong("not auto, always or never", value)
                   : 0;
    case OPTION_JSON:
        o->json = true;
        return 0;
    case OPTION_LOG:
        o->log = value;
        return 0;
    default:
        return parse_timeout(o, option - OPTION_TIMEOUT, value);
    }
}

#define PLAIN_OPTIONS 14

static int parse_options(struct upgrade_options *o, int argc, char **argv)
{
    static const struct option plain[PLAIN_OPTIONS] = {
        {"port", required_argument, NULL, 'p'},
        {"model", required_argument, NULL, 'm'},
        {"url", required_argument, NULL, 'u'},
        {"file", required_argument, NULL, 'f'},
        {"to-version", required_argument, NULL, 't'},
        {"baud", required_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'},
        {"apn", required_argument, NULL, OPTION_APN},
        {"state", required_argument, NULL, OPTION_STATE},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
        {"flow-control", no_argument, NULL, OPTION_FLOW_CONTROL},
        {"progress", required_argument, NULL, OPTION_PROGRESS},
        {"json", no_argument, NULL, OPTION_JSON},
        {"log", required_argument, NULL, OPTION_LOG},
    };
    struct option options[PLAIN_OPTIONS + DFOTA_TIMEOUT_COUNT + 1] = {0};
    char names[DFOTA_TIMEOUT_COUNT][24];
    int option;
    int err = 0;

    memcpy(options, plain, sizeof(plain));
    for (int i = 0; i < DFOTA_TIMEOUT_COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "timeout-%s",
                       dfota_timeout_name((uint8_t)i));
        options[PLAIN_OPTIONS + i] = (struct option){
            names[i], required_argument, NULL, OPTION_TIMEOUT + i};
    }
    optind = 1;
    while (!err && (option = getopt_long(argc, argv, "p:m:u:f:t:b:h", options,
                                         NULL)) != -1)
        err = option == '?' ? CLI_USAGE : take_option(o, option, optarg);
    if (!err && optind < argc)
        err = wrong("not an option", argv[optind]);
    return err;
}

static int check_options(struct upgrade_options *o)
{
    if (!o->port_name)
        return wrong("is missing", "--port");
    if (serial_create(o->port_name, o->baud, &o->port))
        return wrong(
            "neither /dev/.., pty:PATH, tcp:HOST:PORT, "
            "rfc2217:HOST:PORT nor unix:PATH, or not a rate of this system",
            o->port_name);
    serial_set_flow_control(o->port, o->config.flow_control);
    if (!o->config.url == !o->file)
        return wrong("exactly one of them is needed", "--url, --file");
    if (o->config.url && dfota_family_check_text(o->config.url))
        return wrong("a URL has no quote, blank, control or non-ASCII byte",
                     o->config.url);
    if (o->config.apn && dfota_family_check_text(o->config.apn))
        return wrong("an APN has no quote, blank, control or non-ASCII byte",
                     o->config.apn);
    return 0;
}

int upgrade_options_parse(struct upgrade_options *o, int argc, char **argv)
{
    int status;

    memset(o, 0, sizeof(*o));
    dfota_session_defaults(&o->config);
    o->config.families = dfota_families;
    o->config.families_count = dfota_families_count;
    o->baud = DEFAULT_RATE;
    status = parse_options(o, argc, argv);
    return status || o->help ? status : check_options(o);
}
