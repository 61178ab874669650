/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Put in front of every file whose code runs under the system-call filter (CMakeLists.txt): what the filter would end the helper for,
 * at the first use or in some later release of the C library, does not even compile there. */

/* These declare the names, and so must come before they are forbidden. */
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* fstat(2) at the first line of output; the time zone's file; message catalogues; plug-ins; the environment, which is empty */
#pragma GCC poison printf fprintf vprintf vfprintf puts fputs putchar fwrite perror fflush
#pragma GCC poison localtime localtime_r mktime strftime ctime tzset
#pragma GCC poison syslog vsyslog openlog setlocale strerror strerror_r strsignal
#pragma GCC poison getaddrinfo getnameinfo gethostbyname getpwnam getpwuid getgrnam getgrgid
#pragma GCC poison getenv secure_getenv setenv putenv clearenv
/* calls that are forbidden themselves */
#pragma GCC poison fopen fdopen freopen openat creat readv pread write pwrite writev unlink
#pragma GCC poison socketpair bind connect listen accept recvmsg shutdown setsockopt dup dup2 dup3 fcntl ioctl pipe pipe2
#pragma GCC poison sigaction sigprocmask raise kill alarm sleep usleep nanosleep pause poll epoll_wait epoll_create1
#pragma GCC poison fork vfork execl execv execve execvp popen system pthread_create waitpid
#pragma GCC poison exit _exit atexit setuid setgid setrlimit prctl mmap mprotect chdir chroot
