/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dfotactl: every command is a line of a table, one call of the server's
 * interface each; the few that are more have a function. A file for every
 * noun: its table, and what its commands do beyond that call.
 *
 * Layer: ctl. It knows the interface (/api/v1) and nothing of the server.
 */
#ifndef DFOTA_CTL_CTL_H
#define DFOTA_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer;

/* Exit statuses. REFUSED: a package or a signature was. */
enum ctl_status {
    CTL_DONE = 0,
    CTL_FAILED = 1,
    CTL_USAGE = 2,
    CTL_REFUSED = 3
};

enum { CTL_OPTIONS_MAX = 8, CTL_ARGS_MAX = 64 };

/* Where the server is and who we are. */
struct ctl_server {
    const char *url;    /* NULL: the socket */
    const char *folder; /* of the socket ctl.sock */
    const char *token;  /* NULL: none */
    const char *ca_file;
};

struct ctl_answer {
    long status;  /* of HTTP, also when it is a refusal; 0: no answer */
    json_t *json; /* owned; NULL: none */
    char etag[48];
    bool is_text; /* a picture: json is its text */
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

/** Append it, escaped, to a path. errors: E_NOMEM, E_FULL (kept in path) */
int ctl_add_escaped(struct buffer *path, const char *text);

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

#define CTL_OPT(name, field, kind, needed, help)                               \
    {                                                                          \
        name, field, help, kind, needed                                        \
    }
#define CTL_WHY                                                                \
    CTL_OPT("why", "why", CTL_TEXT, false, "a reason, for the audit log")

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
    const char *args;         /* for the help: "ID"; NULL: none */
    unsigned args_min, args_max;
    const char *method, *path; /* "plans/{}/approve" */
    const char *columns;       /* to print; NULL: the object, line by line */
    const char *help;
    struct ctl_option options[CTL_OPTIONS_MAX];
    const char *fixed; /* JSON that the body begins with */
    int (*run)(const struct ctl_line *line); /* NULL: the one call */
};

/* Of a command with one argument. */
#define CTL_ONE(what) .args = (what), .args_min = 1, .args_max = 1

/** The tables of the nouns, each ended by a group of NULL; in ctl_commands[]
 * all of them, ended by NULL. */
extern const struct ctl_command ctl_firmware_commands[], ctl_delta_commands[],
    ctl_module_commands[], ctl_plan_commands[], ctl_result_commands[],
    ctl_lwm2m_commands[], ctl_people_commands[], ctl_server_commands[],
    ctl_webhook_commands[];
extern const struct ctl_command *const ctl_commands[];

/** The value of a CTL_OWN option; NULL: not given. */
const char *ctl_value(const struct ctl_line *line, const char *name);

/** The command's one call and its printing; etag: If-Match, or NULL. returns
 * enum ctl_status */
int ctl_run(const struct ctl_line *line);
int ctl_run_with(const struct ctl_line *line, const char *etag);

/** Print an answer: as JSON, or for people. columns: "id name state" */
void ctl_print(const json_t *answer, const char *columns, bool as_json);

/** Read a file whole, or say why not. returns enum ctl_status */
int ctl_read_file(const char *path, char **data, size_t *len);

/** Say something on standard error; returns status. */
int ctl_say(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
