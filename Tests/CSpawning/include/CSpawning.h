#ifndef CSPAWNING_H
#define CSPAWNING_H

#include <spawn.h>

// What glibc declares only for C programs that ask for it.

/// posix_spawn_file_actions_addclosefrom_np(3): the program gets no descriptor from `first` on.
int spawning_close_from(posix_spawn_file_actions_t *actions, int first);

/// pipe2(2) with O_CLOEXEC: no program that is started at the same moment gets its ends.
int spawning_pipe(int ends[2]);

#endif
