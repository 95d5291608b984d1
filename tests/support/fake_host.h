/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_FAKE_HOST_H
#define SUPPORT_FAKE_HOST_H

/* A /proc and /sys of our own making: files below a temporary directory that host_root points to. */

int fake_host_setup(void **state); /* cmocka setup: an empty host; *state is the directory's name */
int fake_host_teardown(void **state);
void fake_file(const char *path, const char *text); /* directories on the way are made */
const char *fake_read(const char *path);
/* The files of one pool; node -1: the whole host. */
void fake_pool(int node, unsigned kilobytes, unsigned total, unsigned nr_free, unsigned promised);

#endif
