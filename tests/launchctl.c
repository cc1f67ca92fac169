/* launchctl of a simulated launchd, for tests on Linux: says and shows what the script of jobsync/simulator/client.py
   does, without Python's start. tests/simulator holds the two against each other. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NO_DAEMON = 69, HEADER = 8 };

static char *bytes;
static size_t length, room;

static void *ours(void *memory) {
    if (memory == NULL) abort();
    return memory;
}

static void make_room(size_t more) {
    if (length + more > room) bytes = ours(realloc(bytes, room = 2 * (length + more)));
}

static void add(const char *data, size_t size) {
    make_room(size);
    memcpy(bytes + length, data, size);
    length += size;
}

static void add_field(const char *text) { add("", 1), add(text, strlen(text)); }

static int write_all(int descriptor, const char *data, size_t size) {
    while (size > 0) {
        ssize_t done = write(descriptor, data, size);
        if (done < 0 && errno != EINTR) return -1;
        if (done > 0) data += done, size -= (size_t)done;
    }
    return 0;
}

static void make_request(char **words) {
    char number[24], *directory = getcwd(NULL, 0);
    int is_remote = getenv("SSH_CONNECTION") != NULL || getenv("SSH_TTY") != NULL;
    add("00000000call", HEADER + 4);
    snprintf(number, sizeof number, "%ld", (long)getpid());
    add_field(number);
    add_field(isatty(1) ? "1" : "0");
    add_field(is_remote ? "1" : "0");
    add_field(directory != NULL ? directory : "/");
    while (*++words != NULL) add_field(*words);
    snprintf(number, sizeof number, "%08zx", length - HEADER);
    memcpy(bytes, number, HEADER);
}

/* The answer replaces the request; -1 where nobody answers. */
static int ask(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int stream = socket(AF_UNIX, SOCK_STREAM, 0);
    if (stream < 0 || connect(stream, (struct sockaddr *)&address, sizeof address) != 0) return -1;
    if (write_all(stream, bytes, length) != 0) return -1;
    length = 0;
    for (;;) {
        make_room(65536);
        ssize_t got = read(stream, bytes + length, 65536);
        if (got < 0 && errno != EINTR) return -1;
        if (got == 0) return 0;
        if (got > 0) length += (size_t)got;
    }
}

int main(int count, char **words) {
    static char place[65536];
    char *end;
    (void)count;
    make_request(words);
    /* The directory above its own. */
    if (readlink("/proc/self/exe", place, sizeof place - 1) < 0) abort();
    for (int up = 0; up < 2; up++)
        if ((end = strrchr(place, '/')) != NULL) *end = 0;
    if (chdir(place) == 0 && ask() == 0) {
        add("", 1);
        length -= 1;
        long status = strtol(bytes, &end, 10);
        size_t out = strtoul(end, &end, 10), head = (size_t)(end + 1 - bytes);
        if (*end == '\n' && head + out <= length) {
            if (write_all(1, bytes + head, out) != 0 || write_all(2, bytes + head + out, length - head - out) != 0) return 1;
            return (int)status;
        }
    }
    dprintf(2, "launchctl: no simulated launchd is running for %s; start one with: jobsync simulator %s\n", words[0], place);
    return NO_DAEMON;
}
