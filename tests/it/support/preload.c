/* A file system in trouble, for a program under test (LD_PRELOAD): while the file TROUBLE exists, opening PATH_IN_TROUBLE
   fails with the error number that TROUBLE holds, or waits as long as TROUBLE is empty. The clock is CLOCK_AHEAD seconds ahead. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int (*real_open)(const char *, int, ...);

static int has_trouble(const char *path) {
    const char *named = getenv("PATH_IN_TROUBLE"), *trouble = getenv("TROUBLE");
    struct stat look;
    if (!named || !trouble || strcmp(path, named))
        return 0;
    while (!stat(trouble, &look)) {
        if (look.st_size > 0) {
            char number[8] = {0};
            int file = real_open(trouble, O_RDONLY);
            ssize_t length = read(file, number, sizeof number - 1);
            close(file);
            if (length > 0) {
                errno = atoi(number);
                return 1;
            }
        }
        usleep(10 * 1000);
    }
    return 0;
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int mode = flags & O_CREAT ? va_arg(more, int) : 0;
    va_end(more);
    if (!real_open)
        real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return has_trouble(path) ? -1 : real_open(path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    const char *ahead = getenv("CLOCK_AHEAD");
    if (ahead && clock == CLOCK_REALTIME)
        time->tv_sec += atoll(ahead);
    return result;
}
