/* What a disk holds after a power loss, kept beside a process under test: loaded with LD_PRELOAD, it writes down at
 * each successful sync what that sync made durable, in the folder POWER_MIRROR, for the tree POWER_ROOT
 * (tests/it/crash/power.rs puts the tree back to it). A file's bytes are durable as of its own last sync; a name is
 * durable once its folder, or the file under that name, was synced; a name that went is gone once its folder was. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *mirror, *root;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
    mirror = getenv("POWER_MIRROR");
    root = getenv("POWER_ROOT");
}

/* Inode and time of birth: numbers of inodes are used again. */
static int key_of(int fd, char *key, size_t n, unsigned *mode) {
    struct statx found;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_INO | STATX_TYPE, &found)) return -1;
    *mode = found.stx_mode;
    snprintf(key, n, "%llu-%lld-%u", (unsigned long long)found.stx_ino, (long long)found.stx_btime.tv_sec,
             found.stx_btime.tv_nsec);
    return 0;
}

static unsigned long long now(void) {
    struct timespec at;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &at);
    return (unsigned long long)at.tv_sec * 1000000000ull + (unsigned long long)at.tv_nsec;
}

static int made(const char *name, const char *suffix) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s%s.part", mirror, name, suffix);
    return open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
}

static void finish(int fd, const char *name, const char *suffix, int keep) {
    char part[512], path[512];
    snprintf(part, sizeof part, "%s/%s%s.part", mirror, name, suffix);
    snprintf(path, sizeof path, "%s/%s%s", mirror, name, suffix);
    close(fd);
    if (keep) syscall(SYS_rename, part, path);
}

static void list(int fd, int into) {
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        char key[80];
        unsigned mode;
        int it = openat(fd, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (it >= 0 && !key_of(it, key, sizeof key, &mode)) dprintf(into, "%s %c %s\n", key, S_ISDIR(mode) ? 'd' : 'f', entry->d_name);
        if (it >= 0) close(it);
    }
    if (folder) closedir(folder);
}

static void copy(int fd, int into) {
    char path[64], bytes[65536];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0) return;
    for (ssize_t n; (n = syscall(SYS_read, again, bytes, sizeof bytes)) > 0;)
        if (syscall(SYS_write, into, bytes, n) != n) break;
    close(again);
}

/* The bytes as they are before the sync are what it makes durable. */
static int synced(int fd, int (*real)(int)) {
    char link[64], path[512], key[80];
    unsigned mode;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = mirror && root ? readlink(link, path, sizeof path - 1) : -1;
    if (n >= 0) path[n] = 0;
    if (n < 0 || strncmp(path, root, strlen(root)) || key_of(fd, key, sizeof key, &mode)) return real(fd);
    pthread_mutex_lock(&one);
    int is_folder = S_ISDIR(mode), into = made(key, is_folder ? ".folder" : ".file"), named = made(key, ".at");
    is_folder ? list(fd, into) : copy(fd, into);
    dprintf(named, "%llu %s\n", now(), path);
    int failed = real(fd);
    finish(into, key, is_folder ? ".folder" : ".file", !failed);
    finish(named, key, ".at", !failed);
    pthread_mutex_unlock(&one);
    return failed;
}

int fsync(int fd) {
    static int (*real)(int);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    return synced(fd, real);
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    return synced(fd, real);
}
