/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_FAKE_MACHINE_H
#define SUPPORT_FAKE_MACHINE_H

/* Directories that look like a mounted machine, or a host, to ummfs-run. */

#include "base/defs.h"

char *fake_machine_make(void); /* a new empty directory; its name, free() it */
void fake_machine_file(const char *dir, const char *path, const char *text); /* folders on the way are made */
void fake_machine_dir(const char *dir, const char *path);
void fake_machine_remove(char *dir);
/* Up to size - 1 bytes of a file; "" when it cannot be read. */
const char *fake_machine_read(const char *dir, const char *path, char *buf, size_t size);
/* May this process make mount namespaces, by itself or through a user namespace? */
bool host_has_namespaces(void);

#endif
