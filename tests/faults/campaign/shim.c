/* Preloaded into the processes of a sweep: sets their clock off, and kills a controller amid a commit.

   CAMPAIGN_CLOCK   a file of 8 bytes, nanoseconds that are added to the time of day while the file lives
   CAMPAIGN_DIE_AT  "<n>": die at the n-th write or sync of the write-ahead log, by SIGKILL; before it, amid
                    it (half of a write is done) or behind it, by n % 3. Children do not inherit this one.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset_ns;
static long die_at, touched;

__attribute__((constructor)) static void begin(void) {
    const char *clock = getenv("CAMPAIGN_CLOCK"), *die = getenv("CAMPAIGN_DIE_AT");
    int fd = clock ? open(clock, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *page = mmap(NULL, sizeof *offset_ns, PROT_READ, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) offset_ns = page;
        close(fd);
    }
    if (die) {
        die_at = atol(die);
        unsetenv("CAMPAIGN_DIE_AT");
    }
}

int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(id, at);
    if (code == 0 && offset_ns && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t ns = at->tv_sec * 1000000000LL + at->tv_nsec + *offset_ns;
        at->tv_sec = ns / 1000000000LL;
        at->tv_nsec = ns % 1000000000LL;
    }
    return code;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

static int is_wal(int fd) {
    static const char wal[] = "/sweep.db-wal";
    char link[32] = "/proc/self/fd/", path[4096], digits[12];
    int n = 0;
    if (fd < 0) return 0;
    do digits[n++] = '0' + fd % 10; while ((fd /= 10));
    for (int i = 0; i < n; i++) link[14 + i] = digits[n - 1 - i];
    ssize_t length = readlink(link, path, sizeof path);
    size_t tail = sizeof wal - 1;
    return length >= (ssize_t)tail && !memcmp(path + length - tail, wal, tail);
}

/* Whether to die, and how: 0 not now, 1 before, 2 amid, 3 behind. */
static int fate(int fd) {
    if (!die_at || !is_wal(fd) || ++touched != die_at) return 0;
    return 1 + die_at % 3;
}

static void die(void) { kill(getpid(), SIGKILL); }

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
    int how = fate(fd);
    if (how == 1) die();
    if (how == 2) {
        real(fd, bytes, size / 2, at);
        die();
    }
    ssize_t written = real(fd, bytes, size, at);
    if (how == 3) die();
    return written;
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    int how = fate(fd);
    if (how == 1) die();
    int code = real(fd);
    if (how) die();
    return code;
}
