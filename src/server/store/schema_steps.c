/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps themselves. Times are seconds since 1970, digests and keys hex.
 * Never edit a step that was released: add one.
 */
#include "server/store/schema.h"

static const char step_1[] =
    "CREATE TABLE tenant (id {id}, name TEXT NOT NULL UNIQUE);"
    "INSERT INTO tenant (name) VALUES ('default');"

    /* People, and the tokens of their scripts. */
    "CREATE TABLE person (id {id}, tenant BIGINT NOT NULL,"
    " name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, password TEXT,"
    " created BIGINT NOT NULL, gone BIGINT);"
    "CREATE TABLE api_token (id {id}, tenant BIGINT NOT NULL,"
    " person BIGINT NOT NULL REFERENCES person(id), name TEXT NOT NULL,"
    " role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, created BIGINT NOT NULL,"
    " expires BIGINT NOT NULL, revoked BIGINT);"

    /* Keys that all nodes share: of tokens, of URLs. */
    "CREATE TABLE secret_key (id {id}, kind TEXT NOT NULL,"
    " secret TEXT NOT NULL, created BIGINT NOT NULL);"

    "CREATE TABLE device_class (id {id}, tenant BIGINT NOT NULL,"
    " name TEXT NOT NULL, pem TEXT NOT NULL, UNIQUE (tenant, name));"

    /* state: active, held (gets no update), blocked (gets no answer),
     * retired. version, battery, rssi, last_seen are what it last said. */
    "CREATE TABLE module (id {id}, tenant BIGINT NOT NULL,"
    " imei TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,"
    " model TEXT NOT NULL, version TEXT NOT NULL, class TEXT NOT NULL,"
    " grp TEXT NOT NULL, tags TEXT NOT NULL, password TEXT,"
    " state TEXT NOT NULL, battery BIGINT, rssi BIGINT, last_seen BIGINT,"
    " updates BIGINT NOT NULL, created BIGINT NOT NULL);"

    /* replaced: when its successor was given out; 0: it is the one of now */
    "CREATE TABLE refresh (hash TEXT PRIMARY KEY, module BIGINT NOT NULL,"
    " family TEXT NOT NULL, issued BIGINT NOT NULL, expires BIGINT NOT NULL,"
    " replaced BIGINT NOT NULL);"
    "CREATE INDEX refresh_family ON refresh (family);"
    "CREATE INDEX refresh_expires ON refresh (expires);"

    "CREATE TABLE firmware (id {id}, tenant BIGINT NOT NULL,"
    " model TEXT NOT NULL, version TEXT NOT NULL, class TEXT NOT NULL,"
    " counter BIGINT NOT NULL, size BIGINT NOT NULL, sha256 TEXT NOT NULL,"
    " made_by TEXT NOT NULL, created BIGINT NOT NULL,"
    " UNIQUE (tenant, model, version));"

    /* source 0: a full image. state: waiting, building, unsigned, ready,
     * failed. digest is what has to be signed. */
    "CREATE TABLE package (id {id}, tenant BIGINT NOT NULL,"
    " source BIGINT NOT NULL, target BIGINT NOT NULL REFERENCES firmware(id),"
    " state TEXT NOT NULL, full_image BIGINT NOT NULL, size BIGINT NOT NULL,"
    " sha256 TEXT, digest TEXT, claimed_by TEXT, claimed_until BIGINT NOT NULL,"
    " tries BIGINT NOT NULL, why TEXT, created BIGINT NOT NULL,"
    " UNIQUE (source, target));"
    "CREATE INDEX package_state ON package (state);"

    /* open: attempts under way; edition counts edits (ETag), generation
     * counts what a node must know before it grants an attempt. */
    "CREATE TABLE plan (id {id}, tenant BIGINT NOT NULL, name TEXT NOT NULL,"
    " state TEXT NOT NULL, edition BIGINT NOT NULL,"
    " generation BIGINT NOT NULL, firmware BIGINT NOT NULL"
    " REFERENCES firmware(id), spec TEXT NOT NULL, stage BIGINT NOT NULL,"
    " stage_since BIGINT NOT NULL, open BIGINT NOT NULL,"
    " taken BIGINT NOT NULL, made_by TEXT NOT NULL, edited_by TEXT NOT NULL,"
    " approved_by TEXT, why TEXT, created BIGINT NOT NULL, started BIGINT,"
    " ended BIGINT);"
    "CREATE INDEX plan_state ON plan (state);"

    /* state: open, done, failed, lost, stopped. stage: granted, loaded. */
    "CREATE TABLE attempt (id TEXT PRIMARY KEY, tenant BIGINT NOT NULL,"
    " module BIGINT NOT NULL REFERENCES module(id), imei TEXT NOT NULL,"
    " plan BIGINT NOT NULL REFERENCES plan(id), plan_stage BIGINT NOT NULL,"
    " package BIGINT NOT NULL, from_version TEXT NOT NULL,"
    " to_version TEXT NOT NULL, state TEXT NOT NULL, stage TEXT NOT NULL,"
    " granted BIGINT NOT NULL, url_until BIGINT NOT NULL,"
    " deadline BIGINT NOT NULL, closed BIGINT, http_err BIGINT,"
    " update_err BIGINT, version TEXT, cause TEXT, node TEXT NOT NULL);"
    "CREATE UNIQUE INDEX attempt_open ON attempt (module)"
    " WHERE state = 'open';"
    "CREATE INDEX attempt_deadline ON attempt (deadline)"
    " WHERE state = 'open';"
    "CREATE INDEX attempt_plan ON attempt (plan, state);"
    "CREATE INDEX attempt_module ON attempt (module, granted);"
    "CREATE INDEX attempt_closed ON attempt (tenant, closed);"
    "CREATE TABLE note (id {id}, attempt TEXT NOT NULL, at BIGINT NOT NULL,"
    " text TEXT NOT NULL);"
    "CREATE INDEX note_attempt ON note (attempt);"

    "CREATE TABLE audit (node TEXT NOT NULL, number BIGINT NOT NULL,"
    " at BIGINT NOT NULL, tenant BIGINT NOT NULL, actor TEXT NOT NULL,"
    " action TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL,"
    " hash TEXT NOT NULL, PRIMARY KEY (node, number));"
    "CREATE INDEX audit_at ON audit (tenant, at);"

    /* What a repeated request with the same key is answered. */
    "CREATE TABLE idempotency (key TEXT PRIMARY KEY, request TEXT NOT NULL,"
    " status BIGINT NOT NULL, answer TEXT NOT NULL, at BIGINT NOT NULL);"

    /* What the nodes' memory has to read again. The numbers come from
     * counter, whose row lock makes them visible in their order. */
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"
    "INSERT INTO counter (name, value) VALUES ('change', 0);"
    "CREATE TABLE change (number BIGINT PRIMARY KEY, kind TEXT NOT NULL,"
    " object BIGINT NOT NULL, at BIGINT NOT NULL);"

    /* Work that one node does for all. */
    "CREATE TABLE claim (name TEXT PRIMARY KEY, node TEXT NOT NULL,"
    " until BIGINT NOT NULL);";

