/*
 * Preloaded into a process to learn who opens what in it. Each file that is opened is a line of $HIVE_OPENED: the process, the
 * program or library that opened it, the file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLER __builtin_extract_return_addr(__builtin_return_address(0))

static void note(int descriptor, void *caller) {
  const char *log = getenv("HIVE_OPENED");
  int told = errno;
  char link[64], name[4096], line[9000];
  Dl_info opener;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = log == NULL || descriptor < 0 ? -1 : readlink(link, name, sizeof name - 1);
  /* Without the calls below, which would come back here. */
  int file = length < 0 ? -1 : (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file >= 0) {
    name[length] = '\0';
    const char *by = dladdr(caller, &opener) != 0 ? opener.dli_fname : "?";
    int size = snprintf(line, sizeof line, "%d\t%s\t%s\n", (int)getpid(), by, name);
    if (write(file, line, (size_t)size) != size) abort();
    close(file);
  }
  errno = told;
}

static mode_t mode_of(int flags, va_list rest) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(rest, int) : 0;
}

#define OPENS(name)                                                                                \
  int name(const char *path, int flags, ...) {                                                     \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    int opened = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode_of(flags, rest)); \
    va_end(rest);                                                                                  \
    note(opened, CALLER);                                                                          \
    return opened;                                                                                 \
  }

#define OPENS_AT(name)                                                                             \
  int name(int directory, const char *path, int flags, ...) {                                      \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    int opened = (int)syscall(SYS_openat, directory, path, flags | O_LARGEFILE, mode_of(flags, rest)); \
    va_end(rest);                                                                                  \
    note(opened, CALLER);                                                                          \
    return opened;                                                                                 \
  }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

#define OPENS_STREAM(name)                                                                         \
  FILE *name(const char *path, const char *how) {                                                  \
    FILE *opened = ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(path, how);                        \
    note(opened == NULL ? -1 : fileno(opened), CALLER);                                            \
    return opened;                                                                                 \
  }

OPENS_STREAM(fopen)
OPENS_STREAM(fopen64)
