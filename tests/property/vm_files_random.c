/* SPDX-License-Identifier: MIT */
/*
 * Several threads read, write, truncate and punch files at random, against
 * plain arrays of bytes, while others reclaim pages, drop caches and write
 * back. The store is one that takes its time and fails now and then. Every
 * byte that is read is what was written last.
 *
 * Files of the first kind are one thread's at a time, and change size. Those
 * of the second kind have a stripe for each thread, whose borders are in the
 * middle of pages, so several threads work on one file, and on one page, at once.
 *
 * vm_files_random [SEED [OPERATIONS]]
 */
#include "base/rng.h"
#include "policy/reclaim.h"
#include "support/file_fixture.h"
#include "vm/file_store.h"
#include "vm/task_private.h"

#include <pthread.h>

#define THREADS 3u
#define OWN_FILES 3u
#define FILES (OWN_FILES + 2)
#define FILE_MOST (3ul << 20)
#define STRIPE 700001ul /* of a page more or less: neighbours share one */
#define LEN_MOST (300ul << 10)
#define OPERATIONS 2500u

struct stored { /* a file as the store has it */
	pthread_mutex_t mutex;
	char *bytes;
	uint64_t size;
	struct timespec mtime;
};

struct model {
	pthread_mutex_t mutex; /* of a file of the first kind */
	char *bytes;
	uint64_t size;
};

struct world {
	struct fixture *f;
	struct vm *vm;
	struct files *files;
	struct file_inode *inode[FILES];
	struct model model[FILES];
	struct stored stored[FILES];
	uint64_t seed;
	unsigned operations;
	bool stop; /* relaxed */
	unsigned nr_errors; /* that the store gave; relaxed */
};

static struct world world;
static _Thread_local struct rng store_rng;
static _Thread_local bool store_rng_set;

/* ---- The store ---- */

static bool store_fails(void)
{
	if (!store_rng_set)
		rng_init(&store_rng, world.seed ^ (uintptr_t)&store_rng);
	store_rng_set = true;
	unsigned dice = (unsigned)rng_below(&store_rng, 200);
	if (dice < 20)
		usleep((useconds_t)rng_below(&store_rng, 300));
	if (dice < 198 || READ_RELAXED(&world.stop))
		return false;
	__atomic_fetch_add(&world.nr_errors, 1, __ATOMIC_RELAXED);
	return true;
}

/* A page may be written to while it is written back: it is dirty again, and comes once more. */
__attribute__((no_sanitize("thread"))) static void bytes_copy(char *to, const char *from, size_t len)
{
	for (size_t n = 0; n < len; n++)
		to[n] = ((const volatile char *)from)[n];
}

static struct stored *stored_of(const struct file_inode *i)
{
	return &world.stored[i->attr.ino - 1];
}

static ssize_t fake_read(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	struct stored *s = stored_of(i);
	ssize_t done = 0;
	if (store_fails())
		return -EIO;
	pthread_mutex_lock(&s->mutex);
	for (int v = 0; v < nr && offset < s->size; v++) {
		size_t len = MIN(iov[v].iov_len, s->size - offset);
		memcpy(iov[v].iov_base, s->bytes + offset, len);
		offset += len;
		done += (ssize_t)len;
	}
	pthread_mutex_unlock(&s->mutex);
	return done;
}

static ssize_t fake_write(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	struct stored *s = stored_of(i);
	ssize_t done = 0;
	if (store_fails())
		return -EIO;
	pthread_mutex_lock(&s->mutex);
	for (int v = 0; v < nr; v++) {
		bytes_copy(s->bytes + offset, iov[v].iov_base, iov[v].iov_len);
		offset += iov[v].iov_len;
		done += (ssize_t)iov[v].iov_len;
	}
	s->size = MAX(s->size, offset);
	pthread_mutex_unlock(&s->mutex);
	return done;
}

static int fake_truncate(struct file_inode *i, uint64_t size)
{
	struct stored *s = stored_of(i);
	if (store_fails())
		return -EIO;
	pthread_mutex_lock(&s->mutex);
	if (size < s->size)
		memset(s->bytes + size, 0, s->size - size);
	s->size = size;
	pthread_mutex_unlock(&s->mutex);
	return 0;
}

