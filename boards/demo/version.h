/* SPDX-License-Identifier: Apache-2.0 */
/** The version: DEMO_MINOR chooses which of the two releases is built. */
#ifndef DEMO_VERSION_H
#define DEMO_VERSION_H

#ifndef DEMO_MINOR
#define DEMO_MINOR 0
#endif

/** "1.0.0" or "1.1.0". */
const char *version_text(void);

/** The model, as ATI and the telemetry print it. */
const char *version_model(void);

#endif
