/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Errors: one enum for the whole project.
 *
 * Layer: base (freestanding). Every function that can fail returns int:
 * 0, or one of these negative values; positive only where the function's
 * comment says MORE or DONE. Sizes never share the return value.
 *
 * Values are part of the ABI and of the updater's FAILED record: append,
 * never renumber.
 */
#ifndef DFOTA_BASE_ERR_H
#define DFOTA_BASE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define DFOTA_ERRORS(X)                                                        \
    X(E_ARG,        -1, "a parameter is out of its range")                     \
    X(E_IO,         -2, "reading or writing failed")                           \
    X(E_NOMEM,      -3, "out of memory")                                       \
    X(E_CORRUPT,    -4, "the package is malformed")                            \
    X(E_TRUNCATED,  -5, "the package is cut short")                            \
    X(E_VERSION,    -6, "the package has a format version this build does not know") \
    X(E_ARCH,       -7, "the package is for an architecture this build does not have") \
    X(E_SIGNATURE,  -8, "the signature is wrong or missing")                   \
    X(E_KEY,        -9, "the package is signed with a key that is not here")   \
    X(E_CLASS,     -10, "the package is for another device class")             \
    X(E_SLOT,      -11, "the image is larger than the slot")                   \
    X(E_BACKUP,    -12, "a window is larger than the backup, or cut by other sectors") \
    X(E_SOURCE,    -13, "the package is for another firmware than the one here") \
    X(E_TARGET,    -14, "the decoded image has not the digest that was signed") \
    X(E_COUNTER,   -15, "the security counter is lower than the one stored")   \
    X(E_PERMIT,    -16, "the downgrade permit is wrong, used, or for another device") \
    X(E_ARENA,     -17, "the decoder needs more memory than there is")         \
    X(E_FLASH,     -18, "the flash failed")                                    \
    X(E_STATE,     -19, "this call is not legal in this state")                \
    X(E_NOPACKAGE, -20, "no package is stored")                                \
    X(E_BUSY,      -21, "an update is already under way")                      \
    X(E_HELD,      -22, "the device is held: only the same package or a signed full image helps") \
    X(E_TIMEOUT,   -23, "the time-out passed")                                 \
    X(E_NOTFOUND,  -24, "there is no such file or entry")                      \
    X(E_FULL,      -25, "there is no room left")                               \
    X(E_SYNTAX,    -26, "this cannot be parsed")                               \
    X(E_CONNECT,   -27, "the peer cannot be reached")                          \
    X(E_PROTOCOL,  -28, "the peer does not follow the protocol")               \
    X(E_CANCELLED, -29, "cancelled")                                           \
    X(E_UNSUPPORTED, -30, "not supported here")
/* clang-format on */

enum dfota_err {
    DFOTA_OK = 0,
    DFOTA_MORE = 1, /* call again: there is more to do */
    DFOTA_DONE = 2, /* finished */
#define X(name, value, text) DFOTA_##name = (value),
    DFOTA_ERRORS(X)
#undef X
};

/**
 * The sentence of an error, for people.
 *
 * returns  a static string without full stop; "unknown error" for a number
 *          outside the enum
 */
const char *dfota_strerror(int err);

#ifdef __cplusplus
}
#endif

#endif