/* LwM2M: who was registered where, written behind; address is how the node
 * reaches it (hex), location what its path ends in. module NULL: none of ours.
 * An attempt with a via is led by a node: push, pull; or by the module's host.
 * begun: when the module took something of it. */
static const char step_2[] =
    "CREATE TABLE lwm2m_registration (endpoint TEXT PRIMARY KEY,"
    " module BIGINT, node TEXT NOT NULL, listener TEXT NOT NULL,"
    " address TEXT NOT NULL, secure BIGINT NOT NULL, location TEXT NOT NULL,"
    " lifetime BIGINT NOT NULL, lwm2m TEXT NOT NULL, binding TEXT NOT NULL,"
    " links TEXT NOT NULL, version TEXT, heard BIGINT NOT NULL,"
    " expires BIGINT NOT NULL);"
    "CREATE INDEX lwm2m_registration_module ON lwm2m_registration (module);"
    "ALTER TABLE module ADD COLUMN endpoint TEXT;"
    "CREATE UNIQUE INDEX module_endpoint ON module (endpoint);"
    "ALTER TABLE attempt ADD COLUMN via TEXT;"
    "ALTER TABLE attempt ADD COLUMN begun BIGINT;"
    "CREATE INDEX attempt_via ON attempt (via) WHERE state = 'open' AND"
    " via IS NOT NULL;";