static int fake_getattr(struct file_inode *i, struct file_attr *attr)
{
	struct stored *s = stored_of(i);
	pthread_mutex_lock(&s->mutex);
	*attr = (struct file_attr){
		.dev = 1, .ino = i->attr.ino, .mode = S_IFREG | 0644, .nlink = 1, .size = s->size
	};
	pthread_mutex_unlock(&s->mutex);
	return 0;
}

static int fake_setattr(struct file_inode *i, const struct stat *st, unsigned which, struct file_attr *attr)
{
	(void)st;
	(void)which;
	return fake_getattr(i, attr);
}

static int fake_open(struct file_inode *i, bool write)
{
	(void)i;
	(void)write;
	return 0;
}

static void fake_release(struct file_inode *i)
{
	(void)i;
}

static void fake_fini(struct files *f)
{
	(void)f;
}

static const struct file_store_ops fake_store = {
	.fini = fake_fini,
	.read = fake_read,
	.write = fake_write,
	.truncate = fake_truncate,
	.getattr = fake_getattr,
	.setattr = fake_setattr,
	.open = fake_open,
	.release = fake_release,
	.forget = fake_release,
};

/* ---- Operations ---- */

struct worker {
	struct world *w;
	unsigned id;
	struct rng rng;
	char *buf;
	struct file_read read;
};

static void op_read(struct worker *k, unsigned n, uint64_t offset, size_t len, uint64_t size)
{
	const struct model *m = &k->w->model[n];
	int error = file_read_begin(k->w->inode[n], offset, len, &k->read);
	if (error) {
		assert_int_equal(error, -EIO);
		return;
	}
	uint64_t at = offset;
	for (unsigned v = 0; v < k->read.nr_iov; v++) {
		if (memcmp(k->read.iov[v].iov_base, m->bytes + at, k->read.iov[v].iov_len)) {
			uint64_t bad = at;
			while (((char *)k->read.iov[v].iov_base)[bad - at] == m->bytes[bad])
				bad++;
			fail_msg("file %u: byte %lu (of a read of %zu at %lu, size %lu) is %d, was written %d",
				 n, (unsigned long)bad, len, (unsigned long)offset, (unsigned long)size,
				 ((char *)k->read.iov[v].iov_base)[bad - at], m->bytes[bad]);
		}
		at += k->read.iov[v].iov_len;
	}
	assert_true(at <= MAX(size, offset));
	if (!k->read.nr_iov)
		assert_true(offset >= size);
	file_read_end(&k->read);
}

static size_t op_write(struct worker *k, unsigned n, uint64_t offset, size_t len)
{
	struct model *m = &k->w->model[n];
	char seed = (char)rng_below(&k->rng, 255);
	for (size_t b = 0; b < len; b++)
		k->buf[b] = (char)(seed + (char)(b >> 3));
	ssize_t done = file_write(k->w->inode[n], k->buf, len, offset);
	if (done < 0) {
		assert_int_equal(done, -EIO);
		return 0;
	}
	memcpy(m->bytes + offset, k->buf, (size_t)done);
	return (size_t)done;
}

static void op_truncate(struct worker *k, unsigned n, uint64_t size)
{
	struct model *m = &k->w->model[n];
	if (file_truncate(k->w->inode[n], size))
		return;
	if (size < m->size)
		memset(m->bytes + size, 0, m->size - size);
	m->size = size;
}

/* As fallocate does it: the store first. */
static void op_punch(struct worker *k, unsigned n, uint64_t offset, size_t len)
{
	struct model *m = &k->w->model[n];
	struct stored *s = &k->w->stored[n];
	struct file_inode *i = k->w->inode[n];
	len = offset < m->size ? MIN(len, m->size - offset) : 0;
	pthread_rwlock_wrlock(&i->io);
	pthread_mutex_lock(&s->mutex);
	if (offset < s->size)
		memset(s->bytes + offset, 0, MIN(len, s->size - offset));
	pthread_mutex_unlock(&s->mutex);
	filemap_remove(i, offset, len);
	pthread_rwlock_unlock(&i->io);
	memset(m->bytes + offset, 0, len);
}

