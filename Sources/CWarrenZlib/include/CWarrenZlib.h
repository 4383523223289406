#ifndef CWARREN_ZLIB_H
#define CWARREN_ZLIB_H

#include <stddef.h>

/// How many bytes gzip makes of `length` bytes at most.
size_t cwarren_gzip_bound(size_t length);

/// Packs as gzip. Returns the number of bytes written, or 0 when it does not fit or memory is short.
size_t cwarren_gzip(const unsigned char *from, size_t length, unsigned char *to, size_t capacity);

enum { CWARREN_GZIP_BROKEN = -1, CWARREN_GZIP_TOO_LARGE = -2 };

/// Unpacks the gzip members that `from` consists of. Returns the number of bytes written, or one of the errors above.
long cwarren_gunzip(const unsigned char *from, size_t length, unsigned char *to, size_t capacity);

#endif
