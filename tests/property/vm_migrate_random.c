/* SPDX-License-Identifier: MIT */
/*
 * Tasks write to their memory, read it again, grow and shrink; files are
 * written, read, truncated, written back and dropped; and meanwhile one thread
 * moves pages at random to free frames of any node, and compacts nodes. Every
 * byte that is read is what was written last. Over a folder, in memory, with a
 * host that has hardly more memory than what is in use, and with one that
 * keeps all bytes.
 *
 * vm_migrate_random [SEED [OPERATIONS]]
 */
#include "support/file_fixture.h"
#include "support/move_fixture.h"

#include "mm/pcp.h"
#include "policy/reclaim.h"
#include "vm/vm_verify.h"

#include <pthread.h>

#define TASKS 2u
#define FILES 2u
#define TASK_PAGES_MOST 6000ul
#define TASK_FILE_MOST 4000ul
#define FILE_MOST (2ul << 20)
#define PIECE_PAGES 24ul
#define OPERATIONS 4000u
#define SHORT_PAGES 2500u /* of the host, where it is short: less than what tasks may write */

static uint64_t seed = 1;
static unsigned operations = OPERATIONS;

struct world {
	struct file_fixture *x;
	struct vm *vm;
	uint64_t seed;
	bool stop; /* relaxed */
	uint64_t moved[OWNER_KINDS], refused; /* of the mover */
	uint64_t short_of_host; /* requests that the host had no room for; atomic */
};

/* ---- A task and what it has written ---- */

struct writer {
	struct world *w;
	struct rng rng;
	unsigned id;
	struct task *task;
	uint32_t version[TASK_PAGES_MOST]; /* 0: all zeros */
	char want[PIECE_PAGES * PAGE_SIZE], got[PIECE_PAGES * PAGE_SIZE];
};

static void page_fill(const struct writer *k, uint64_t page, uint32_t version, char *to)
{
	uint64_t word[PAGE_SIZE / 8], x = version ? (page << 40 | (uint64_t)version << 8 | k->id) + 1 : 0;
	for (unsigned n = 0; n < ARRAY_LEN(word); n++)
		word[n] = x * (2 * n + 1);
	memcpy(to, word, PAGE_SIZE);
}

static uint64_t pages_of(struct writer *k)
{
	return page_index_nr(&k->task->anon);
}

static void mem_check(struct writer *k, uint64_t from, uint64_t nr)
{
	size_t len = nr * PAGE_SIZE;
	assert_int_equal(task_mem_read(k->task, k->got, len, from * PAGE_SIZE), len);
	for (uint64_t n = 0; n < nr; n++) {
		page_fill(k, from + n, k->version[from + n], k->want);
		if (memcmp(k->want, k->got + n * PAGE_SIZE, PAGE_SIZE))
			fail_msg("task %u, page %lu is not what was written (version %u)", k->id,
				 (unsigned long)(from + n), k->version[from + n]);
	}
}

/* In one request, of which the host may not have room for all. */
static void mem_write(struct writer *k, uint64_t from, uint64_t nr)
{
	uint32_t version = 1 + (uint32_t)rng_below(&k->rng, 1u << 24);
	for (uint64_t n = 0; n < nr; n++)
		page_fill(k, from + n, version, k->want + n * PAGE_SIZE);
	ssize_t done = task_mem_write(k->task, k->want, nr * PAGE_SIZE, from * PAGE_SIZE);
	if (done < 0)
		assert_int_equal(done, -ENOMEM);
	if (done < (ssize_t)(nr * PAGE_SIZE))
		__atomic_fetch_add(&k->w->short_of_host, 1, __ATOMIC_RELAXED);
	for (uint64_t n = 0; done > 0 && n < (uint64_t)done / PAGE_SIZE; n++)
		k->version[from + n] = version;
}

/* The same bytes once more, but only some of them: the rest has to stay. */
static void mem_write_part(struct writer *k, uint64_t page)
{
	size_t start = rng_below(&k->rng, PAGE_SIZE), len = 1 + rng_below(&k->rng, PAGE_SIZE - start);
	page_fill(k, page, k->version[page], k->want);
	if (k->version[page])
		assert_int_equal(
			task_mem_write(k->task, k->want + start, len, page * PAGE_SIZE + start), len);
}

