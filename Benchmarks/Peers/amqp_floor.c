// The floor: no client at all. Frames are encoded once and written many at a time, answers are read in place. rabbitmq-c only
// logs in; then its socket is used directly.
//
//   amqp_floor publish|consume PORT QUEUE COUNT WARM WINDOW SIZE
#include "measuring.h"
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  connection_close = 0x000A0032,
  basic_qos = 0x003C000A,
  basic_qos_ok = 0x003C000B,
  basic_consume = 0x003C0014,
  basic_publish = 0x003C0028,
  basic_deliver = 0x003C003C,
  basic_ack = 0x003C0050,
  frame_end = 0xCE,
};

static int wire;

static void fail(const char *what) {
  fprintf(stderr, "amqp_floor: %s failed\n", what);
  exit(1);
}

// ---- writing

struct bytes {
  unsigned char *start, *end;
};
static void put8(struct bytes *to, unsigned value) { *to->end++ = value; }
static void put16(struct bytes *to, unsigned value) { put8(to, value >> 8), put8(to, value & 255); }
static void put32(struct bytes *to, unsigned value) { put16(to, value >> 16), put16(to, value & 65535); }
static void put_bytes(struct bytes *to, const void *from, size_t count) { memcpy(to->end, from, count), to->end += count; }

static unsigned char *open_frame(struct bytes *to, unsigned type) {
  put8(to, type), put16(to, 1), put32(to, 0);
  return to->end;
}
static void close_frame(struct bytes *to, unsigned char *payload) {
  uint32_t size = htonl(to->end - payload);
  memcpy(payload - 4, &size, 4);
  put8(to, frame_end);
}

static void put_message(struct bytes *to, const char *queue, size_t size) {
  unsigned char *payload = open_frame(to, 1);
  put32(to, basic_publish), put16(to, 0), put8(to, 0);
  put8(to, strlen(queue)), put_bytes(to, queue, strlen(queue)), put8(to, 0);
  close_frame(to, payload);
  payload = open_frame(to, 2);
  put16(to, 60), put16(to, 0), put32(to, 0), put32(to, size), put16(to, 0x1000), put8(to, 2);
  close_frame(to, payload);
  payload = open_frame(to, 3);
  memset(to->end, 'x', size), to->end += size;
  close_frame(to, payload);
}

static void put_ack(struct bytes *to, const unsigned char *tag) {
  unsigned char *payload = open_frame(to, 1);
  put32(to, basic_ack), put_bytes(to, tag, 8), put8(to, 0);
  close_frame(to, payload);
}

static void send_all(const unsigned char *from, size_t count) {
  while (count) {
    ssize_t sent = write(wire, from, count);
    if (sent < 0 && errno != EINTR) fail("writing");
    if (sent > 0) from += sent, count -= sent;
  }
}

// ---- reading

static unsigned char in[1 << 20];
static size_t in_start, in_end;

static void receive(void) {
  memmove(in, in + in_start, in_end - in_start);
  in_end -= in_start, in_start = 0;
  ssize_t got = read(wire, in + in_end, sizeof in - in_end);
  if (got <= 0) fail("reading");
  in_end += got;
}

static uint32_t get32(const unsigned char *from) {
  uint32_t value;
  memcpy(&value, from, 4);
  return ntohl(value);
}

// The next whole frame that has been read, or NULL.
static unsigned char *next_frame(void) {
  size_t left = in_end - in_start;
  if (left < 7 || left < 8 + (size_t)get32(in + in_start + 3)) return NULL;
  unsigned char *frame = in + in_start;
  in_start += 8 + get32(frame + 3);
  return frame;
}
static int is_method(const unsigned char *frame, unsigned method) { return frame[0] == 1 && get32(frame + 7) == method; }

// ---- the two cases

static struct bytes messages;
static size_t message_size;
static char *confirmed;
static long last, below = 1;

