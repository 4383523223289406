// What all peers in C report: one line of JSON with time, processor time and memory of the measured part.
#pragma once
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

struct usage {
  double wall, cpu;
};

static inline double monotonic_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static inline double cpu_seconds(int who) {
  struct rusage usage;
  getrusage(who, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Children count once they have been waited for.
static inline struct usage usage_now(void) {
  return (struct usage){monotonic_seconds(), cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN)};
}

static inline void report_used(struct usage since, struct usage now, long count) {
  double secs = now.wall - since.wall, cpu = now.cpu - since.cpu;
  printf("{\"n\":%ld,\"secs\":%.6f,\"per_s\":%.1f,\"cpu_s_per_100k\":%.4f}\n", count, secs, count / secs,
         cpu * 100000 / count);
}

static inline void report(struct usage since, long count) { report_used(since, usage_now(), count); }

// A quorum queue of RabbitMQ 3.10 may forget acknowledgements whose channel closes right after them, in good order and
// answered as it may be: a channel that has sent many keeps the latest back. So who consumed lingers, unmeasured.
static inline void linger(void) { nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); }
