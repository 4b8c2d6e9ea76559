/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Numbers into words: what happened and what to do, for people.
 *
 * Layer: at (freestanding). Sessions and families deal in the numbers below;
 * the words are in phrases.c, which a firmware without a reader leaves out.
 */
#ifndef DFOTA_AT_PHRASES_H
#define DFOTA_AT_PHRASES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What kind of trouble it is: decides whether to try again; what to do. */
#define DFOTA_CLASSES(X)                                                       \
    /* again after a pause, a few times */                                     \
    X(NETWORK, "check antenna, SIM, APN and server, then try again")           \
    /* the package was refused: stop */                                        \
    X(PACKAGE,                                                                 \
      "make a package for the firmware that runs now, signed with its key")    \
    /* nothing is at that URL or place: stop */                                \
    X(ADDRESS, "check the URL and that the package lies there")                \
    /* the command was wrong: stop */                                          \
    X(COMMAND, "correct the command and try again")                            \
    /* the module's own trouble: once more after a reboot */                   \
    X(MODULE, "restart the module and try again; else ask its maker")          \
    /* an update runs already, or may: follow it */                            \
    X(BUSY, "wait until the running update has ended")                         \
    X(MAYBE, "wait a while, an update may be running; then restart it")        \
    X(LATER, "try again later")                                                \
    /* plan or credentials */                                                  \
    X(OPERATOR, "ask the operator of the update service")                      \
    X(LINE, "check the cable, the rate and the power")                         \
    /* the module has had all the updates that its flash allows: stop */       \
    X(WORN, "replace the module: it takes no further update")                  \
    X(SPACE, "delete files of the module, then try again")                     \
    /* nobody knows how it ends */                                             \
    X(WAIT, "keep the module powered and run the same command again")          \
    /* none of the tables has the number */                                    \
    X(UNKNOWN, "look the number up in the manual of this module")

#define DFOTA_MEANINGS(X)                                                      \
    X(NONE, "")                                                                \
    X(OUTSIDE, "a number that is in none of the tables")                       \
    X(UNKNOWN, "unknown error")                                                \
    X(CONNECT, "connection to the server failed")                              \
    X(REQUEST, "request failed")                                               \
    X(DOWNLOAD_TIMEOUT, "download time-out")                                   \
    X(URL, "URL error")                                                        \
    X(NO_FILE, "file does not exist")                                          \
    X(WRITE, "writing the file failed")                                        \
    X(TOO_LARGE, "file is too large")                                          \
    X(CHECK, "package check failed")                                           \
    X(UPDATE, "update failed")                                                 \
    X(NO_PACKAGE, "package does not exist")                                    \
    X(MISMATCH, "package is for another firmware")                             \
    X(PARAMETER, "invalid parameter")                                          \
    X(ONGOING, "an update is under way")                                       \
    X(DOWNLOAD, "download failed")                                             \
    X(DEACTIVATED, "network deactivated")                                      \
    X(ACTIVATING, "network activating")                                        \
    X(RESTORE, "restore failed")                                               \
    X(MEMORY, "no memory")                                                     \
    X(WORN, "the 800 updates of this module are used up")                      \
    X(PLAN_STATUS, "update status does not match the plan")                    \
    X(ACCESS_TYPE, "access type does not match the plan")                      \
    X(NO_PLAN, "no update plan for this module")                               \
    X(PLAN_GONE, "update plan does not exist")                                 \
    X(BATTERY, "battery too low for the plan")                                 \
    X(SIGNAL, "signal too low for the plan")                                   \
    X(PLAN_TIME, "not the time of the plan")                                   \
    X(CONCURRENCY, "too many updates of the plan at once")                     \
    X(PLAN_ENDED, "the plan has ended or was stopped")                         \
    X(NO_MODULE, "the service does not know the module")                       \
    X(NO_TOKEN, "no access token")                                             \
    X(BAD_TOKEN, "access token invalid")                                       \
    X(OLD_TOKEN, "access token expired")                                       \
    X(PERMISSIONS, "access token without permission")                          \
    X(NO_IMEI, "request without IMEI")                                         \
    X(OTHER_TOKEN, "access token of another module")                           \
    X(AUTHENTICATION, "authentication failed")                                 \
    X(TOKEN_FETCH, "getting an access token failed")                           \
    X(PASSWORD, "wrong password")                                              \
    X(REFRESH_TOKEN, "invalid refresh token")                                  \
    X(NO_INFO, "no information about the module")                              \
    X(NO_LOGIN, "name or password empty")                                      \
    X(SERVICE, "trouble of the update service")                                \
    X(FULL, "no room for the file")                                            \
    X(FILE_NAME, "bad file name")                                              \
    X(EXISTS, "file exists already")                                           \
    X(READ, "reading the file failed")                                         \
    X(DELETE, "deleting the file failed")                                      \
    X(OPEN, "opening the file failed")                                         \
    X(UPLOAD_TIMEOUT, "upload time-out")                                       \
    X(OVERALL, "the overall deadline passed")                                  \
    X(NO_ANSWER, "no answer to AT")                                            \
    X(NO_RETURN, "no answer after the reboot")                                 \
    X(STOPPED, "the module stopped answering")                                 \
    X(NO_VERSION, "the module does not say its version")                       \
    X(STRANGER, "a module that this program does not know")                    \
    X(URL_ONLY, "this module takes no file, only a URL: use --url")            \
    X(FILE_ONLY, "this module takes no URL, only a file: use --file")          \
    X(PACKAGE_SIZE, "the package is too large for this module")                \
    X(SCHEME, "this module does not have the URL's scheme")                    \
    X(URL_CHARACTERS, "the URL has a character that no URL has")               \
    X(URL_LENGTH, "the URL is too long for this module")                       \
    X(NO_HOST, "the URL has no host")                                          \
    X(UNREGISTERED, "not registered in the network")                           \
    X(APN, "the module refused the APN")                                       \
    X(NO_CONNECT, "the module did not answer CONNECT")                         \
    X(DAMAGED, "the package arrived damaged")                                  \
    X(REFUSED, "the module answered ERROR to the start")                       \
    X(NO_URC, "no URC came; AT+QURCCFG=\"urcport\" may send them elsewhere")   \
    X(SILENCE, "no URC within the deadline")                                   \
    X(PORT, "the port has gone")                                               \
    X(END_OLD, "END,0 and yet the old version runs")                           \
    X(OTHER, "another version runs than was asked for")                        \
    X(EARLY, "the update ended early, the old version runs")                   \
    X(INTERRUPTED, "interrupted")

