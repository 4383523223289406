#ifndef CCURL_H
#define CCURL_H

#include <curl/curl.h>

// curl_easy_setopt() takes any type after its option, which Swift cannot call: here each type has a function of its own.

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value);
CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);

/// Fills `buffer` with at most `capacity` bytes of what is to be sent and returns how many; 0 is the end.
typedef size_t (*ccurl_read)(char *buffer, size_t size, size_t count, void *context);
CURLcode ccurl_set_read(CURL *handle, ccurl_read read, void *context);

/// Is called with each line of the conversation. `kind` is a curl_infotype.
typedef int (*ccurl_debug)(CURL *handle, curl_infotype kind, char *text, size_t length, void *context);
CURLcode ccurl_set_debug(CURL *handle, ccurl_debug debug, void *context);

/// Is called about once a second; anything but 0 ends the transfer.
typedef int (*ccurl_progress)(void *context, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
CURLcode ccurl_set_progress(CURL *handle, ccurl_progress progress, void *context);

CURLcode ccurl_set_upload_size(CURL *handle, long long size);
CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value);

#endif
