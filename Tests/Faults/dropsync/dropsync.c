/* A disk that loses what was not synced, put between a program and its files by LD_PRELOAD.
 *
 * Writes below one folder go to the real files, so that the program reads what it wrote. A second
 * folder, the medium, gets a file's bytes only when the file is synced, and its name only when the
 * folder is synced. After a power cut the medium is what there is.
 *
 *   DROPSYNC_FOLDER    absolute path of the folder; its files are flat
 *   DROPSYNC_MEDIUM    absolute path of the medium; a copy of the folder when the program starts
 *   DROPSYNC_COUNTERS  a file of eight 64-bit counters and the failure that is asked for, see below
 *   DROPSYNC_DELAY_US  how long a sync takes; nothing is on the medium before its end
 *   DROPSYNC_BOOT_ID   a file that is read in place of the kernel's boot id
 *
 * Syncs of these files do not reach the real disk. A file whose name is not on the medium keeps its
 * synced bytes in ".unnamed.NAME" there.
 *
 * One file although it is long: the tests build it with a single call of the compiler.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITES, WRITTEN_BYTES, SYNCS, FOLDER_SYNCS, SYNCED_BYTES, OPENS, REMOVALS, FAILURES, ASKED };
/* What the disk does from now on; whoever runs the program writes it behind the counters. */
enum { SOUND, BAD_WRITES, HALF_WRITES, BAD_SYNCS, FULL };
enum { MAXIMUM_FDS = 65536, MAXIMUM_FILES = 4096, MAXIMUM_RANGES = 64, FOLDER_FILE = -2, NONE = -1 };
static const char unnamed_prefix[] = ".unnamed.";
static const char boot_path[] = "/proc/sys/kernel/random/boot_id";

struct range {
  off_t start, end;
};