static void step_own(struct worker *k)
{
	unsigned n = (unsigned)rng_below(&k->rng, OWN_FILES), what = (unsigned)rng_below(&k->rng, 100);
	uint64_t offset = rng_below(&k->rng, FILE_MOST - LEN_MOST) >> rng_below(&k->rng, 6);
	size_t len = 1 + (rng_below(&k->rng, LEN_MOST) >> rng_below(&k->rng, 10));
	struct model *m = &k->w->model[n];
	if (rng_below(&k->rng, 3) == 0) {
		offset = ALIGN_DOWN(offset, PAGE_SIZE);
		len = ALIGN_UP(len, PAGE_SIZE);
	}
	pthread_mutex_lock(&m->mutex);
	if (what < 50)
		op_read(k, n, offset, len, m->size);
	else if (what < 85) {
		size_t done = op_write(k, n, offset, len);
		m->size = done ? MAX(m->size, offset + done) : m->size;
	} else if (what < 93)
		op_truncate(k, n, offset);
	else
		op_punch(k, n, offset, len);
	pthread_mutex_unlock(&m->mutex);
}

static void step_shared(struct worker *k)
{
	unsigned n = OWN_FILES + (unsigned)rng_below(&k->rng, FILES - OWN_FILES);
	uint64_t in = rng_below(&k->rng, STRIPE);
	size_t len = 1 + (rng_below(&k->rng, LEN_MOST) >> rng_below(&k->rng, 10));
	len = MIN(len, STRIPE - in);
	if (rng_below(&k->rng, 2))
		op_read(k, n, k->id * STRIPE + in, len, THREADS * STRIPE);
	else
		op_write(k, n, k->id * STRIPE + in, len);
}

static void *worker_main(void *arg)
{
	struct worker *k = arg;
	for (unsigned n = 0; n < k->w->operations; n++) {
		files_enter(k->w->files);
		if (rng_below(&k->rng, 2))
			step_own(k);
		else
			step_shared(k);
		files_leave(k->w->files);
	}
	return NULL;
}

/* ---- Those who take pages away ---- */

static void reclaim_some(struct world *w, unsigned cpu, unsigned priority)
{
	struct reclaim r = { .policy = &w->vm->policy,
			     .cpu = &w->vm->machine.cpu[cpu],
			     .type_mask = ~0u,
			     .priority = priority,
			     .wanted = 100000,
			     .kswapd = true,
			     .may_unmap = true,
			     .may_shrink = true,
			     .force_deactivate = true };
	cpu_enter(r.cpu);
	for (unsigned n = 0; n < w->vm->machine.nr_nodes; n++)
		reclaim_shrink_node(&r, &w->vm->machine.node[n]);
	cpu_leave(r.cpu);
}

static void *reclaimer_main(void *arg)
{
	struct world *w = arg;
	struct rng rng;
	rng_init(&rng, w->seed + 77);
	while (!READ_RELAXED(&w->stop)) {
		unsigned what = (unsigned)rng_below(&rng, 20);
		if (what == 0)
			reclaim_drop_pagecache(&w->vm->policy);
		else if (what == 1)
			files_drop_pagecache(w->files);
		else
			reclaim_some(w, (unsigned)rng_below(&rng, 4), (unsigned)rng_below(&rng, 4));
		usleep((useconds_t)rng_below(&rng, 3000));
	}
	return NULL;
}

static void *flusher_main(void *arg)
{
	struct world *w = arg;
	struct rng rng;
	rng_init(&rng, w->seed + 78);
	while (!READ_RELAXED(&w->stop)) {
		files_enter(w->files);
		int error = writeback_inode(w->inode[rng_below(&rng, FILES)]);
		files_leave(w->files);
		if (error)
			assert_int_equal(error, -EIO);
		usleep((useconds_t)rng_below(&rng, 2000));
	}
	return NULL;
}

/* ---- All of it ---- */

