// rabbitmq-c, the AMQP client in C.
//
//   rabbitmq_c publish|consume|pair PORT QUEUE COUNT WARM WINDOW SIZE
//
// publish: persistent messages, each with a call of its own; waits for a confirm only while WINDOW of them are out.
// consume: prefetch WINDOW, one acknowledgement each; waits for an answer of the broker after the last.
// pair:    both at once, each in a process of its own: what a server lets through with nothing in between.
#include "measuring.h"
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static amqp_connection_state_t connection;
static amqp_bytes_t queue;
static long window;

static void fail(const char *what) {
  fprintf(stderr, "rabbitmq_c: %s failed\n", what);
  exit(1);
}

static void answered(const char *what) {
  if (amqp_get_rpc_reply(connection).reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

static void log_in(int port) {
  connection = amqp_new_connection();
  if (amqp_socket_open(amqp_tcp_socket_new(connection), "127.0.0.1", port)) fail("connecting");
  amqp_rpc_reply_t reply = amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("logging in");
  amqp_channel_open(connection, 1);
  answered("opening a channel");
}

// Which tags are confirmed: a later `multiple` must not count again what was confirmed alone.
static struct {
  char *confirmed;
  long last, below, out;
} tags;

static void confirm(long tag, int multiple) {
  for (long one = multiple ? tags.below : tag; one <= tag; one++) {
    if (!tags.confirmed[one]) tags.out--;
    tags.confirmed[one] = 1;
  }
  while (tags.below <= tags.last && tags.confirmed[tags.below]) tags.below++;
}

static void await_confirm(void) {
  amqp_frame_t frame;
  amqp_maybe_release_buffers(connection);
  if (amqp_simple_wait_frame(connection, &frame)) fail("waiting for a confirm");
  if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) fail("publishing");
  amqp_basic_ack_t *ack = frame.payload.method.decoded;
  confirm(ack->delivery_tag, ack->multiple);
}

static void publish(long count, amqp_bytes_t body) {
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
  for (long sent = 0; sent < count; sent++) {
    while (tags.out >= window) await_confirm();
    if (amqp_basic_publish(connection, 1, amqp_empty_bytes, queue, 0, 0, &properties, body)) fail("publishing");
    tags.last++;
    tags.out++;
  }
  while (tags.out) await_confirm();
}

static void consume(long count) {
  for (long seen = 0; seen < count; seen++) {
    amqp_envelope_t envelope;
    amqp_maybe_release_buffers(connection);
    if (amqp_consume_message(connection, &envelope, NULL, 0).reply_type != AMQP_RESPONSE_NORMAL) fail("consuming");
    if (amqp_basic_ack(connection, 1, envelope.delivery_tag, 0)) fail("acknowledging");
    amqp_destroy_envelope(&envelope);
  }
}

static void begin_consuming(void) {
  if (!amqp_basic_qos(connection, 1, 0, window, 0)) fail("setting the prefetch");
  if (!amqp_basic_consume(connection, 1, queue, amqp_empty_bytes, 0, 0, 0, amqp_empty_table)) fail("consuming");
}

// The broker handles a channel's methods in order, so its answer means that it has seen all acknowledgements.
static void settle_all(void) {
  if (!amqp_basic_qos(connection, 1, 0, window, 0)) fail("acknowledging");
}

static void leave(void) {
  linger();
  amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
}

static void begin_publishing(long total) {
  tags.confirmed = calloc(total + 2, 1);
  tags.below = 1;
  if (!amqp_confirm_select(connection, 1)) fail("selecting confirms");
}

static void pair(int port, long count, amqp_bytes_t body) {
  int progress[2];
  char byte;
  if (pipe(progress)) fail("opening a pipe");
  pid_t consumer = fork();
  log_in(port);
  if (!consumer) {
    begin_consuming();
    if (write(progress[1], "b", 1) != 1) fail("telling that it begins");
    consume(count);
    settle_all();
    if (write(progress[1], "e", 1) != 1) fail("telling that it has ended");
    leave();
    exit(0);
  }
  begin_publishing(count);
  if (read(progress[0], &byte, 1) != 1) fail("waiting for the consumer");
  struct usage begin = usage_now();
  publish(count, body);
  if (read(progress[0], &byte, 1) != 1) fail("waiting for the consumer");
  double end = monotonic_seconds();
  int status;
  if (waitpid(consumer, &status, 0) != consumer || status) fail("consuming");
  report_used(begin, (struct usage){end, usage_now().cpu}, count);
  leave();
}

int main(int argc, char **argv) {
  if (argc != 8) return fprintf(stderr, "rabbitmq_c publish|consume|pair PORT QUEUE COUNT WARM WINDOW SIZE\n"), 2;
  const char *mode = argv[1];
  int port = atoi(argv[2]);
  long count = atol(argv[4]), warm = atol(argv[5]);
  queue = amqp_cstring_bytes(argv[3]);
  window = atol(argv[6]);
  amqp_bytes_t body = amqp_bytes_malloc(atol(argv[7]));
  memset(body.bytes, 'x', body.len);

  if (!strcmp(mode, "pair")) return pair(port, count, body), 0;
  log_in(port);
  struct usage begin;
  if (!strcmp(mode, "publish")) {
    begin_publishing(count + warm);
    publish(warm, body);
    begin = usage_now();
    publish(count, body);
  } else {
    begin_consuming();
    consume(warm);
    begin = usage_now();
    consume(count);
    settle_all();
  }
  report(begin, count);
  leave();
  return 0;
}
