/* Preloaded into a process whose name servers do not answer: looking up a name takes thirty seconds, and then it is not known. */
#include <netdb.h>
#include <time.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  struct timespec long_time = {30, 0};
  (void)name, (void)service, (void)hints, (void)found;
  nanosleep(&long_time, 0);
  return EAI_AGAIN;
}
