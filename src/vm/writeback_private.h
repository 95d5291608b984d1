/* SPDX-License-Identifier: MIT */
#ifndef VM_WRITEBACK_PRIVATE_H
#define VM_WRITEBACK_PRIVATE_H

/* What the parts of writeback share: when and what (writeback.c), how (writeback_inode.c). */

#include "base/ratelimit.h"
#include "vm/vm.h"
#include "vm/writeback.h"

#define WRITE_LOCKS 32u

enum writeback_work {
	WORK_ALL = 1 << 0, /* whatever is dirty: reclaim wants pages */
	WORK_BACKGROUND = 1 << 1, /* until no more than the background limit is dirty */
	WORK_EXPIRED = 1 << 2, /* what has been dirty for long */
};

struct writeback {
	struct files *files;
	struct lock batch[WRITE_LOCKS]; /* RANK_TASK, by inode: one batch of a file at a time */
	struct lock sync; /* RANK_TASK: one files_sync at a time */
	pthread_t thread;
	pthread_mutex_t mutex; /* a leaf */
	pthread_cond_t work, progress;
	/* mutex */
	bool running, stop;
	unsigned wanted; /* enum writeback_work */
	uint64_t batches; /* that were written, or refused by the store */
	struct ratelimit said;
	/* files->lock; relaxed for readers */
	uint64_t nr_listed;
	uint64_t sync_turn; /* of the last files_sync that began */
	/* relaxed */
	bool failing; /* the store refused the last batch */
	uint64_t retry_ns; /* machine time before which the background does not bother it again */
	uint64_t unchecked; /* pages dirtied since the limits were looked at */
	uint64_t next_ns; /* machine time of the next turn without a flusher; single-threaded */
	bool at_work; /* inline: not to be entered again */
};

static inline uint64_t writeback_now_ns(const struct writeback *w)
{
	return clock_now_ns(&w->files->vm->machine.clock);
}

/* ---- writeback_list.c; files->lock is taken inside ---- */
/* The oldest one, if it became dirty by then. With a reference; NULL: none. */
struct file_inode *dirty_oldest_take(struct writeback *w, uint64_t by_ns);
/* The oldest one that this files_sync has not been at. Likewise. */
struct file_inode *dirty_unsynced_take(struct writeback *w, uint64_t turn);
/* To the new end, if it is dirty still. */
void dirty_list_turn(struct writeback *w, struct file_inode *i);

/* ---- writeback_inode.c ---- */
struct written_batch {
	uint64_t from; /* page to go on at */
	unsigned nr; /* pages of the batch; 0: there was none */
	int error;
	bool busy; /* somebody who may be us is at the file: nothing was tried */
};

/* Write the next run of dirty pages at or past b->from. try: do not wait for the file's locks. */
void writeback_batch(struct file_inode *i, struct written_batch *b, bool try);
/* All pages, once around from `from`, as long as more() says so (NULL: yes). The first error. */
int inode_write(struct file_inode *i, uint64_t from, bool try, bool (*more)(struct writeback *w),
		uint64_t *pages);

/* The store refuses data, and no more pages may be dirty (writeback.c). */
bool writeback_is_stuck(struct writeback *w);

/* A batch ended: waiters, and what the log says. */
void writeback_account(struct file_inode *i, const struct written_batch *b);

#endif
