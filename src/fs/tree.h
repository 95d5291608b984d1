/* SPDX-License-Identifier: MIT */
#ifndef FS_TREE_H
#define FS_TREE_H

/*
 * The fixed part of the file tree: directories, files and links that are there
 * from mount to unmount. It is made once from the tables of views and knobs;
 * a new row there is a new file here. What comes and goes (tasks/NAME and
 * proc/PID, sys/kernel/slab/NAME) hangs below entries marked dynamic and is
 * found through fs/inode.h.
 *
 * Everything but mode, uid and gid (chmod and chown, relaxed atomics) stays as
 * it was built, so that lookups take no lock.
 */

#include "base/log.h"
#include "knob/knob.h"
#include "mm/hugetlb.h"
#include "view/view.h"

#include <sys/types.h>

enum entry_kind {
	ENTRY_DIR,
	ENTRY_LINK,
	ENTRY_VIEW,
	ENTRY_KNOB,
	ENTRY_KMSG, /* dev/kmsg: see fs/kmsg.h */
	ENTRY_STATE, /* state.tar: see fs/state.h */
};

/* Which of the kernel's file systems stands there: it decides the errno of what cannot be done. */
enum entry_realm { REALM_TOP, REALM_PROC, REALM_SYSCTL, REALM_SYS, REALM_TASKS };

enum entry_dynamic {
	DYNAMIC_NONE,
	DYNAMIC_TASKS, /* tasks/NAME */
	DYNAMIC_PIDS, /* proc/PID */
	DYNAMIC_CACHES, /* sys/kernel/slab/NAME */
	DYNAMIC_FILES, /* files: see fs/files.h */
	DYNAMIC_HUGE /* dev/hugepages: see fs/hugepages.h */
};

struct entry {
	uint64_t ino; /* index in tree->entry, plus 1 */
	struct entry *parent; /* the root is its own */
	struct entry *first_child, *last_child, *next; /* in the order they were added */
	struct entry *hash_next;
	char *name;
	uint8_t kind, realm, dynamic;
	uint16_t mode; /* permission bits: relaxed */
	uid_t uid; /* relaxed */
	gid_t gid; /* relaxed */
	unsigned nr_subdirs;
	unsigned arg; /* of the view or knob: node or CPU number */
	const struct view *view;
	const struct knob *knob;
	char *target; /* of a link */
};

struct tree {
	struct entry **entry; /* by inode number - 1 */
	unsigned nr_entries, cap_entries;
	struct entry **hash;
	unsigned nr_hash; /* power of two */
	struct entry *tasks, *proc, *slab; /* the dynamic ones; proc and slab may be NULL */
	struct entry *files; /* NULL: the machine has none */
	struct entry *huge[HUGETLB_SIZES]; /* likewise: dev/hugepages, by pool */
	uid_t uid; /* owner of everything that is root's on a real machine */
	gid_t gid;
};

/* The root alone. 0 or -ENOMEM. */
MUST_CHECK int tree_init(struct tree *t, uid_t uid, gid_t gid);
void tree_fini(struct tree *t);

/* Add one thing by its path below the mount, and the directories that lead to it. NULL: no memory, or the name is taken. */
MUST_CHECK struct entry *tree_add_dir(struct tree *t, const char *path);
MUST_CHECK struct entry *tree_add_link(struct tree *t, const char *path, const char *target);
MUST_CHECK struct entry *tree_add_view(struct tree *t, const char *path, const struct view *v, unsigned arg);
MUST_CHECK struct entry *tree_add_knob(struct tree *t, const char *path, const struct knob *k, unsigned arg);

MUST_CHECK struct entry *tree_add_kmsg(struct tree *t, const char *path);
MUST_CHECK struct entry *tree_add_state(struct tree *t, const char *path);
MUST_CHECK struct entry *tree_add_files(struct tree *t); /* files/ */
MUST_CHECK struct entry *tree_add_huge(struct tree *t, unsigned pool, const char *path);

/* Everything: all rows for this machine, links between nodes and CPUs, tasks/. dev_mem: target of dev/mem, or NULL. */
MUST_CHECK int tree_build(struct tree *t, const struct machine *m, const char *dev_mem);

struct entry *tree_child(const struct tree *t, const struct entry *dir, const char *name); /* NULL: none */
struct entry *tree_find(const struct tree *t, const char *path); /* from the root; "" is the root; NULL: none */

static inline struct entry *tree_entry(const struct tree *t, uint64_t ino)
{
	return ino - 1 < t->nr_entries ? t->entry[ino - 1] : NULL;
}

static inline struct entry *tree_root(const struct tree *t)
{
	return t->entry[0];
}

#endif
