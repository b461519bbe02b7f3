/* Faults for a process under test, from outside: loaded with LD_PRELOAD, it sits between the process and the C
 * library's file calls and follows the rules in a shared control file (tests/it/faults.rs writes it and says what
 * each field means). Without rules it only passes calls on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, SYNC, RENAME, UNLINK, TRUNCATE, MKDIR, READ };
enum { FAIL = 1, KILL, KILL_AFTER, TORN, DELAY };

struct rule {
    uint32_t call, act, arg, after, times;
    _Atomic uint32_t met;
    char path[104];
};
struct control {
    _Atomic uint32_t rules;
    uint32_t unused[31];
    struct rule rule[16];
};
static struct control *control;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) control = mapped;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* The rule that strikes this call; NULL for none. What follows a rule's turn passes. */
static struct rule *struck(uint32_t call, const char *path, const char *other) {
    uint32_t rules = control ? atomic_load(&control->rules) : 0;
    for (uint32_t i = 0; i < rules && i < 16; i++) {
        struct rule *rule = &control->rule[i];
        if (rule->call != call) continue;
        if (!strstr(path, rule->path) && !(other && strstr(other, rule->path))) continue;
        uint64_t turn = atomic_fetch_add(&rule->met, 1);
        if (turn >= rule->after && turn < (uint64_t)rule->after + rule->times) return rule;
    }
    return NULL;
}

static struct rule *struck_fd(uint32_t call, int fd) {
    if (!control || atomic_load(&control->rules) == 0) return NULL;
    char link[32], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return NULL;
    path[n] = 0;
    return struck(call, path, NULL);
}

/* Acts before the call. True where the call is not to be made, with errno set. */
static int stopped(const struct rule *rule) {
    if (!rule) return 0;
    if (rule->act == KILL) die();
    if (rule->act == DELAY) {
        struct timespec wait = {rule->arg / 1000, (long)(rule->arg % 1000) * 1000000};
        nanosleep(&wait, NULL);
    }
    if (rule->act == FAIL) errno = (int)rule->arg;
    return rule->act == FAIL;
}

static void after(const struct rule *rule) {
    if (rule && (rule->act == KILL_AFTER || rule->act == TORN)) die();
}

static size_t length(const struct rule *rule, size_t n) {
    return rule && rule->act == TORN ? n / 2 : n;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)
#define FINISH(call) \
    do { \
        int errno_before = 0; \
        __auto_type answer = (call); \
        errno_before = errno; \
        after(rule); \
        errno = errno_before; \
        return answer; \
    } while (0)

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        struct rule *rule = struck(OPEN, path, NULL); \
        if (stopped(rule)) return -1; \
        FINISH(real(path, flags, mode)); \
    }
OPENS(open)
OPENS(open64)

#define OPENATS(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(int, #name, int, const char *, int, ...); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        struct rule *rule = struck(OPEN, path, NULL); \
        if (stopped(rule)) return -1; \
        FINISH(real(folder, path, flags, mode)); \
    }
OPENATS(openat)
OPENATS(openat64)

ssize_t write(int fd, const void *bytes, size_t n) {
    REAL(ssize_t, "write", int, const void *, size_t);
    struct rule *rule = struck_fd(WRITE, fd);
    if (stopped(rule)) return -1;
    FINISH(real(fd, bytes, length(rule, n)));
}

#define PWRITES(name, offset_type) \
    ssize_t name(int fd, const void *bytes, size_t n, offset_type at) { \
        REAL(ssize_t, #name, int, const void *, size_t, offset_type); \
        struct rule *rule = struck_fd(WRITE, fd); \
        if (stopped(rule)) return -1; \
        FINISH(real(fd, bytes, length(rule, n), at)); \
    }
PWRITES(pwrite, off_t)
PWRITES(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int n) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    struct rule *rule = struck_fd(WRITE, fd);
    if (stopped(rule)) return -1;
    FINISH(real(fd, parts, rule && rule->act == TORN ? (n + 1) / 2 : n));
}

ssize_t read(int fd, void *into, size_t n) {
    REAL(ssize_t, "read", int, void *, size_t);
    struct rule *rule = struck_fd(READ, fd);
    if (stopped(rule)) return -1;
    FINISH(real(fd, into, n));
}

#define PREADS(name, offset_type) \
    ssize_t name(int fd, void *into, size_t n, offset_type at) { \
        REAL(ssize_t, #name, int, void *, size_t, offset_type); \
        struct rule *rule = struck_fd(READ, fd); \
        if (stopped(rule)) return -1; \
        FINISH(real(fd, into, n, at)); \
    }
PREADS(pread, off_t)
PREADS(pread64, off64_t)

#define ON_FD(name, what) \
    int name(int fd) { \
        REAL(int, #name, int); \
        struct rule *rule = struck_fd(what, fd); \
        if (stopped(rule)) return -1; \
        FINISH(real(fd)); \
    }
ON_FD(fsync, SYNC)
ON_FD(fdatasync, SYNC)

#define TRUNCATES(name, offset_type) \
    int name(int fd, offset_type to) { \
        REAL(int, #name, int, offset_type); \
        struct rule *rule = struck_fd(TRUNCATE, fd); \
        if (stopped(rule)) return -1; \
        FINISH(real(fd, to)); \
    }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    struct rule *rule = struck(RENAME, from, to);
    if (stopped(rule)) return -1;
    FINISH(real(from, to));
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    struct rule *rule = struck(UNLINK, path, NULL);
    if (stopped(rule)) return -1;
    FINISH(real(path));
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    struct rule *rule = struck(MKDIR, path, NULL);
    if (stopped(rule)) return -1;
    FINISH(real(path, mode));
}
