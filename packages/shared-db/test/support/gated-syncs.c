/*
 * Preloaded into a process whose disk takes as long as a test wants: while the FIFO $HIVE_GATE exists, each sync of a log that is made
 * beside the main thread adds a byte to $HIVE_GATE.begun, waits for a byte of the FIFO, and goes through for "g" or fails with EIO for
 * "f".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_log(int descriptor) {
  char link[64], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < 4) return 0;
  name[length] = '\0';
  return strcmp(name + length - 4, "-wal") == 0 || strstr(name, "-wal (deleted)") != NULL;
}

static void count(const char *gate) {
  char path[4096];
  snprintf(path, sizeof path, "%s.begun", gate);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || write(file, "x", 1) != 1) abort();
  close(file);
}

static int synced(int descriptor, int (*real)(int)) {
  const char *gate = getenv("HIVE_GATE");
  int fifo = gate == NULL || gettid() == getpid() || !is_log(descriptor) ? -1 : open(gate, O_RDWR | O_CLOEXEC);
  if (fifo < 0) return real(descriptor);
  char word = 'g';
  count(gate);
  while (read(fifo, &word, 1) < 0 && errno == EINTR) continue;
  close(fifo);
  if (word == 'g') return real(descriptor);
  errno = EIO;
  return -1;
}

int fsync(int descriptor) { return synced(descriptor, REAL(fsync)); }

int fdatasync(int descriptor) { return synced(descriptor, REAL(fdatasync)); }
