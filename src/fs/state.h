/* SPDX-License-Identifier: MIT */
#ifndef FS_STATE_H
#define FS_STATE_H

/*
 * The whole tree at one instant: every file that can be read, rendered from
 * one snapshot of a machine that stood still, as a list of members in the
 * order of the tree. state.tar and --dump write such a list; a state that
 * boots again is compared with one.
 *
 * Left out: files/, which is its source's, files that only take writes, the log and the memory itself under
 * dev/, state.tar, and which processes of the host hold a task.
 */

#include "fs/fs.h"

struct state_member {
	char *path; /* below the mount */
	mode_t mode; /* with its type: directory, link, file */
	uid_t uid;
	gid_t gid;
	const char *target; /* of a link; the tree's */
	const struct view *view; /* else NULL */
	unsigned arg;
	size_t start, len; /* of its text */
};

struct state {
	struct fs *fs;
	struct state_member *member;
	unsigned nr, cap;
	struct text text; /* of all members, one after the other */
	struct text frames; /* the frame record (vm/record.h) */
	uint64_t now_s; /* time stamp of all members */
	struct task **task; /* with bytes in their memory, valid while the tasks are held */
	unsigned nr_tasks;
	bool held; /* tasks are: state_release */
};

enum state_part {
	STATE_FRAMES = 1 << 0, /* with the frame record */
	STATE_CONTENT = 1 << 1 /* tasks stay held, so that their bytes can be copied, until state_release */
};

/* 0, or -ENOMEM and the like; state_fini in any case. */
MUST_CHECK int state_collect(struct state *s, struct fs *fs, unsigned parts);
void state_release(struct state *s);
void state_fini(struct state *s);

static inline const char *state_text(const struct state *s, const struct state_member *m)
{
	return s->text.buf ? s->text.buf + m->start : "";
}

/* A file descriptor of a fresh state.tar, to be read with pread; or -errno. */
MUST_CHECK int state_tar_open(struct fs *fs);

/* All members as plain files below dir, which is made if it is not there. 0, or -errno with why set. */
MUST_CHECK int state_dump(const struct state *s, const char *dir, struct why *why);

#define STATE_FRAMES_PATH "ummfs/frames"
#define STATE_HUGE_DIR "ummfs/hugepages" /* bytes of files in dev/hugepages, by inode number */

#endif
