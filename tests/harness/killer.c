// Copyright (c) 2026 the vdisk.gluster authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Preloaded into a task and into every program that it starts: counts the C library's calls that change a file below
// some directories, over all processes of the task together, and kills the task just before or just after the N-th, or stops the
// process that makes that call until it is told to go on.
// killer.py makes the control file that all of them map.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
    atomic_int count;    // calls so far
    atomic_int dead;     // the N-th call was reached: nothing changes a file any more
    int32_t at;          // N; 0 for a run that is only counted
    int32_t after;       // kill after the call instead of before it
    atomic_int task;     // the process that runs the module
    int32_t stop;        // do not kill, but stop
    atomic_int stopped;  // the process that was stopped
    char directories[4096 - 7 * sizeof(int32_t)];    // each ends with a slash and a newline
};

static struct control *control;
static int log_file = -1;

static void map(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        abort();
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        abort();
    close(file);
    char name[PATH_MAX];
    snprintf(name, sizeof(name), "%s.log", path);
    log_file = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    control = mapped;
}

// the module's process calls this after it was forked off
void killer_arm(const char *path)
{
    map(path);
    control->task = getpid();
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("KILLER_CONTROL");
    if (path)
        map(path);
}

static void die(void)
{
    if (control->stop) {
        control->stopped = getpid();
        kill(getpid(), SIGSTOP);
        return;
    }
    control->dead = 1;
    // a program that the module started; it would end with the module anyway, but not before its next call
    if (control->task != getpid())
        kill(control->task, SIGKILL);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static int is_watched(const char *path)
{
    for (const char *line = control->directories; *line; line = strchr(line, '\n') + 1) {
        size_t length = strchr(line, '\n') - line;
        if (strncmp(path, line, length) == 0 || (strlen(path) == length - 1 && strncmp(path, line, length - 1) == 0))
            return 1;
    }
    return 0;
}

// returns whether the task is to be killed after the call
static int about_to(const char *what, const char *path)
{
    if (control->dead)
        die();
    int number = ++control->count;
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof(line), "%s %s\n", what, path);
    if (log_file >= 0 && syscall(SYS_write, log_file, line, (size_t)length) < 0)
        abort();
    if (control->at == 0 || number < control->at || (control->stop && number > control->at))
        return 0;
    if (number == control->at && control->after)
        return 1;
    die();
    return 0;
}

static int about_to_change(const char *what, int descriptor)
{
    char link[64], path[PATH_MAX];
    if (!control)
        return 0;
    int before = errno;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    errno = before;
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_watched(path) ? about_to(what, path) : 0;
}

static int about_to_name(const char *what, int directory, const char *path)
{
    char link[64], whole[2 * PATH_MAX];
    if (!control || !path)
        return 0;
    if (path[0] == '/')
        return is_watched(path) ? about_to(what, path) : 0;
    int before = errno;
    snprintf(link, sizeof(link), directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", directory);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    errno = before;
    if (length < 0)
        return 0;
    snprintf(whole + length, sizeof(whole) - length, "/%s", path);
    return is_watched(whole) ? about_to(what, whole) : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define KILLED(fatal, type, name, ...)                                   \
    do {                                                                 \
        static __typeof__(&name) real;                                   \
        if (!real)                                                       \
            real = REAL(name);                                           \
        int after = (fatal);                                             \
        type done = real(__VA_ARGS__);                                   \
        if (after)                                                       \
            die();                                                       \
        return done;                                                     \
    } while (0)

#define ON_DESCRIPTOR(type, name, parameters, ...) \
    type name parameters { KILLED(about_to_change(#name, fd), type, name, __VA_ARGS__); }

ON_DESCRIPTOR(ssize_t, write, (int fd, const void *from, size_t size), fd, from, size)
ON_DESCRIPTOR(ssize_t, writev, (int fd, const struct iovec *from, int count), fd, from, count)
ON_DESCRIPTOR(ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t offset), fd, from, size, offset)
ON_DESCRIPTOR(ssize_t, pwritev64, (int fd, const struct iovec *from, int count, off64_t offset), fd, from, count, offset)
ON_DESCRIPTOR(ssize_t, pwritev64v2, (int fd, const struct iovec *from, int count, off64_t offset, int flags), fd, from, count, offset, flags)
ON_DESCRIPTOR(int, ftruncate64, (int fd, off64_t length), fd, length)
ON_DESCRIPTOR(int, fallocate64, (int fd, int mode, off64_t offset, off64_t length), fd, mode, offset, length)
ON_DESCRIPTOR(int, posix_fallocate64, (int fd, off64_t offset, off64_t length), fd, offset, length)
ON_DESCRIPTOR(int, fsync, (int fd), fd)
ON_DESCRIPTOR(int, fdatasync, (int fd), fd)
ON_DESCRIPTOR(int, fchown, (int fd, uid_t owner, gid_t group), fd, owner, group)
ON_DESCRIPTOR(int, fchmod, (int fd, mode_t mode), fd, mode)
ON_DESCRIPTOR(int, fsetxattr, (int fd, const char *key, const void *value, size_t size, int flags), fd, key, value, size, flags)

ssize_t copy_file_range(int from, off64_t *offset, int fd, off64_t *at, size_t size, unsigned int flags)
{
    KILLED(about_to_change("copy_file_range", fd), ssize_t, copy_file_range, from, offset, fd, at, size, flags);
}

#define ON_PATH(name, parameters, ...) \
    int name parameters { KILLED(about_to_name(#name, AT_FDCWD, path), int, name, __VA_ARGS__); }

ON_PATH(unlink, (const char *path), path)
ON_PATH(mkdir, (const char *path, mode_t mode), path, mode)
ON_PATH(rmdir, (const char *path), path)
ON_PATH(chown, (const char *path, uid_t owner, gid_t group), path, owner, group)
ON_PATH(chmod, (const char *path, mode_t mode), path, mode)
ON_PATH(truncate64, (const char *path, off64_t length), path, length)
ON_PATH(setxattr, (const char *path, const char *key, const void *value, size_t size, int flags), path, key, value, size, flags)

// what a file is to be called decides
int rename(const char *old, const char *path) { KILLED(about_to_name("rename", AT_FDCWD, path), int, rename, old, path); }
int link(const char *old, const char *path) { KILLED(about_to_name("link", AT_FDCWD, path), int, link, old, path); }
int unlinkat(int fd, const char *path, int flags) { KILLED(about_to_name("unlink", fd, path), int, unlinkat, fd, path, flags); }
int mkdirat(int fd, const char *path, mode_t mode) { KILLED(about_to_name("mkdir", fd, path), int, mkdirat, fd, path, mode); }
int renameat(int from, const char *old, int fd, const char *path)
{
    KILLED(about_to_name("rename", fd, path), int, renameat, from, old, fd, path);
}
int linkat(int from, const char *old, int fd, const char *path, int flags)
{
    KILLED(about_to_name("link", fd, path), int, linkat, from, old, fd, path, flags);
}

#define ON_OPEN(name, directory, parameters, ...)                                                     \
    int name parameters                                                                               \
    {                                                                                                 \
        va_list more;                                                                                 \
        va_start(more, flags);                                                                        \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;                     \
        va_end(more);                                                                                 \
        KILLED(flags & (O_CREAT | O_TRUNC) ? about_to_name("open", directory, path) : 0, int, name, __VA_ARGS__, mode); \
    }

ON_OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), path, flags)
ON_OPEN(openat64, fd, (int fd, const char *path, int flags, ...), fd, path, flags)