static void number_write(struct writer *k, const char *name, uint64_t pages)
{
	char text[32];
	snprintf(text, sizeof(text), "%lu", (unsigned long)(pages * PAGE_SIZE));
	assert_int_equal(write_attr(k->task, name, text), strlen(text));
}

static void mem_resize(struct writer *k)
{
	uint64_t was = pages_of(k), pages = rng_below(&k->rng, TASK_PAGES_MOST + 1);
	if (rng_below(&k->rng, 2)) /* not that much at a time, mostly */
		pages = MIN(TASK_PAGES_MOST, was - MIN(was, 50) + rng_below(&k->rng, 100));
	number_write(k, "anon", pages);
	for (uint64_t n = pages; n < was; n++)
		k->version[n] = 0;
}

static void writer_step(struct writer *k)
{
	unsigned what = (unsigned)rng_below(&k->rng, 100);
	uint64_t pages = pages_of(k);
	if (what < 3 || !pages)
		mem_resize(k);
	else if (what < 9)
		number_write(k, "file", rng_below(&k->rng, TASK_FILE_MOST));
	else if (what < 11)
		assert_write(k->task, "cpu", rng_below(&k->rng, 2) ? "0" : "3");
	else {
		uint64_t from = rng_below(&k->rng, pages), nr = 1 + rng_below(&k->rng, PIECE_PAGES);
		nr = MIN(nr, pages - from);
		if (what < 50)
			mem_write(k, from, nr);
		else if (what < 60)
			mem_write_part(k, from);
		else
			mem_check(k, from, nr);
	}
}

static void *writer_main(void *arg)
{
	struct writer *k = arg;
	for (unsigned n = 0; n < operations; n++)
		writer_step(k);
	for (uint64_t at = 0; at < pages_of(k); at += PIECE_PAGES)
		mem_check(k, at, MIN(PIECE_PAGES, pages_of(k) - at));
	return NULL;
}

/* ---- A file and its bytes ---- */

struct filer {
	struct world *w;
	struct rng rng;
	struct file_inode *inode;
	char *bytes;
	uint64_t size;
};

static void file_check(struct filer *k, uint64_t offset, size_t len)
{
	struct file_read r;
	uint64_t at = offset;
	int error = file_read_begin(k->inode, offset, len, &r);
	if (error) {
		assert_int_equal(error, -ENOMEM);
		__atomic_fetch_add(&k->w->short_of_host, 1, __ATOMIC_RELAXED);
		return;
	}
	for (unsigned v = 0; v < r.nr_iov; at += r.iov[v++].iov_len)
		if (memcmp(r.iov[v].iov_base, k->bytes + at, r.iov[v].iov_len))
			fail_msg("file: bytes at %lu (size %lu) are not what was written",
				 (unsigned long)at, (unsigned long)k->size);
	assert_true(at <= MAX(k->size, offset));
	file_read_end(&r);
}

static void file_fill(struct filer *k, uint64_t offset, size_t len)
{
	char byte = (char)rng_next(&k->rng);
	char *buf = malloc(len);
	for (size_t n = 0; n < len; n++)
		buf[n] = (char)(byte + (char)(n >> 3));
	ssize_t done = file_write(k->inode, buf, len, offset); /* a single batch: all of it or nothing */
	if (done < 0) {
		assert_int_equal(done, -ENOMEM);
		__atomic_fetch_add(&k->w->short_of_host, 1, __ATOMIC_RELAXED);
	} else {
		assert_int_equal(done, len);
		memcpy(k->bytes + offset, buf, len);
		k->size = MAX(k->size, offset + len);
	}
	free(buf);
}

static void file_step(struct filer *k)
{
	unsigned what = (unsigned)rng_below(&k->rng, 100);
	size_t len = 1 + (rng_below(&k->rng, 200000) >> rng_below(&k->rng, 8));
	uint64_t offset = rng_below(&k->rng, FILE_MOST - len);
	if (what < 45)
		file_fill(k, offset, len);
	else if (what < 90)
		file_check(k, offset, len);
	else if (what < 95) {
		assert_int_equal(file_truncate(k->inode, offset), 0);
		if (offset < k->size)
			memset(k->bytes + offset, 0, k->size - offset);
		k->size = offset;
	} else if (k->w->vm->files.writeback)
		assert_int_equal(writeback_inode(k->inode), 0);
}

