/* SPDX-License-Identifier: Apache-2.0 */
#include "version.h"

#if DEMO_MINOR == 0
#define TEXT "1.0.0"
#elif DEMO_MINOR == 1
#define TEXT "1.1.0"
#else
#error "DEMO_MINOR is 0 or 1"
#endif

#define MARKER "DFOTAVER"

/* Where dfota finds the version in an image. */
#if defined(__arm__)
__attribute__((section(".version"), used))
#endif
static const char marked[] = MARKER TEXT;

const char *version_text(void)
{
    return marked + sizeof(MARKER) - 1;
}

const char *version_model(void)
{
    return "dfota demo node";
}