/* The page of people, and who else is told. */
static const char step_4[] =
    "CREATE TABLE session (hash TEXT PRIMARY KEY, person BIGINT NOT NULL"
    " REFERENCES person(id), created BIGINT NOT NULL,"
    " expires BIGINT NOT NULL);"
    "CREATE INDEX session_person ON session (person);"
    "CREATE INDEX session_expires ON session (expires);"

    /* What happened, for who listens: kept for a day. plan 0: none */
    "CREATE TABLE event (id {id}, tenant BIGINT NOT NULL, kind TEXT NOT NULL,"
    " plan BIGINT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL);"

    /* events: ",plan,attempt,"; secret: signs what is sent there. */
    "CREATE TABLE webhook (id {id}, tenant BIGINT NOT NULL,"
    " url TEXT NOT NULL, events TEXT NOT NULL, secret TEXT NOT NULL,"
    " active BIGINT NOT NULL, edition BIGINT NOT NULL,"
    " made_by TEXT NOT NULL, created BIGINT NOT NULL);"
    "CREATE INDEX webhook_tenant ON webhook (tenant);"

    /* state: waiting, done, failed. due: when it is tried next; after until
     * no more. */
    "CREATE TABLE delivery (id {id}, tenant BIGINT NOT NULL,"
    " webhook BIGINT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,"
    " state TEXT NOT NULL, tries BIGINT NOT NULL, due BIGINT NOT NULL,"
    " until BIGINT NOT NULL, claimed_by TEXT, claimed_until BIGINT NOT NULL,"
    " status BIGINT, why TEXT, created BIGINT NOT NULL, ended BIGINT);"
    "CREATE INDEX delivery_due ON delivery (webhook, due)"
    " WHERE state = 'waiting';"
    "CREATE INDEX delivery_webhook ON delivery (webhook, id);"

    "CREATE INDEX audit_object ON audit (object, at);"
    "CREATE INDEX attempt_granted ON attempt (tenant, granted, id);";

/* Plans that pace themselves, and what people say of one module of a plan:
 * kept_out 1: it gets nothing; allowed: so many attempts in all, at least;
 * forgiven: what closed until then does not keep it from another. pace_slot
 * is the period that paced and paced_bytes are of; again_at when a module may
 * try again; attempts of a module 0: as the plan says. */
static const char step_3[] =
    "ALTER TABLE plan ADD COLUMN pace_slot BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE plan ADD COLUMN paced BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE plan ADD COLUMN paced_bytes BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE module ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt ADD COLUMN again_at BIGINT NOT NULL DEFAULT 0;"
    "UPDATE attempt SET again_at = 4102444800000, cause = "
    "replace(cause, '!', '') WHERE cause LIKE '%!';"
    "CREATE TABLE plan_module (plan BIGINT NOT NULL REFERENCES plan(id),"
    " module BIGINT NOT NULL REFERENCES module(id), kept_out BIGINT NOT NULL,"
    " allowed BIGINT NOT NULL, forgiven BIGINT NOT NULL,"
    " PRIMARY KEY (plan, module));"
    "CREATE INDEX attempt_plan_stage ON attempt (plan, plan_stage, state);";

/* Where an audit log begins whose first entries were too old to keep; when a
 * package is tried again; rows by their age. */
static const char step_5[] =
    "CREATE TABLE audit_anchor (node TEXT PRIMARY KEY,"
    " number BIGINT NOT NULL, hash TEXT NOT NULL);"
    "ALTER TABLE package ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;"
    "CREATE INDEX idempotency_at ON idempotency (at);"
    "CREATE INDEX attempt_age ON attempt (closed, id);";

/* Contents, for nodes that share this database and no folder: base64, 256 KiB
 * a part. parts 0: it is being written, or taken out. */
static const char step_6[] =
    "CREATE TABLE content (sha256 TEXT PRIMARY KEY, size BIGINT NOT NULL,"
    " parts BIGINT NOT NULL, at BIGINT NOT NULL);"
    "CREATE INDEX content_at ON content (at, sha256);"
    "CREATE TABLE content_part (sha256 TEXT NOT NULL"
    " REFERENCES content(sha256), part BIGINT NOT NULL, data TEXT NOT NULL,"
    " PRIMARY KEY (sha256, part));"
    "CREATE INDEX firmware_sha256 ON firmware (sha256);"
    "CREATE INDEX package_sha256 ON package (sha256);";

const struct schema_step schema_steps[] = {{1, 1, step_1},
                                           {2, 1, step_2},
                                           {3, 1, step_3},
                                           {4, 1, step_4},
                                           {5, 1, step_5},
                                           {6, 1, step_6},
                                           {0}};
