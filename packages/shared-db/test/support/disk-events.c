/*
 * Preloaded into a process to learn what it does to a disk, and in which order: what is written, made, linked, renamed and removed below
 * the directory $HIVE_DISK_ROOT, when each sync begins and ends, and what is written to the file $HIVE_DISK_MARKS, which is not below it
 * and by which the process says what it has told its callers. Everything goes to $HIVE_DISK_LOG, as records of disk-events.ts.
 *
 * A change is noted after it was made and before its caller goes on, a sync before it begins and after it has ended: so whatever is noted
 * before the beginning of a sync was made before it. Syncs are not passed on to the system; each takes $HIVE_SYNC_US microseconds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

struct record {
  uint32_t kind, name_length, data_length, sync;
  uint64_t inode, at;
};

/* The name of a file below the directory that is watched; that one itself is ".". */
static const char *below_root(const char *path) {
  size_t length = strlen(getenv("HIVE_DISK_ROOT"));
  return path[length] == '\0' ? "." : path + length + 1;
}

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static int record_file = -1;
static uint32_t syncs;

/* One write, so that the records of several processes do not mix. */
static void note(char kind, uint64_t inode, uint64_t at, uint32_t sync, const char *path, const void *data, size_t size) {
  int told = errno;
  const char *name = path == NULL ? NULL : below_root(path);
  struct record head = {(uint32_t)kind, name == NULL ? 0 : (uint32_t)strlen(name), (uint32_t)size, sync, inode, at};
  pthread_mutex_lock(&one_at_a_time);
  if (record_file < 0)
    record_file = (int)syscall(SYS_openat, AT_FDCWD, getenv("HIVE_DISK_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct iovec parts[3] = {{&head, sizeof head}, {(void *)name, head.name_length}, {(void *)data, size}};
  ssize_t length = (ssize_t)(sizeof head + head.name_length + size);
  if (record_file < 0 || syscall(SYS_writev, record_file, parts, 3) != length) abort();
  pthread_mutex_unlock(&one_at_a_time);
  errno = told;
}

/* Whether a file is below the directory that is watched, and its absolute name. */
static int is_watched(const char *name) {
  const char *root = getenv("HIVE_DISK_ROOT");
  size_t length = root == NULL ? 0 : strlen(root);
  return length > 0 && strncmp(name, root, length) == 0 && (name[length] == '/' || name[length] == '\0');
}

static int name_of(int descriptor, char *name, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, name, size - 1);
  if (length < 0) return 0;
  name[length] = '\0';
  return 1;
}

static uint64_t inode_of(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 ? status.st_ino : 0;
}

/* What was written to a descriptor, if anybody wants to know. */
static void wrote(int descriptor, const void *data, ssize_t size, off64_t at) {
  char name[4096];
  const char *marks = getenv("HIVE_DISK_MARKS");
  int told = errno;
  if (size > 0 && name_of(descriptor, name, sizeof name)) {
    if (marks != NULL && strcmp(name, marks) == 0) note('m', 0, 0, 0, NULL, data, (size_t)size);
    else if (is_watched(name)) {
      if (at < 0) at = lseek64(descriptor, 0, SEEK_CUR) - size;
      note('w', inode_of(descriptor), (uint64_t)at, 0, NULL, data, (size_t)size);
    }
  }
  errno = told;
}

ssize_t write(int descriptor, const void *data, size_t size) {
  ssize_t written = REAL(write)(descriptor, data, size);
  wrote(descriptor, data, written, -1);
  return written;
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t at) {
  ssize_t written = REAL(pwrite)(descriptor, data, size, at);
  wrote(descriptor, data, written, at);
  return written;
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t at) {
  ssize_t written = REAL(pwrite64)(descriptor, data, size, at);
  wrote(descriptor, data, written, at);
  return written;
}

static void cut(int descriptor, off64_t size, int result) {
  char name[4096];
  if (result == 0 && name_of(descriptor, name, sizeof name) && is_watched(name))
    note('t', inode_of(descriptor), (uint64_t)size, 0, NULL, NULL, 0);
}

int ftruncate(int descriptor, off_t size) {
  int result = REAL(ftruncate)(descriptor, size);
  cut(descriptor, size, result);
  return result;
}

int ftruncate64(int descriptor, off64_t size) {
  int result = REAL(ftruncate64)(descriptor, size);
  cut(descriptor, size, result);
  return result;
}

/* Directories are synced under their names, files under their numbers. */
static int synced(int descriptor, int (*real)(int)) {
  char name[4096];
  const char *microseconds = getenv("HIVE_SYNC_US");
  struct stat status;
  if (!name_of(descriptor, name, sizeof name) || !is_watched(name) || fstat(descriptor, &status) != 0)
    return real(descriptor);
  const char *directory = S_ISDIR(status.st_mode) ? name : NULL;
  uint32_t sync = __atomic_add_fetch(&syncs, 1, __ATOMIC_RELAXED) << 8 | ((uint32_t)getpid() & 0xff);
  note('b', status.st_ino, 0, sync, directory, NULL, 0);
  if (microseconds != NULL) usleep((useconds_t)atoi(microseconds));
  note('e', status.st_ino, 0, sync, directory, NULL, 0);
  return 0;
}

int fsync(int descriptor) { return synced(descriptor, REAL(fsync)); }

int fdatasync(int descriptor) { return synced(descriptor, REAL(fdatasync)); }

/* The absolute name of a path. */
static const char *absolute(const char *path, char *name, size_t size) {
  if (path[0] == '/') return path;
  if (getcwd(name, size) == NULL) return path;
  size_t length = strlen(name);
  snprintf(name + length, size - length, "/%s", path);
  return name;
}

static int exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

static int opened(int directory, const char *path, int flags, mode_t mode) {
  char name[8192];
  const char *whole = absolute(path, name, sizeof name);
  int makes = (flags & O_CREAT) != 0 && is_watched(whole) && !exists(whole);
  int descriptor = (int)syscall(SYS_openat, directory, path, flags | O_LARGEFILE, mode);
  if (makes && descriptor >= 0) note('c', inode_of(descriptor), 0, 0, whole, NULL, 0);
  return descriptor;
}

#define OPENS(name)                                                                                   \
  int name(const char *path, int flags, ...) {                                                        \
    va_list rest;                                                                                     \
    va_start(rest, flags);                                                                            \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(rest, int) : 0;               \
    va_end(rest);                                                                                     \
    return opened(AT_FDCWD, path, flags, mode);                                                       \
  }

OPENS(open)
OPENS(open64)

int mkdir(const char *path, mode_t mode) {
  char name[8192];
  int result = REAL(mkdir)(path, mode);
  const char *whole = absolute(path, name, sizeof name);
  if (result == 0 && is_watched(whole)) note('d', 0, 0, 0, whole, NULL, 0);
  return result;
}

int link(const char *from, const char *to) {
  char name[8192];
  struct stat status;
  int result = REAL(link)(from, to);
  const char *whole = absolute(to, name, sizeof name);
  if (result == 0 && is_watched(whole) && lstat(whole, &status) == 0) note('l', status.st_ino, 0, 0, whole, NULL, 0);
  return result;
}

static int removed(const char *path, int result) {
  char name[8192];
  const char *whole = absolute(path, name, sizeof name);
  if (result == 0 && is_watched(whole)) note('u', 0, 0, 0, whole, NULL, 0);
  return result;
}

int unlink(const char *path) { return removed(path, REAL(unlink)(path)); }

int remove(const char *path) { return removed(path, REAL(remove)(path)); }

int unlinkat(int directory, const char *path, int flags) {
  return removed(path, REAL(unlinkat)(directory, path, flags));
}

int rename(const char *from, const char *to) {
  char from_name[8192], to_name[8192];
  struct stat status;
  int result = REAL(rename)(from, to);
  const char *whole = absolute(to, to_name, sizeof to_name);
  if (result == 0 && is_watched(whole) && lstat(whole, &status) == 0) {
    note('l', status.st_ino, 0, 0, whole, NULL, 0);
    note('u', 0, 0, 0, absolute(from, from_name, sizeof from_name), NULL, 0);
  }
  return result;
}
