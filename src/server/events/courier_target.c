/* SPDX-License-Identifier: Apache-2.0 */
#include "server/events/courier_target.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool is_local_v4(uint32_t a)
{
    return a >> 24 == 0 || a >> 24 == 127 || a >> 16 == 0xa9fe ||
           a >> 28 >= 0xe;
}

static uint32_t v4_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool is_local_v6(const struct in6_addr *address)
{
    static const uint8_t zero[12], mapped[12] = {[10] = 0xff, [11] = 0xff},
                                   nat64[12] = {0, 0x64, 0xff, 0x9b};
    const uint8_t *a = address->s6_addr;

    if (memcmp(a, zero, 12) == 0 || memcmp(a, mapped, 12) == 0 ||
        memcmp(a, nat64, 12) == 0)
        return is_local_v4(v4_at(a + 12));
    if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
        return is_local_v4(v4_at(a + 2));
    return a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

bool target_is_local(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        return is_local_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        return is_local_v6(&v6.sin6_addr);
    }
    return true;
}

static bool same_host(const struct sockaddr *a, const struct sockaddr *b)
{
    size_t at = offsetof(struct sockaddr_in, sin_addr);
    size_t len = sizeof(struct in_addr);

    if (a->sa_family == AF_INET6) {
        at = offsetof(struct sockaddr_in6, sin6_addr);
        len = sizeof(struct in6_addr);
    }
    return memcmp((const char *)a + at, (const char *)b + at, len) == 0;
}

/* A packet to oneself goes out from where it goes to. Nothing is sent. */
static bool is_own(const struct sockaddr *address, socklen_t len)
{
    struct sockaddr_storage from = {0};
    socklen_t room = sizeof from;
    int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool own = fd >= 0 && connect(fd, address, len) == 0 &&
               getsockname(fd, (struct sockaddr *)&from, &room) == 0 &&
               same_host(address, (const struct sockaddr *)&from);

    if (fd >= 0)
        close(fd);
    return own;
}

bool target_is_here(const struct sockaddr *address, socklen_t len)
{
    return target_is_local(address) || is_own(address, len);
}

static bool looks_local(const char *host)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    char text[INET6_ADDRSTRLEN + 2];
    size_t len = strlen(host);

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (host[0] == '[' && len > 2 && len - 2 < sizeof text) {
        memcpy(text, host + 1, len - 2);
        text[len - 2] = '\0';
        text[strcspn(text, "%")] = '\0';
        return inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 &&
               target_is_here((const struct sockaddr *)&v6, sizeof v6);
    }
    return inet_pton(AF_INET, host, &v4.sin_addr) == 1 &&
           target_is_here((const struct sockaddr *)&v4, sizeof v4);
}

static const char *judge(CURLU *parts, const char *url, bool local)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    const char *why = NULL;

    if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        why = "an address such as https://host/path is wanted";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        why = "http and https only";
    else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK)
        why = "no user or password in it; the signature tells who sends";
    else if (!local && looks_local(host))
        why = "it leads to this machine or its link; webhooks_local: true in "
              "the configuration allows that";
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return why;
}

bool target_is_fine(const char *url, bool local, const char **why)
{
    CURLU *parts = curl_url();

    *why = parts ? judge(parts, url, local) : "no memory";
    curl_url_cleanup(parts);
    return *why == NULL;
}