/* One file of the folder, from when it was made or first opened until its name is gone. */
struct file {
  char name[NAME_MAX + 1];
  int used;
  int named;      /* its name is on the medium */
  int unlinked;   /* its name is gone from the folder */
  off_t cut;      /* the smallest size it was cut to since its last sync; -1 for none */
  struct range ranges[MAXIMUM_RANGES];
  int range_count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[MAXIMUM_FILES];
static int owner[MAXIMUM_FDS]; /* 0 for none, else an index into files plus 1, or FOLDER_FILE */
static uint64_t nowhere[9];
static uint64_t *counters = nowhere;
static const char *folder, *medium, *boot;
static useconds_t delay;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, off_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static void count(int which, uint64_t by) {
  __atomic_fetch_add(&counters[which], by, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void begin(void) {
  real_open = dlsym(RTLD_NEXT, "open");
  real_openat = dlsym(RTLD_NEXT, "openat");
  real_close = dlsym(RTLD_NEXT, "close");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  real_write = dlsym(RTLD_NEXT, "write");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
  real_fallocate = dlsym(RTLD_NEXT, "posix_fallocate");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rename = dlsym(RTLD_NEXT, "rename");
  folder = getenv("DROPSYNC_FOLDER");
  medium = getenv("DROPSYNC_MEDIUM");
  boot = getenv("DROPSYNC_BOOT_ID");
  const char *text = getenv("DROPSYNC_DELAY_US");
  delay = text ? (useconds_t)atoi(text) : 0;
  const char *path = getenv("DROPSYNC_COUNTERS");
  if (!folder || !medium || !path) {
    folder = NULL;
    return;
  }
  int fd = real_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || real_ftruncate(fd, sizeof nowhere) < 0) abort();
  void *map = mmap(NULL, sizeof nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) abort();
  counters = map;
  real_close(fd);
}

/* The name of a path right below the folder; NULL for any other path. */
static const char *name_of(const char *path) {
  if (!folder || !path) return NULL;
  size_t length = strlen(folder);
  if (strncmp(path, folder, length) || path[length] != '/') return NULL;
  const char *name = path + length + 1;
  return *name && !strchr(name, '/') && strlen(name) <= NAME_MAX - sizeof unnamed_prefix ? name : NULL;
}

static struct file *file_at(int fd);

/* Whether a write of so many bytes fails as asked; a half write takes the first half of it. */
static int write_fails(int fd, size_t *length) {
  if (!file_at(fd)) return 0;
  switch (__atomic_load_n(&counters[ASKED], __ATOMIC_RELAXED)) {
    case BAD_WRITES: errno = EIO; return 1;
    case FULL: errno = ENOSPC; return 1;
    case HALF_WRITES:
      if (*length < 2) {
        errno = EIO;
        return 1;
      }
      *length /= 2;
      __atomic_store_n(&counters[ASKED], BAD_WRITES, __ATOMIC_RELAXED);
      return 0;
    default: return 0;
  }
}

static void on_medium(char *path, const struct file *file) {
  snprintf(path, PATH_MAX, "%s/%s%s", medium, file->named ? "" : unnamed_prefix, file->name);
}

static struct file *find(const char *name) {
  for (int i = 0; i < MAXIMUM_FILES; i++)
    if (files[i].used && !files[i].unlinked && !strcmp(files[i].name, name)) return &files[i];
  return NULL;
}

static struct file *make(const char *name, int named) {
  for (int i = 0; i < MAXIMUM_FILES; i++) {
    if (files[i].used) continue;
    memset(&files[i], 0, sizeof files[i]);
    strcpy(files[i].name, name);
    files[i].used = 1;
    files[i].named = named;
    files[i].cut = -1;
    return &files[i];
  }
  count(FAILURES, 1);
  return NULL;
}

static struct file *file_at(int fd) {
  int index = fd >= 0 && fd < MAXIMUM_FDS ? owner[fd] : 0;
  return index > 0 ? &files[index - 1] : NULL;
}

static void opened(int fd, const char *path, int flags, int was_there) {
  if (fd < 0 || fd >= MAXIMUM_FDS || !folder) return;
  const char *name = name_of(path);
  pthread_mutex_lock(&lock);
  owner[fd] = 0;
  if (!strcmp(path, folder)) owner[fd] = FOLDER_FILE;
  if (name) {
    struct file *file = find(name);
    if (!file) {
      char shown[PATH_MAX];
      snprintf(shown, sizeof shown, "%s/%s", medium, name);
      file = make(name, was_there && !access(shown, F_OK));
    }
    if (file) owner[fd] = (int)(file - files) + 1;
    if (file && flags & O_TRUNC) file->cut = 0;
    count(OPENS, 1);
  }
  pthread_mutex_unlock(&lock);
}

static void wrote(int fd, off_t start, ssize_t length) {
  struct file *file = file_at(fd);
  if (!file || length <= 0) return;
  pthread_mutex_lock(&lock);
  count(WRITES, 1);
  count(WRITTEN_BYTES, (uint64_t)length);
  struct range *last = file->range_count ? &file->ranges[file->range_count - 1] : NULL;
  off_t end = start + length;
  if (last && start <= last->end && end >= last->start) {
    if (start < last->start) last->start = start;
    if (end > last->end) last->end = end;
  } else if (file->range_count < MAXIMUM_RANGES) {
    file->ranges[file->range_count++] = (struct range){start, end};
  } else {
    for (int i = 1; i < file->range_count; i++) {
      if (file->ranges[i].start < file->ranges[0].start) file->ranges[0].start = file->ranges[i].start;
      if (file->ranges[i].end > file->ranges[0].end) file->ranges[0].end = file->ranges[i].end;
    }
    file->range_count = 1;
    if (start < file->ranges[0].start) file->ranges[0].start = start;
    if (end > file->ranges[0].end) file->ranges[0].end = end;
  }
  pthread_mutex_unlock(&lock);
}

static int copy(int fd, int to, struct range range) {
  char buffer[65536];
  while (range.start < range.end) {
    size_t wanted = sizeof buffer;
    if ((off_t)wanted > range.end - range.start) wanted = (size_t)(range.end - range.start);
    ssize_t got = pread(fd, buffer, wanted, range.start);
    if (got < 0) return -1;
    if (got == 0) return 0;
    if (real_pwrite(to, buffer, (size_t)got, range.start) != got) return -1;
    range.start += got;
    count(SYNCED_BYTES, (uint64_t)got);
  }
  return 0;
}

static int sync_file(int fd, struct file *file) {
  usleep(delay);
  pthread_mutex_lock(&lock);
  char path[PATH_MAX];
  on_medium(path, file);
  int failed = 0;
  if (!file->unlinked) {
    int to = real_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat real, there;
    failed = to < 0 || fstat(fd, &real) || fstat(to, &there);
    if (!failed && file->cut >= 0 && file->cut < there.st_size)
      failed = real_ftruncate(to, file->cut) != 0;
    for (int i = 0; !failed && i < file->range_count; i++) failed = copy(fd, to, file->ranges[i]) != 0;
    if (!failed) failed = real_ftruncate(to, real.st_size) != 0;
    if (to >= 0) real_close(to);
  }
  file->range_count = 0;
  file->cut = -1;
  count(failed ? FAILURES : SYNCS, 1);
  pthread_mutex_unlock(&lock);
  if (failed) errno = EIO;
  return failed ? -1 : 0;
}

/* The names of the folder become those of the medium; a name can be there before any bytes. */
static int sync_folder(void) {
  usleep(delay);
  pthread_mutex_lock(&lock);
  int failed = 0;
  char path[PATH_MAX], unnamed[PATH_MAX];
  for (int i = 0; i < MAXIMUM_FILES; i++) {
    struct file *file = &files[i];
    if (!file->used || file->named || file->unlinked) continue;
    on_medium(unnamed, file);
    file->named = 1;
    on_medium(path, file);
    if (access(unnamed, F_OK) == 0) {
      failed |= real_rename(unnamed, path) != 0;
    } else {
      int fd = real_open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
      failed |= fd < 0;
      if (fd >= 0) real_close(fd);
    }
  }
  DIR *list = opendir(medium);
  failed |= list == NULL;
  for (struct dirent *entry; list && (entry = readdir(list));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (access(path, F_OK) == 0) continue;
    snprintf(path, sizeof path, "%s/%s", medium, entry->d_name);
    failed |= real_unlink(path) != 0;
  }
  if (list) closedir(list);
  count(failed ? FAILURES : FOLDER_SYNCS, 1);
  pthread_mutex_unlock(&lock);
  if (failed) errno = EIO;
  return failed ? -1 : 0;
}

static int open_mode(int flags, va_list arguments) {
  return flags & (O_CREAT | O_TMPFILE) ? (int)va_arg(arguments, unsigned) : 0;
}

static int opening(int base, const char *path, int flags, int mode) {
  if (boot && path && !strcmp(path, boot_path)) path = boot;
  int was_there = folder && name_of(path) ? access(path, F_OK) == 0 : 0;
  int fd = base == AT_FDCWD ? real_open(path, flags, mode) : real_openat(base, path, flags, mode);
  if (fd >= 0 && path) opened(fd, path, flags, was_there);
  return fd;
}

#define OPENER(NAME)                                  \
  int NAME(const char *path, int flags, ...) {        \
    va_list arguments;                                \
    va_start(arguments, flags);                       \
    int mode = open_mode(flags, arguments);           \
    va_end(arguments);                                \
    return opening(AT_FDCWD, path, flags, mode);      \
  }
#define OPENER_AT(NAME)                               \
  int NAME(int base, const char *path, int flags, ...) { \
    va_list arguments;                                \
    va_start(arguments, flags);                       \
    int mode = open_mode(flags, arguments);           \
    va_end(arguments);                                \
    return opening(base, path, flags, mode);          \
  }
OPENER(open)
OPENER(open64)
OPENER_AT(openat)
OPENER_AT(openat64)

int close(int fd) {
  if (fd >= 0 && fd < MAXIMUM_FDS && owner[fd]) {
    pthread_mutex_lock(&lock);
    struct file *file = file_at(fd);
    owner[fd] = 0;
    if (file && file->unlinked) file->used = 0;
    pthread_mutex_unlock(&lock);
  }
  return real_close(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t start) {
  if (write_fails(fd, &length)) return -1;
  ssize_t done = real_pwrite(fd, bytes, length, start);
  if (file_at(fd)) wrote(fd, start, done);
  return done;
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t start) {
  return pwrite(fd, bytes, length, start);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (write_fails(fd, &length)) return -1;
  ssize_t done = real_write(fd, bytes, length);
  if (file_at(fd)) {
    int error = errno;
    off_t end = lseek(fd, 0, SEEK_CUR);
    wrote(fd, end - done, done);
    errno = error;
  }
  return done;
}

static int cutting(int fd, off_t size) {
  int result = real_ftruncate(fd, size);
  struct file *file = result ? NULL : file_at(fd);
  if (file) {
    pthread_mutex_lock(&lock);
    if (file->cut < 0 || size < file->cut) file->cut = size;
    pthread_mutex_unlock(&lock);
  }
  return result;
}
int ftruncate(int fd, off_t size) { return cutting(fd, size); }
int ftruncate64(int fd, off_t size) { return cutting(fd, size); }

/* Room has no bytes: the size comes to the medium with the next sync. */
int posix_fallocate(int fd, off_t start, off_t length) {
  int is_full = __atomic_load_n(&counters[ASKED], __ATOMIC_RELAXED) == FULL;
  return is_full && file_at(fd) ? ENOSPC : real_fallocate(fd, start, length);
}
int posix_fallocate64(int fd, off_t start, off_t length) { return posix_fallocate(fd, start, length); }

static int syncing(int fd, int (*real)(int)) {
  if (fd >= 0 && fd < MAXIMUM_FDS && owner[fd] == FOLDER_FILE) return sync_folder();
  struct file *file = file_at(fd);
  if (file && __atomic_load_n(&counters[ASKED], __ATOMIC_RELAXED) == BAD_SYNCS) {
    errno = EIO;
    return -1;
  }
  return file ? sync_file(fd, file) : real(fd);
}
int fsync(int fd) { return syncing(fd, real_fsync); }
int fdatasync(int fd) { return syncing(fd, real_fdatasync); }

int unlink(const char *path) {
  int result = real_unlink(path);
  const char *name = result ? NULL : name_of(path);
  if (name) {
    pthread_mutex_lock(&lock);
    struct file *file = find(name);
    if (file) {
      char left[PATH_MAX];
      on_medium(left, file);
      if (!file->named) real_unlink(left);
      file->unlinked = 1;
      int is_open = 0;
      for (int fd = 0; fd < MAXIMUM_FDS; fd++) is_open |= file_at(fd) == file;
      if (!is_open) file->used = 0;
    }
    count(REMOVALS, 1);
    pthread_mutex_unlock(&lock);
  }
  return result;
}

/* Nothing below the folder is renamed today; it would have to be thought of here first. */
int rename(const char *from, const char *to) {
  if (name_of(from) || name_of(to)) {
    count(FAILURES, 1);
    errno = ENOTSUP;
    return -1;
  }
  return real_rename(from, to);
}
