#define _GNU_SOURCE
#include "CSpawning.h"

#include <fcntl.h>
#include <unistd.h>

#ifdef __linux__

int spawning_close_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int spawning_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

#else

// The flag POSIX_SPAWN_CLOEXEC_DEFAULT does it there.
int spawning_close_from(posix_spawn_file_actions_t *actions, int first) { return 0; }

int spawning_pipe(int ends[2]) {
  int result = pipe(ends);
  if (result == 0) {
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  }
  return result;
}

#endif