static void publish(long count, long window) {
  long out = 0;
  while (count || out) {
    long now = window - out < count ? window - out : count;
    if (now) send_all(messages.start, now * message_size);
    count -= now, out += now, last += now;
    receive();
    for (unsigned char *frame; (frame = next_frame());) {
      if (!is_method(frame, basic_ack)) continue;
      long tag = get32(frame + 15);
      for (long one = frame[19] & 1 ? below : tag; one <= tag; one++) {
        if (!confirmed[one]) out--;
        confirmed[one] = 1;
      }
      while (below <= last && confirmed[below]) below++;
    }
  }
}

static void consume(long count) {
  static struct bytes acks;
  if (!acks.start) acks.start = malloc(sizeof in);
  while (count) {
    receive();
    acks.end = acks.start;
    for (unsigned char *frame; count && (frame = next_frame());) {
      if (!is_method(frame, basic_deliver)) continue;
      put_ack(&acks, frame + 12 + frame[11]);
      count--;
    }
    send_all(acks.start, acks.end - acks.start);
  }
}

// The broker handles a channel's methods in order: its answer to basic.qos means that it has seen all acknowledgements.
static void settle_all(void) {
  unsigned char start[32];
  struct bytes request = {start, start};
  unsigned char *payload = open_frame(&request, 1);
  put32(&request, basic_qos), put32(&request, 0), put16(&request, 1), put8(&request, 0);
  close_frame(&request, payload);
  send_all(request.start, request.end - request.start);
  for (;;) {
    for (unsigned char *frame; (frame = next_frame());) {
      if (is_method(frame, basic_qos_ok)) return;
    }
    receive();
  }
}

static void leave(void) {
  linger();
  unsigned char start[32];
  struct bytes request = {start, start};
  unsigned char *payload = open_frame(&request, 1);
  start[2] = 0; // the connection's own channel
  put32(&request, connection_close), put16(&request, 200), put8(&request, 0), put32(&request, 0);
  close_frame(&request, payload);
  send_all(request.start, request.end - request.start);
  while (read(wire, in, sizeof in) > 0) {}
}

int main(int argc, char **argv) {
  if (argc != 8) return fprintf(stderr, "amqp_floor publish|consume PORT QUEUE COUNT WARM WINDOW SIZE\n"), 2;
  const char *queue = argv[3];
  long count = atol(argv[4]), warm = atol(argv[5]), window = atol(argv[6]);
  size_t size = atol(argv[7]);
  amqp_connection_state_t connection = amqp_new_connection();
  if (amqp_socket_open(amqp_tcp_socket_new(connection), "127.0.0.1", atoi(argv[2]))) fail("connecting");
  amqp_rpc_reply_t reply = amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
  if (reply.reply_type != AMQP_RESPONSE_NORMAL || !amqp_channel_open(connection, 1)) fail("logging in");
  wire = amqp_get_sockfd(connection);

  struct usage begin;
  if (!strcmp(argv[1], "publish")) {
    if (!amqp_confirm_select(connection, 1)) fail("selecting confirms");
    messages.start = messages.end = malloc(window * (size + 300));
    for (long one = 0; one < window; one++) put_message(&messages, queue, size);
    message_size = (messages.end - messages.start) / window;
    confirmed = calloc(count + warm + 2, 1);
    fcntl(wire, F_SETFL, fcntl(wire, F_GETFL) & ~O_NONBLOCK);
    publish(warm, window);
    begin = usage_now();
    publish(count, window);
  } else {
    if (!amqp_basic_qos(connection, 1, 0, window, 0)) fail("setting the prefetch");
    fcntl(wire, F_SETFL, fcntl(wire, F_GETFL) & ~O_NONBLOCK);
    // basic.consume without an answer, or rabbitmq-c would read the first deliveries.
    unsigned char start[400];
    struct bytes request = {start, start};
    unsigned char *payload = open_frame(&request, 1);
    put32(&request, basic_consume), put16(&request, 0);
    put8(&request, strlen(queue)), put_bytes(&request, queue, strlen(queue));
    put8(&request, 0), put8(&request, 8), put32(&request, 0);
    close_frame(&request, payload);
    send_all(request.start, request.end - request.start);
    consume(warm);
    begin = usage_now();
    consume(count);
    settle_all();
  }
  report(begin, count);
  leave();
  return 0;
}