/* Where the update is; also where a verdict fell. */
#define DFOTA_STAGES(X)                                                        \
    X(PROBE, "probe")                                                          \
    X(IDENTIFY, "identify")                                                    \
    X(NETWORK, "network")                                                      \
    X(APN, "apn")                                                              \
    X(PREPARE, "prepare")                                                      \
    X(UPLOAD, "upload")                                                        \
    X(TRIGGER, "trigger")                                                      \
    X(START, "start")                                                          \
    X(DOWNLOAD, "download")                                                    \
    X(RESET, "reset")                                                          \
    X(UPDATE, "update")                                                        \
    X(REBOOT, "reboot")                                                        \
    X(CONFIRM, "confirm")

/* Name, default in seconds. */
#define DFOTA_TIMEOUTS(X)                                                      \
    X(COMMAND, "command", 15)    /* an AT command's final code */              \
    X(START, "start", 60)        /* OK of a URL to HTTPSTART */                \
    X(DOWNLOAD, "download", 600) /* between two signs of progress */           \
    X(RESET, "reset", 300)       /* HTTPEND or local OK to START */            \
    X(UPDATE, "update", 120)     /* between two percents */                    \
    X(REBOOT, "reboot", 60)      /* END to RDY */                              \
    X(OVERALL, "overall", 7200)                                                \
    X(SILENT, "silent", 3600) /* a download that prints no percent */          \
    X(AWAY, "away", 1800)     /* the port is gone after a trigger */           \
    X(LISTEN, "listen", 3)    /* before the first command */                   \
    X(BACKOFF, "backoff", 30) /* before the first retry; doubles */

enum dfota_class {
#define X(name, text) DFOTA_CLASS_##name,
    DFOTA_CLASSES(X)
#undef X
        DFOTA_CLASS_COUNT
};

enum dfota_meaning {
#define X(name, text) DFOTA_MEANING_##name,
    DFOTA_MEANINGS(X)
#undef X
        DFOTA_MEANING_COUNT
};

enum dfota_at_stage {
#define X(name, text) DFOTA_AT_##name,
    DFOTA_STAGES(X)
#undef X
        DFOTA_AT_COUNT
};

enum dfota_timeout {
#define X(name, text, s) DFOTA_TIMEOUT_##name,
    DFOTA_TIMEOUTS(X)
#undef X
        DFOTA_TIMEOUT_COUNT
};

/* Each gives a static text without full stop, "?" outside its enum. */
const char *dfota_class_advice(uint8_t kind);
const char *dfota_meaning_text(uint8_t meaning);
const char *dfota_stage_name(uint8_t stage);
const char *dfota_timeout_name(uint8_t timeout);

#ifdef __cplusplus
}
#endif

#endif