static void *filer_main(void *arg)
{
	struct filer *k = arg;
	for (unsigned n = 0; n < operations; n++) {
		files_enter(k->w->x->files);
		file_step(k);
		files_leave(k->w->x->files);
	}
	files_enter(k->w->x->files);
	for (uint64_t at = 0; at < k->size; at += 1u << 18)
		file_check(k, at, 1u << 18);
	files_leave(k->w->x->files);
	return NULL;
}

/* ---- Those who move pages, and take them ---- */

/* Whose it is, or was: nothing but a count depends on it. */
__attribute__((no_sanitize("thread"))) static enum owner_kind kind_peek(const struct page *page)
{
	return owner_kind(READ_RELAXED(&page->owner)) % OWNER_KINDS;
}

/* Pages in a row from a random frame on, a cluster inside one CPU. */
static void cluster_move(struct world *w, struct rng *rng)
{
	struct machine *m = &w->vm->machine;
	struct cpu *c = &m->cpu[rng_below(rng, 4)];
	pfn_t pfn = (pfn_t)(1 + rng_below(rng, 2 * NODE_PAGES - 600)), end = pfn + 512;
	int nid = (int)rng_below(rng, 3) - 1;
	unsigned nr = 1 + (unsigned)rng_below(rng, 32);
	cpu_enter(c);
	for (; pfn < end && nr; pfn++) {
		struct page *page = pfn_page(m, pfn), *to;
		if (!page_may_move(&w->vm->policy, page))
			continue;
		nr--;
		enum owner_kind kind = kind_peek(page);
		enum page_fate fate = page_move_inside(w->vm, c, page, nid, &to);
		if (fate == PAGE_GOES)
			w->moved[kind]++; /* or of whom it was a moment ago */
		else
			w->refused++;
	}
	cpu_leave(c);
}

static void *mover_main(void *arg)
{
	struct world *w = arg;
	struct rng rng;
	rng_init(&rng, w->seed + 5);
	for (unsigned n = 0; !READ_RELAXED(&w->stop); n++) {
		cluster_move(w, &rng);
		if (n % 64 == 0)
			usleep(100);
		if (n % 1024 == 0)
			assert_int_equal(
				compact_node(&w->vm->policy, &w->vm->machine.node[rng_below(&rng, 2)]), 0);
	}
	return NULL;
}

static void *dropper_main(void *arg)
{
	struct world *w = arg;
	struct rng rng;
	rng_init(&rng, w->seed + 6);
	while (!READ_RELAXED(&w->stop)) {
		if (rng_below(&rng, 2))
			reclaim_drop_pagecache(&w->vm->policy);
		else
			files_drop_pagecache(w->x->files);
		usleep((useconds_t)rng_below(&rng, 20000));
	}
	return NULL;
}

/* ---- All of it ---- */

static uint64_t content_pages(const struct world *w)
{
	uint64_t nr = 0;
	for (pfn_t pfn = 1; pfn < 2 * NODE_PAGES; pfn++)
		nr += pfn_page(&w->vm->machine, pfn)->flags & PG_CONTENT;
	return nr;
}

static uint64_t events(const struct vm *vm, enum vm_event e)
{
	uint64_t sum = 0;
	MASK_FOR_EACH(c, &vm->machine.cpus_online)
		sum += vm->machine.cpu[c].event[e];
	return sum;
}

static void world_check(struct world *w)
{
	struct text findings;
	text_init(&findings, 0);
	files_leave(w->x->files);
	unsigned found = vm_verify(w->vm, &findings);
	files_enter(w->x->files);
	if (found)
		fail_msg("vm_verify:\n%s", text_cstr(&findings));
	text_fini(&findings);
	if (w->x->f->region.backing != BACKING_HUGETLB) /* a frame with bytes is charged, and no other */
		assert_int_equal(w->x->f->region.used_pages, content_pages(w));
}

static void writers_start(struct world *w, struct writer *k, pthread_t *thread)
{
	for (unsigned n = 0; n < TASKS; n++) {
		char name[8];
		snprintf(name, sizeof(name), "t%u", n);
		k[n] = (struct writer){ .w = w, .id = n };
		rng_init(&k[n].rng, w->seed * 100 + n);
		k[n].task = make_task(w->x->f, name);
		pthread_create(&thread[n], NULL, writer_main, &k[n]);
	}
}

