/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The package: manifest, label, digests, signature, permit, body.
 *
 * Layer: device (freestanding). The byte table is docs/format.md 2; nothing
 * of a package is used before dfota_package_open() has bounded it.
 *
 *   0               manifest                     80 bytes
 *   80              label                        L bytes, 0..255
 *   80+L            digests, only with SELF      16 bytes a window
 *   ..              signature r, s               64 bytes, all 0: unsigned
 *   ..              permit, only with PERMIT     DFOTA_PERMIT_LEN
 *   body_off        body                         body_len
 *
 * The signature covers everything before it, with flag PERMIT taken as 0.
 */
#ifndef DFOTA_DEVICE_PACKAGE_H
#define DFOTA_DEVICE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/crypto.h"
#include "device/flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_MANIFEST_LEN 80
#define DFOTA_MANIFEST_VERSION 1
#define DFOTA_LABEL_MAX 255
#define DFOTA_WINDOWS_MAX 4096
/* 256 KiB: two chips with blocks of 128 KiB side by side. */
#define DFOTA_SECTOR_LOG2_MAX 18
#define DFOTA_DIGEST_LEN 16     /* a window's: the head of its SHA-256 */
#define DFOTA_SOURCE_HASH_LEN 8 /* head of the source image's SHA-256 */
/* Permit: SHA-256 of the device id, then a signature by the permit key over
 * SHA-256 {"DFOTA permit", that hash, manifest without the flag}.
 * docs/format.md 2.4 */
#define DFOTA_PERMIT_LEN (DFOTA_HASH_LEN + DFOTA_SIGNATURE_LEN)

/* Manifest flags, byte 3; bits 4-7 are enum dfota_arch. */
#define DFOTA_FLAG_DESCENDING 0x01 /* windows from the end of the image */
#define DFOTA_FLAG_SELF 0x02       /* copies from the new image, digests */
#define DFOTA_FLAG_NO_SOURCE 0x04  /* a full image: needs no old one */
#define DFOTA_FLAG_PERMIT 0x08     /* a downgrade permit follows */

enum dfota_arch {
    DFOTA_ARCH_RAW = 0,
    DFOTA_ARCH_THUMB2 = 1,
    DFOTA_ARCH_A32 = 2,
    DFOTA_ARCH_A64 = 3,
    DFOTA_ARCH_RV32 = 4,
    DFOTA_ARCH_RV64 = 5,
    DFOTA_ARCH_XTENSA = 6,
    DFOTA_ARCH_AVR = 7,
    DFOTA_ARCH_8051 = 8,
    DFOTA_ARCH_X86 = 9,
};

/* As the 80 bytes lie, so that most of it is copied: the first four are
 * "DF", the version, and flags with arch; words are in the device's order.
 * No padding: two of them that were parsed compare with memcmp. */
struct dfota_manifest {
    uint8_t flags; /* DFOTA_FLAG_*, low nibble of byte 3 */
    uint8_t arch;  /* enum dfota_arch, the high one */
    uint16_t zero;
    uint8_t key_id;        /* 0 or 1 */
    uint8_t arena_kib;     /* arena the decoder needs: 8, 16, 32 or 64 */
    uint8_t sector_log2;   /* 9 .. DFOTA_SECTOR_LOG2_MAX */
    uint8_t label_len;     /* bytes */
    uint16_t window;       /* sectors a window, 0: the whole image */
    uint16_t reserved;     /* 0 */
    uint32_t class_id;     /* head of SHA-256 of the class name, 0: any */
    uint32_t counter;      /* security counter */
    uint32_t source_len;   /* bytes */
    uint32_t target_len;   /* bytes */
    uint32_t body_len;     /* bytes */
    uint32_t from_version; /* head of SHA-256 of the string, 0: unknown */
    uint32_t to_version;   /* the same */
    uint8_t source_hash[DFOTA_SOURCE_HASH_LEN];
    uint8_t target_hash[DFOTA_HASH_LEN];
};

/* A package that has been opened: the manifest and where its parts begin. */
struct dfota_package {
    uint32_t windows;       /* how many, at least 1 */
    uint32_t window_len;    /* bytes a window; the last one may be shorter */
    uint32_t digests_off;   /* 0 when there are none */
    uint32_t signature_off; /* offsets in the package, bytes */
    uint32_t permit_off;    /* 0 when there is none */
    uint32_t body_off;
    struct dfota_manifest m;
};

/**
 * Parse the 80 bytes of a manifest: version, flags, ranges of every field.
 *
 * errors   E_NOPACKAGE it does not begin with "DF", E_CORRUPT, E_VERSION,
 *          E_ARCH
 * source   docs/format.md 2.1
 */
int dfota_manifest_parse(struct dfota_manifest *m,
                         const uint8_t in[DFOTA_MANIFEST_LEN]);

/** Write the 80 bytes of a manifest. The fields must be in range. */
void dfota_manifest_write(const struct dfota_manifest *m,
                          uint8_t out[DFOTA_MANIFEST_LEN]);

/**
 * Compute everything of a package but m from its manifest m, which has been
 * parsed.
 *
 * errors   E_CORRUPT more than DFOTA_WINDOWS_MAX windows
 */
int dfota_package_layout(struct dfota_package *p);

/** Bytes from the start of the package to its body; the manifest must have
 * no more than DFOTA_WINDOWS_MAX windows. */
uint32_t dfota_package_head_len(const struct dfota_manifest *m);

/**
 * Read and bound the head of a stored package.
 *
 * in       the package; in->size may be larger (a package area): what lies
 *          behind the body is not looked at
 * errors   E_CORRUPT, E_TRUNCATED, E_VERSION, E_ARCH, E_FLASH;
 *          E_NOPACKAGE when it does not begin with "DF"
 * cost     stack <= 160 bytes
 */
int dfota_package_open(struct dfota_package *p, const struct dfota_reader *in);

/** How window w (production order) lies in the image: offset and bytes. */
void dfota_package_window(const struct dfota_package *p, uint32_t w,
                          uint32_t *off, uint32_t *len);

/**
 * Check the signature over manifest, label and digests. The manifest is the
 * one of p, as it was read once; the rest is read now.
 *
 * errors   E_SIGNATURE, E_KEY, E_FLASH, E_IO; 0 when crypto->verify is NULL
 */
int dfota_package_verify(const struct dfota_package *p,
                         const struct dfota_reader *in,
                         const struct dfota_crypto *crypto);

/**
 * Check a downgrade permit against the device's id.
 *
 * id_hash  SHA-256 of the device id
 * errors   E_PERMIT: whatever keeps it from being shown to be right
 */
int dfota_package_permit(const struct dfota_package *p,
                         const struct dfota_reader *in,
                         const struct dfota_crypto *crypto,
                         const uint8_t id_hash[DFOTA_HASH_LEN]);

#ifdef __cplusplus
}
#endif

#endif
