/*
 * Preloaded into a process whose disk is to fail: the calls that the file $HIVE_FAULTS names fail on the files that it names, the rest
 * go through. It holds "CALL SUFFIX ERROR ROOM": sync, read or write; how the name of the file ends; the errno, or 0 for a call that
 * does half of its work and no error; and how many bytes are still written before the error. Each failed call adds a byte to
 * $HIVE_FAULTS.count.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define NONE -1

static char current[256];
static long room;

/* The file is asked again at every call, so that a test can break and mend the disk between two of them. */
static int load(char *plan, size_t size) {
  const char *path = getenv("HIVE_FAULTS");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, plan, size - 1);
  close(file);
  plan[length > 0 ? length : 0] = '\0';
  return length > 0;
}

static void count(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s.count", getenv("HIVE_FAULTS"));
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (write(file, "x", 1) != 1) abort();
  close(file);
}

static int ends(const char *text, const char *suffix) {
  size_t length = strlen(text), tail = strlen(suffix);
  return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

/* The errno with which a call on a descriptor fails, 0 where it is cut short, NONE where it goes through. */
static int fault(const char *call, int descriptor) {
  char plan[sizeof current], wanted[16], suffix[64], link[64], name[4096];
  int error;
  long bytes;
  if (!load(plan, sizeof plan)) return NONE;
  if (sscanf(plan, "%15s %63s %d %ld", wanted, suffix, &error, &bytes) != 4 || strcmp(call, wanted) != 0) return NONE;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < 0) return NONE;
  name[length] = '\0';
  if (!ends(name, suffix)) return NONE;
  if (strcmp(plan, current) != 0) {
    strcpy(current, plan);
    room = bytes;
  }
  return error;
}

static int fail(int error) {
  count();
  errno = error;
  return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int synced(int (*real)(int), int descriptor) {
  int error = fault("sync", descriptor);
  return error == NONE ? real(descriptor) : fail(error);
}

int fsync(int descriptor) { return synced(REAL(fsync), descriptor); }

int fdatasync(int descriptor) { return synced(REAL(fdatasync), descriptor); }

ssize_t pread64(int descriptor, void *buffer, size_t size, off64_t at) {
  int error = fault("read", descriptor);
  return error == NONE ? REAL(pread64)(descriptor, buffer, size, at) : fail(error);
}

ssize_t pwrite64(int descriptor, const void *buffer, size_t size, off64_t at) {
  int error = fault("write", descriptor);
  size_t fits = size;
  if (error == 0 && size > 1) {
    count();
    fits = size / 2;
  } else if (error > 0) {
    if (room <= 0) return fail(error);
    if (fits > (size_t)room) fits = (size_t)room;
    room -= (long)fits;
  }
  return REAL(pwrite64)(descriptor, buffer, fits, at);
}
