/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#include "calendar.h"
#include "cbor.h"
#include "chacha.h"
#include "codecs.h"
#include "eventlog.h"
#include "json.h"
#include "node.h"
#include "sha256.h"
#include "version.h"

static void json_air(struct json_writer *w)
{
    json_object(w, "air");
    json_float(w, "celsius", node.celsius, 2);
    json_float(w, "humidity", node.room.humidity, 1);
    json_float(w, "dew_point",
               sensors_dew_point(node.celsius, node.room.humidity), 2);
    json_float(w, "hpa", node.room.hpa, 2);
    json_float(w, "altitude", sensors_altitude(node.room.hpa, 1013.25), 1);
    json_close(w, '}');
}

static void json_power(struct json_writer *w)
{
    json_object(w, "power");
    json_float(w, "volt", node.room.volt, 3);
    json_float(w, "percent", sensors_battery(node.room.volt), 0);
    json_float(w, "heater", node.room.heater, 3);
    json_close(w, '}');
}

static void json_place(struct json_writer *w)
{
    if (!node.fix.quality)
        return;
    json_array(w, "place");
    json_float(w, NULL, node.fix.lat, 6);
    json_float(w, NULL, node.fix.lon, 6);
    json_float(w, NULL, node.fix.altitude, 1);
    json_close(w, ']');
}

int telemetry_json(uint32_t now_ms, char *out, size_t cap)
{
    struct json_writer w;
    char iso[24];

    calendar_iso(node_time(now_ms), iso, sizeof(iso));
    json_begin(&w, out, cap);
    json_object(&w, NULL);
    json_string(&w, "model", version_model());
    json_string(&w, "version", version_text());
    json_string(&w, "time", iso);
    json_int(&w, "frame", (long)node.frames);
    json_air(&w);
    json_power(&w);
    json_place(&w);
#if DEMO_MINOR >= 1
    json_int(&w, "outliers", (long)node.hampel.replaced);
#endif
    json_int(&w, "errors", (long)eventlog_count(EVENT_ERROR));
    json_close(&w, '}');
    return json_end(&w);
}

int telemetry_cbor(uint32_t now_ms, uint8_t *out, size_t cap)
{
    struct cbor_writer w;

    cbor_begin(&w, out, cap);
#if DEMO_MINOR >= 1
    cbor_map(&w, 7);
#else
    cbor_map(&w, 6);
#endif
    cbor_int(&w, 0);
    cbor_int(&w, (int32_t)node_time(now_ms));
    cbor_int(&w, 1);
    cbor_float(&w, (float)node.celsius);
    cbor_int(&w, 2);
    cbor_float(&w, (float)node.room.humidity);
    cbor_int(&w, 3);
    cbor_float(&w, (float)node.room.hpa);
    cbor_int(&w, 4);
    cbor_float(&w, (float)node.room.volt);
    cbor_int(&w, 5);
    cbor_text(&w, version_text());
#if DEMO_MINOR >= 1
    cbor_int(&w, 6);
    cbor_int(&w, (int32_t)node.hampel.replaced);
#endif
    return w.failed ? -1 : (int)w.len;
}

/* The key of a frame: from the node's secret and the day it is sent. */
static void frame_key(uint32_t now_ms, uint8_t key[CHACHA_KEY_LEN])
{
    char secret[SETTINGS_VALUE_MAX + 1] = "change me";
    uint8_t day[4];

    settings_get(&node.settings, "secret", secret, sizeof(secret));
    dfota_put_be32(day, node_time(now_ms) / 86400);
    hkdf(day, sizeof(day), secret, strlen(secret), "telemetry", 9, key,
         CHACHA_KEY_LEN);
}

int telemetry_sealed(uint32_t now_ms, char *out, size_t cap)
{
    uint8_t key[CHACHA_KEY_LEN], nonce[CHACHA_NONCE_LEN] = {0};
    uint8_t body[160], message[224];
    struct coap_writer w;
    int len = telemetry_cbor(now_ms, body, sizeof(body) - POLY1305_LEN);

    if (len < 0)
        return -1;
    frame_key(now_ms, key);
    dfota_put_be32(nonce, node_time(now_ms));
    dfota_put_be32(nonce + 4, node.frames);
    chacha_seal(key, nonce, nonce, sizeof(nonce), body, (size_t)len,
                body + len);
    len += POLY1305_LEN;
    coap_begin(&w, message, sizeof(message), 1, 2, (uint16_t)node.frames,
               nonce + 4, 4);
    coap_path(&w, "v1/telemetry");
    coap_option_uint(&w, 12, 42); /* application/octet-stream */
    len = coap_end(&w, body, (size_t)len);
    return len < 0 ? -1 : base64_encode(message, (size_t)len, out, cap);
}

static int apply_settings(struct json_value settings)
{
    static const char *const known[] = {"median", "pid.p",  "pid.i",
                                        "pid.d",  "secret", "target"};
    char value[SETTINGS_VALUE_MAX + 1];
    int n = 0;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct json_value v = json_member(settings, known[i]);

        if (v.type == JSON_STRING) {
            if (json_copy(v, value, sizeof(value)) < 0)
                continue;
        } else if (v.type == JSON_NUMBER && v.len < sizeof(value)) {
            memcpy(value, v.text, v.len);
            value[v.len] = '\0';
        } else {
            continue;
        }
        n += settings_set(&node.settings, known[i], value) == 0;
    }
    return n;
}

int telemetry_command(const char *text)
{
    struct json_value root = json_parse(text, strlen(text)), v;
    int n = 0;

    if (root.type != JSON_OBJECT)
        return -1;
    v = json_member(root, "target");
    if (v.type == JSON_NUMBER) {
        node.target = json_number(v, node.target);
        n++;
    }
    v = json_member(root, "quiet");
    if (v.type == JSON_TRUE || v.type == JSON_FALSE) {
        node.quiet = v.type == JSON_TRUE;
        n++;
    }
    v = json_member(root, "settings");
    if (v.type == JSON_OBJECT)
        n += apply_settings(v);
    return n;
}
