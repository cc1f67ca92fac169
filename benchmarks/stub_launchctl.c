/* A launchctl that costs next to nothing, for thousands of jobs: what remains is jobsync's own time.
 *
 * Knows print, bootstrap, bootout and kickstart, keeps labels only, and runs nothing. Its state is one file beside it,
 * "services", in the very words of `launchctl print`: a line per loaded job.
 */
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *load(const char *path, size_t *size) {
    int file = open(path, O_RDONLY | O_CREAT, 0600);
    struct stat status;
    char *text;
    if (file < 0 || fstat(file, &status) < 0) exit(70);
    text = calloc(1, (size_t)status.st_size + 1);
    if (!text || read(file, text, (size_t)status.st_size) != status.st_size) exit(70);
    close(file);
    *size = (size_t)status.st_size;
    return text;
}

static void put(int file, const char *text, size_t size) {
    while (size > 0) {
        ssize_t done = write(file, text, size);
        if (done <= 0) exit(70);
        text += done;
        size -= (size_t)done;
    }
}

static void save(const char *path, const char *text, size_t size, int flags) {
    int file = open(path, O_WRONLY | O_CREAT | flags, 0600);
    if (file < 0) exit(70);
    put(file, text, size);
    close(file);
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void line_of(char *line, size_t size, const char *label) {
    snprintf(line, size, "\t\t       0      - \t%s\n", label);
}

/* Each path by itself, as launchd does; 5 when one of them is loaded already. */
static int bootstrap(const char *place, const char *text, char **paths, int count) {
    char line[1024], label[512];
    int status = 0;
    for (int i = 0; i < count; i++) {
        snprintf(label, sizeof label, "%s", last_part(paths[i]));
        label[strlen(label) - strlen(".plist")] = 0;
        line_of(line, sizeof line, label);
        if (strstr(text, line)) status = 5;
        else save(place, line, strlen(line), O_APPEND);
    }
    return status;
}

int main(int argc, char **argv) {
    char place[4096], line[1024], *text, *row;
    size_t size;
    const char *verb = argc > 1 ? argv[1] : "";
    ssize_t length = readlink("/proc/self/exe", place, sizeof place - 16);
    if (length < 0) return 70;
    place[length] = 0;
    strcpy(strrchr(place, '/'), "/services");
    text = load(place, &size);
    if (strcmp(verb, "bootstrap") == 0 && argc > 3) return bootstrap(place, text, argv + 3, argc - 3);
    line_of(line, sizeof line, last_part(argv[argc - 1]));
    row = strstr(text, line);
    if (strcmp(verb, "print") == 0 && argc == 3 && strchr(argv[2], '/') == strrchr(argv[2], '/')) {
        static const char head[] = " = {\n\tservices = {\n", tail[] = "\t}\n}\n";
        put(1, argv[2], strlen(argv[2]));
        put(1, head, sizeof head - 1);
        put(1, text, size);
        put(1, tail, sizeof tail - 1);
    } else if (strcmp(verb, "print") == 0) {
        return row ? 0 : 113;
    } else if (strcmp(verb, "bootout") == 0) {
        if (!row) return 3;
        memmove(row, row + strlen(line), strlen(row + strlen(line)) + 1);
        save(place, text, strlen(text), O_TRUNC);
    } else if (strcmp(verb, "kickstart") != 0) {
        return 64;
    }
    return 0;
}
