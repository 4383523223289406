#include "CWarrenZlib.h"
#include <limits.h>
#include <string.h>
#include <zlib.h>

// 15 is the largest window, and 16 more says gzip and not zlib's own format.
static const int gzipWindow = 15 + 16;

size_t cwarren_gzip_bound(size_t length) { return compressBound(length) + 32; }

size_t cwarren_gzip(const unsigned char *from, size_t length, unsigned char *to, size_t capacity) {
  if (length > UINT_MAX || capacity > UINT_MAX) return 0;
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
  stream.next_in = (unsigned char *)from;
  stream.avail_in = (unsigned)length;
  stream.next_out = to;
  stream.avail_out = (unsigned)capacity;
  int result = deflate(&stream, Z_FINISH);
  size_t written = stream.total_out;
  deflateEnd(&stream);
  return result == Z_STREAM_END ? written : 0;
}

long cwarren_gunzip(const unsigned char *from, size_t length, unsigned char *to, size_t capacity) {
  if (length > UINT_MAX || capacity > UINT_MAX) return CWARREN_GZIP_TOO_LARGE;
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (inflateInit2(&stream, gzipWindow) != Z_OK) return CWARREN_GZIP_BROKEN;
  stream.next_in = (unsigned char *)from;
  stream.avail_in = (unsigned)length;
  stream.next_out = to;
  stream.avail_out = (unsigned)capacity;
  int result = inflate(&stream, Z_FINISH);
  // A file may be several, one behind the other.
  while (result == Z_STREAM_END && stream.avail_in > 0 && inflateReset(&stream) == Z_OK) {
    result = inflate(&stream, Z_FINISH);
  }
  long written = (long)(capacity - stream.avail_out);
  int isFull = stream.avail_out == 0;
  inflateEnd(&stream);
  if (result == Z_STREAM_END) return written;
  return isFull && result != Z_DATA_ERROR ? CWARREN_GZIP_TOO_LARGE : CWARREN_GZIP_BROKEN;
}
