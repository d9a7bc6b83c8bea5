/* Preloaded into a process for which every file is to lie on NFS: no test can mount one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/statfs.h>

#define NFS_SUPER_MAGIC 0x6969
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int statfs(const char *path, struct statfs *found) {
  int outcome = REAL(statfs)(path, found);
  found->f_type = NFS_SUPER_MAGIC;
  return outcome;
}

int statfs64(const char *path, struct statfs64 *found) {
  int outcome = REAL(statfs64)(path, found);
  found->f_type = NFS_SUPER_MAGIC;
  return outcome;
}
