#ifndef CZLIB_H
#define CZLIB_H

#include <stddef.h>

/// How many bytes gzip makes of `length` bytes at most.
size_t czlib_bound(size_t length);

/// Packs as gzip. Returns the number of bytes written, or 0 when it does not fit or memory is short.
size_t czlib_gzip(const unsigned char *from, size_t length, unsigned char *to, size_t capacity);

enum { CZLIB_BROKEN = -1, CZLIB_TOO_LARGE = -2 };

/// Unpacks one gzip stream that takes all of `from`. Returns the number of bytes written, or one of the errors above.
long czlib_gunzip(const unsigned char *from, size_t length, unsigned char *to, size_t capacity);

#endif
