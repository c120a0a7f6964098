/* Starts itself once more, for ever: a process that is often in mid exec. With the word "wait" it waits instead. Small, so
 * that being loaded is most of what it does. */
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
    while (argc > 1 && strcmp(argv[1], "wait") == 0)
        pause();
    execve("/proc/self/exe", argv, environ);
    return 127;
}
