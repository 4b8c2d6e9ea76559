/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/ctl.h"
#include "os/buffer.h"

enum { ANSWER_MAX = 64 << 20, TIME_OUT_S = 120 };

static size_t take_body(char *data, size_t one, size_t n, void *ctx)
{
    return buffer_add(ctx, data, one * n) == 0 ? n : 0;
}

static size_t take_header(char *line, size_t one, size_t n, void *ctx)
{
    struct ctl_answer *answer = ctx;
    char etag[48] = "";

    if (strncasecmp(line, "Content-Type: image/", 20) == 0)
        answer->is_text = true;
    if (n < sizeof etag && strncasecmp(line, "ETag: ", 6) == 0) {
        snprintf(etag, sizeof etag, "%.*s", (int)(n - 6), line + 6);
        etag[strcspn(etag, "\r\n")] = '\0';
        memcpy(answer->etag, etag, sizeof etag);
    }
    return one * n;
}

static void set_target(CURL *curl, const struct ctl_server *server,
                       const char *path, char *url, size_t room)
{
    char socket_path[1100];

    snprintf(url, room, "%s/api/v1/%s",
             server->url ? server->url : "http://localhost", path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (!server->url) {
        snprintf(socket_path, sizeof socket_path, "%s/ctl.sock",
                 server->folder);
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    }
    if (server->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
}

static struct curl_slist *headers_of(const struct ctl_server *server,
                                     const struct ctl_content *content)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    char line[320];

    if (server->token) {
        snprintf(line, sizeof line, "Authorization: Bearer %.256s",
                 server->token);
        list = curl_slist_append(list, line);
    }
    if (content->type) {
        snprintf(line, sizeof line, "Content-Type: %.64s", content->type);
        list = curl_slist_append(list, line);
    }
    if (content->if_match) {
        snprintf(line, sizeof line, "If-Match: %.64s", content->if_match);
        list = curl_slist_append(list, line);
    }
    return list;
}

static int judge(const struct ctl_server *server, CURLcode code,
                 const struct buffer *body, struct ctl_answer *answer)
{
    const char *detail;

    if (code != CURLE_OK)
        return ctl_say(CTL_FAILED, "%s%s: %s; is dfotad running?",
                       server->url ? server->url : server->folder,
                       server->url ? "" : "/ctl.sock",
                       curl_easy_strerror(code));
    if (answer->is_text)
        answer->json = json_stringn(body->data, body->len);
    else
        answer->json = json_loadb(body->data, body->len, JSON_DECODE_ANY, NULL);
    if (answer->status < 300 && answer->json)
        return CTL_DONE;
    detail = json_string_value(json_object_get(answer->json, "detail"));
    return ctl_say(CTL_FAILED, "%s (%ld)",
                   detail ? detail : "the server does not answer in JSON",
                   answer->status);
}

static CURLcode transfer(CURL *curl, const struct ctl_server *server,
                         const char *method, const char *path,
                         const struct ctl_content *content, struct buffer *body,
                         struct ctl_answer *answer)
{
    static const struct ctl_content none;
    struct curl_slist *headers = headers_of(server, content ? content : &none);
    char *url = malloc(strlen(path) + 1200);
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (url && headers) {
        set_target(curl, server, path, url, strlen(path) + 1200);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIME_OUT_S);
        if (content && content->type) {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                             (curl_off_t)content->len);
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, content->data);
        }
        code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    }
    curl_slist_free_all(headers);
    free(url);
    return code;
}

int ctl_call(const struct ctl_server *server, const char *method,
             const char *path, const struct ctl_content *content,
             struct ctl_answer *answer)
{
    CURL *curl = curl_easy_init();
    struct buffer body;
    CURLcode code = CURLE_FAILED_INIT;
    int status;

    *answer = (struct ctl_answer){0};
    buffer_init(&body, ANSWER_MAX);
    if (curl)
        code = transfer(curl, server, method, path, content, &body, answer);
    status = judge(server, code, &body, answer);
    if (status)
        ctl_answer_release(answer);
    buffer_release(&body);
    curl_easy_cleanup(curl);
    return status;
}

void ctl_answer_release(struct ctl_answer *answer)
{
    json_decref(answer->json);
    answer->json = NULL;
}

char *ctl_escape(const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, (int)strlen(text));
    char *copy = escaped ? strdup(escaped) : NULL;

    curl_free(escaped);
    return copy;
}