static void filers_start(struct world *w, struct filer *k, pthread_t *thread)
{
	for (unsigned n = 0; n < FILES; n++) {
		char name[8];
		snprintf(name, sizeof(name), "f%u", n);
		k[n] = (struct filer){ .w = w, .bytes = calloc(1, FILE_MOST) };
		rng_init(&k[n].rng, w->seed * 100 + 50 + n);
		k[n].inode = create(w->x->root, name);
		pthread_create(&thread[n], NULL, filer_main, &k[n]);
	}
}

static void world_end(struct world *w, struct writer *writer, struct filer *filer)
{
	for (unsigned n = 0; n < FILES; n++) {
		assert_int_equal(file_truncate(filer[n].inode, 0), 0);
		close_file(filer[n].inode);
		free(filer[n].bytes);
	}
	for (unsigned n = 0; n < TASKS; n++)
		end_task(w->x->f, writer[n].task);
	assert_int_equal(node_sum(w->vm, NR_ANON_MAPPED) + node_sum(w->vm, NR_FILE_PAGES), 0);
	assert_int_equal(node_sum(w->vm, NR_FILE_DIRTY) + node_sum(w->vm, NR_SHMEM), 0);
	world_check(w);
	file_fixture_end(w->x);
}

static void run(bool in_memory, enum backing backing, uint64_t limit_pages)
{
	static struct world world;
	static struct writer writer[TASKS];
	struct filer filer[FILES];
	pthread_t writing[TASKS], filing[FILES], mover, dropper;
	struct world *w = &world;
	*w = (struct world){ .seed = seed, .x = file_fixture_boot_as(in_memory, true) };
	w->vm = w->x->vm;
	w->x->f->region.backing = backing;
	w->x->f->region.limit_pages = limit_pages;
	writers_start(w, writer, writing);
	filers_start(w, filer, filing);
	pthread_create(&mover, NULL, mover_main, w);
	pthread_create(&dropper, NULL, dropper_main, w);
	for (unsigned n = 0; n < TASKS; n++)
		pthread_join(writing[n], NULL);
	for (unsigned n = 0; n < FILES; n++)
		pthread_join(filing[n], NULL);
	WRITE_RELAXED(&w->stop, true);
	pthread_join(mover, NULL);
	pthread_join(dropper, NULL);
	printf("moved: anon %lu, file pages of tasks %lu, of files %lu; refused %lu; host pages %lu, too few %lu times\n",
	       (unsigned long)w->moved[OWNER_TASK_ANON], (unsigned long)w->moved[OWNER_TASK_FILE],
	       (unsigned long)w->moved[OWNER_FILE], (unsigned long)w->refused,
	       (unsigned long)w->x->f->region.used_pages, (unsigned long)w->short_of_host);
	printf("compaction moved %lu pages, %lu stayed\n", (unsigned long)events(w->vm, PGMIGRATE_SUCCESS),
	       (unsigned long)events(w->vm, PGMIGRATE_FAIL));
	assert_true(w->moved[OWNER_TASK_ANON] && w->moved[OWNER_TASK_FILE] && w->moved[OWNER_FILE]);
	world_check(w);
	w->x->f->region.backing = BACKING_SPARSE; /* with what it has been charged for, had it been all the time */
	w->x->f->region.used_pages = content_pages(w);
	world_end(w, writer, filer);
}

static void test_over_a_folder(void **state)
{
	(void)state;
	run(false, BACKING_SPARSE, 150000);
}

static void test_in_memory(void **state)
{
	(void)state;
	run(true, BACKING_SPARSE, 150000);
}

static void test_host_short_of_memory(void **state)
{
	(void)state;
	run(false, BACKING_SPARSE, SHORT_PAGES);
}

static void test_host_that_keeps_everything(void **state)
{
	(void)state;
	run(false, BACKING_HUGETLB, UINT64_MAX);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over_a_folder),
		cmocka_unit_test(test_in_memory),
		cmocka_unit_test(test_host_short_of_memory),
		cmocka_unit_test(test_host_that_keeps_everything),
	};
	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : seed;
	operations = argc > 2 ? (unsigned)atoi(argv[2]) : operations;
	printf("seed %lu, %u operations of each thread\n", (unsigned long)seed, operations);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