static void world_init(struct world *w)
{
	w->f = fixture_boot_with(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 600ul << 20 }, false);
	w->vm = &w->f->vm;
	w->files = &w->vm->files;
	files_fini(w->files); /* those over a folder */
	shrinkers_fini(&w->vm->policy);
	memset(w->files, 0, sizeof(*w->files));
	w->files->store = &fake_store;
	assert_int_equal(files_init_over(w->files, w->vm), 0);
	assert_int_equal(writeback_init(w->files), 0);
	files_enter(w->files);
	for (unsigned n = 0; n < FILES; n++) {
		const struct file_attr attr = { .dev = 1, .ino = n + 1, .mode = S_IFREG | 0644, .nlink = 1 };
		pthread_mutex_init(&w->stored[n].mutex, NULL);
		pthread_mutex_init(&w->model[n].mutex, NULL);
		w->stored[n].bytes = calloc(1, FILE_MOST + PAGE_SIZE);
		w->model[n].bytes = calloc(1, FILE_MOST + PAGE_SIZE);
		w->inode[n] = file_inode_obtain(w->files, &attr);
		assert_non_null(w->inode[n]);
		if (n >= OWN_FILES)
			while (file_truncate(w->inode[n], THREADS * STRIPE))
				;
	}
	files_leave(w->files);
}

/* The bytes of the store when all is written are those of the model. */
static void check_stored(struct world *w)
{
	for (unsigned n = 0; n < FILES; n++) {
		files_enter(w->files);
		for (int tries = 0; writeback_inode(w->inode[n]) && tries < 3; tries++)
			; /* one error of before is told once */
		assert_int_equal(writeback_inode(w->inode[n]), 0);
		files_leave(w->files);
		uint64_t size = n < OWN_FILES ? w->model[n].size : THREADS * STRIPE;
		assert_int_equal(w->inode[n]->attr.size, size);
		assert_int_equal(w->inode[n]->map.nr_dirty + w->inode[n]->map.nr_writeback, 0);
		assert_true(w->stored[n].size <= size);
		assert_memory_equal(w->stored[n].bytes, w->model[n].bytes, w->stored[n].size);
		for (uint64_t b = w->stored[n].size; b < size; b++)
			assert_int_equal(w->model[n].bytes[b], 0);
	}
}

static void world_fini(struct world *w)
{
	files_enter(w->files);
	for (unsigned n = 0; n < FILES; n++) {
		assert_int_equal(file_truncate(w->inode[n], 0), 0);
		assert_int_equal(w->inode[n]->map.nr_pages + w->inode[n]->map.nr_nodes, 0);
		file_put(w->inode[n]);
		free(w->stored[n].bytes);
		free(w->model[n].bytes);
	}
	files_leave(w->files);
	assert_int_equal(node_sum(w->vm, NR_FILE_PAGES), 0);
	assert_int_equal(node_sum(w->vm, NR_FILE_DIRTY) + node_sum(w->vm, NR_WRITEBACK), 0);
	assert_int_equal(node_sum(w->vm, WORKINGSET_NODES), 0);
	assert_verified(w->vm);
	files_fini(w->files);
	fixture_end(w->f);
}

static void test_random(void **state)
{
	struct world *w = &world;
	struct worker worker[THREADS];
	pthread_t thread[THREADS], reclaimer, flusher;
	(void)state;
	world_init(w);
	pthread_create(&reclaimer, NULL, reclaimer_main, w);
	pthread_create(&flusher, NULL, flusher_main, w);
	for (unsigned t = 0; t < THREADS; t++) {
		worker[t].w = w;
		worker[t].id = t;
		worker[t].buf = malloc(LEN_MOST + PAGE_SIZE);
		rng_init(&worker[t].rng, w->seed * 1000 + t);
		pthread_create(&thread[t], NULL, worker_main, &worker[t]);
	}
	for (unsigned t = 0; t < THREADS; t++) {
		pthread_join(thread[t], NULL);
		free(worker[t].buf);
	}
	WRITE_RELAXED(&w->stop, true);
	pthread_join(reclaimer, NULL);
	pthread_join(flusher, NULL);
	check_stored(w);
	world_fini(w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };
	world.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	world.operations = argc > 2 ? (unsigned)atoi(argv[2]) : OPERATIONS;
	printf("seed %lu, %u operations of each thread\n", (unsigned long)world.seed, world.operations);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
