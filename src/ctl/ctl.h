/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dfotactl: every command is a line of a table, one call of the server's
 * interface each; the few that are more have a function.
 *
 * Layer: ctl. It knows the interface (/api/v1) and nothing of the server.
 */
#ifndef DFOTA_CTL_CTL_H
#define DFOTA_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum ctl_status { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

enum { CTL_OPTIONS_MAX = 8, CTL_ARGS_MAX = 64 };

/* Where the server is and who we are. */
struct ctl_server {
    const char *url;    /* NULL: the socket */
    const char *folder; /* of the socket ctl.sock */
    const char *token;  /* NULL: none */
    const char *ca_file;
};

struct ctl_answer {
    long status;
    json_t *json; /* owned; NULL: none */
    char etag[48];
};

struct ctl_content {
    const char *type; /* NULL: no content */
    const void *data;
    size_t len;
    const char *if_match;
};

/**
 * One call; what went wrong, the server's refusal too, is said on standard
 * error in one line.
 *
 * path     behind /api/v1/, query and all, escaped
 * returns  enum ctl_status; the answer is released then but for CTL_DONE
 */
int ctl_call(const struct ctl_server *server, const char *method,
             const char *path, const struct ctl_content *content,
             struct ctl_answer *answer);
void ctl_answer_release(struct ctl_answer *answer);

/** A text for a path or a query, escaped; freed by the caller; NULL: no
 * memory. */
char *ctl_escape(const char *text);

enum ctl_kind {
    CTL_QUERY,  /* goes into the query */
    CTL_TEXT,   /* a text of the body */
    CTL_NUMBER, /* a number of the body */
    CTL_FLAG,   /* true in the body, without a value */
    CTL_JSON,   /* a file with JSON, in the body */
    CTL_FILE,   /* a file's text, in the body */
    CTL_OWN     /* of the command's function */
};

struct ctl_option {
    const char *name, *field, *help;
    enum ctl_kind kind;
    bool needed;
};

/* A command line that was read. */
struct ctl_line {
    const struct ctl_command *command;
    const char *args[CTL_ARGS_MAX]; /* what is no option */
    unsigned n_args;
    const char *values[CTL_OPTIONS_MAX]; /* of the command's options */
    struct ctl_server server;
    bool json;
};

struct ctl_command {
    const char *group, *verb; /* "plan", "approve"; verb may be "" */
    const char *args;         /* for the help: "ID" */
    unsigned args_min, args_max;
    const char *method, *path; /* "plans/{}/approve" */
    const char *columns;       /* to print; NULL: the object, line by line */
    const char *help;
    struct ctl_option options[CTL_OPTIONS_MAX];
    const char *fixed; /* JSON that the body begins with */
    int (*run)(const struct ctl_line *line); /* NULL: the one call */
};

/** The table, ended by a group of NULL. */
extern const struct ctl_command ctl_commands[];

/** The value of a CTL_OWN option; NULL: not given. */
const char *ctl_value(const struct ctl_line *line, const char *name);

/** The command's one call and its printing. */
int ctl_run(const struct ctl_line *line);

/** Print an answer: as JSON, or for people. columns: "id name state" */
void ctl_print(const json_t *answer, const char *columns, bool as_json);

/** Read a file whole, or say why not. returns enum ctl_status */
int ctl_read_file(const char *path, char **data, size_t *len);

/** Say something on standard error; returns status. */
int ctl_say(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The commands that are more than a call. */
int ctl_firmware_add(const struct ctl_line *line);
int ctl_delta_sign(const struct ctl_line *line);
int ctl_module_import(const struct ctl_line *line);
int ctl_plan_edit(const struct ctl_line *line);
int ctl_plan_pause(const struct ctl_line *line);
int ctl_plan_export(const struct ctl_line *line);
int ctl_explain(const struct ctl_line *line);
int ctl_doctor(const struct ctl_line *line);
int ctl_lwm2m_ask(const struct ctl_line *line);
int ctl_lwm2m_update(const struct ctl_line *line);

#endif
