/* SPDX-License-Identifier: MIT */
/*
 * Compaction beside a plain copy of the same pages, in process:
 *
 *   huge_compact hugetlb|sparse [MIB]
 *
 * Two tasks fill three quarters of a machine of MIB (2048) in turns of 1 to 31 pages
 * and one of them goes, so that what is left has holes everywhere. (Turns of one length
 * put all holes at the same distance, which the free scanner's stride can miss.) Then
 * compact_node runs alone, in this thread. The peer copies the pages that were moved,
 * from the frames where they were to those where they are now, a page at a time and
 * from low frames to high ones; that writes the bytes that are there already. All
 * frames have been touched before, on both sides, and before each of them the rest of
 * memory was gone through, so that the caches have forgotten the pages.
 *
 * The bytes of every page are checked after each round. On sparse memory the
 * host's own work is in it (a frame that is left goes back to the host, a new one
 * comes from there): shown, no target.
 */
#include "bench.h"
#include "bench_machine.h"
#include "daemon/boot.h"
#include "vm/task_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define STEP_PAGES_MAX 31u
#define FILLED_OF_8 6u

static struct booted booted;

/* ---- Two tasks ---- */

static struct task *task_new(const char *name)
{
	struct task *t;
	int err = task_create(&booted.vm, name, 0, 0, &t);

	if (err)
		bench_fail("task %s: %s", name, strerror(-err));
	return t;
}

static void task_drop(struct task **t, const char *name)
{
	task_put(*t);
	*t = NULL;
	if (task_remove(&booted.vm, name))
		bench_fail("task %s does not go", name);
}

/* What page `slot` of a task has in it, in each of its words. */
static uint64_t page_word(uint64_t slot)
{
	return slot * 0x9e3779b97f4a7c15u + 1;
}

/* nr pages more, from page `slot` on. */
static void task_fill(struct task *t, uint64_t slot, unsigned nr)
{
	static uint64_t bytes[STEP_PAGES_MAX * PAGE_SIZE / sizeof(uint64_t)];
	size_t size = (size_t)nr << PAGE_SHIFT;
	char text[32];
	int len = snprintf(text, sizeof(text), "+%zuK\n", size >> 10);

	if (task_attr_write(t, task_attr_find("anon"), text, (size_t)len) != len)
		bench_fail("page %llu of a task cannot be had", (unsigned long long)slot);
	for (size_t i = 0; i < size / sizeof(bytes[0]); i++)
		bytes[i] = page_word(slot + i / (PAGE_SIZE / sizeof(bytes[0])));
	if (task_mem_write(t, (const char *)bytes, size, slot << PAGE_SHIFT) != (ssize_t)size)
		bench_fail("page %llu of a task cannot be written", (unsigned long long)slot);
}

static void task_check(struct task *t)
{
	uint64_t page[PAGE_SIZE / sizeof(uint64_t)];

	for (uint64_t slot = 0; slot < t->anon.nr; slot++) {
		if (task_mem_read(t, (char *)page, sizeof(page), slot << PAGE_SHIFT) != sizeof(page))
			bench_fail("page %llu cannot be read", (unsigned long long)slot);
		for (size_t i = 0; i < ARRAY_LEN(page); i++)
			if (page[i] != page_word(slot))
				bench_fail("page %llu has lost its content", (unsigned long long)slot);
	}
}

/* The task that stays. */
static struct task *fragment(void)
{
	struct task *stays = task_new("stays"), *goes = task_new("goes");
	uint64_t pages = booted.vm.total_pages * FILLED_OF_8 / 8 / 2, seed = 0x5eed, kept = 0, lost = 0;

	while (kept < pages && lost < pages) {
		unsigned keep = 1 + (unsigned)(load_random(&seed) % STEP_PAGES_MAX);
		unsigned lose = 1 + (unsigned)(load_random(&seed) % STEP_PAGES_MAX);
		task_fill(stays, kept, keep);
		task_fill(goes, lost, lose);
		kept += keep;
		lost += lose;
	}
	task_drop(&goes, "goes");
	return stays;
}

/* ---- What has moved ---- */

struct move {
	pfn_t from, to;
};

struct moves {
	struct move *move;
	uint64_t nr;
};

static pfn_t *places(const struct task *t)
{
	pfn_t *pfn = malloc(t->anon.nr * sizeof(*pfn));

	if (!pfn)
		bench_fail("no memory");
	memcpy(pfn, t->anon.pfn, t->anon.nr * sizeof(*pfn));
	return pfn;
}

static int compare_moves(const void *a, const void *b)
{
	pfn_t x = ((const struct move *)a)->from, y = ((const struct move *)b)->from;

	return (x > y) - (x < y);
}

static void moves_find(struct moves *m, const struct task *t, const pfn_t *before)
{
	m->move = realloc(m->move, t->anon.nr * sizeof(*m->move));
	if (!m->move)
		bench_fail("no memory");
	m->nr = 0;
	for (uint64_t slot = 0; slot < t->anon.nr; slot++)
		if (t->anon.pfn[slot] != before[slot])
			m->move[m->nr++] = (struct move){ before[slot], t->anon.pfn[slot] };
	qsort(m->move, m->nr, sizeof(*m->move), compare_moves);
}

/* Nanoseconds a page. */
static double moves_copy(const struct moves *m)
{
	uint64_t from = thread_ns();

	for (uint64_t i = 0; i < m->nr; i++)
		memcpy(region_frame(&booted.region, m->move[i].to),
		       region_frame(&booted.region, m->move[i].from), PAGE_SIZE);
	return (double)(thread_ns() - from) / (double)m->nr;
}

/* Memory as large as the machine is gone through. */
static void caches_forget(const char *other, size_t bytes)
{
	volatile char sink = 0;

	for (size_t i = 0; i < bytes; i += 64)
		sink = (char)(sink + other[i]);
}

/* ---- Rounds ---- */

static uint64_t events(enum vm_event e)
{
	const struct machine *m = &booted.vm.machine;
	uint64_t sum = 0;

	for (unsigned c = 0; c < m->nr_cpu_ids; c++)
		sum += m->cpu[c].event[e];
	return sum;
}

struct figures {
	struct samples ours_ns, peer_ns; /* of a page */
	uint64_t moved;
	char *other; /* memory that is no part of the machine */
	size_t other_bytes;
};

static void round_run(struct figures *f)
{
	static struct moves moves;
	struct task *t = fragment();
	pfn_t *before = places(t);
	uint64_t count = events(PGMIGRATE_SUCCESS);

	caches_forget(f->other, f->other_bytes);
	uint64_t from = thread_ns();
	if (compact_node(&booted.vm.policy, &booted.vm.machine.node[0]))
		bench_fail("compaction was interrupted");
	double ns = (double)(thread_ns() - from);
	count = events(PGMIGRATE_SUCCESS) - count;
	moves_find(&moves, t, before);
	if (count < moves.nr || !moves.nr)
		bench_fail("%llu pages have moved, %llu were counted", (unsigned long long)moves.nr,
			   (unsigned long long)count);
	samples_add(&f->ours_ns, ns / (double)count);
	caches_forget(f->other, f->other_bytes);
	samples_add(&f->peer_ns, moves_copy(&moves));
	task_check(t);
	f->moved = count;
	free(before);
	task_drop(&t, "stays");
}

static void machine_start(const char *backing, unsigned mib)
{
	static struct why why;
	char text[128], path[32];

	snprintf(text, sizeof(text), "[machine]\nbacking=%s\n[node 0]\nmemory=%uM\ncpus=0-1\n",
		 backing, mib);
	int fd = bench_config_file(text, path);
	struct boot_options o = { .config = path,
				  .has_reserve = true,
				  .region.reserve = !strcmp(backing, "hugetlb"),
				  .source = "none" };
	if (boot_machine(&booted, &o, &why))
		bench_fail("%s", why.text);
	close(fd);
}

static void side_print(const char *name, const struct samples *ns)
{
	struct spread s = samples_spread(ns);

	printf("  %-12s %6.2f GB/s  [%.2f-%.2f]\n", name, PAGE_SIZE / s.median, PAGE_SIZE / s.max,
	       PAGE_SIZE / s.min);
}

static void figures_print(const struct figures *f, const char *backing, unsigned mib)
{
	struct spread ratio = samples_ratio(&f->ours_ns, &f->peer_ns);

	printf("Compaction of %u MiB (%s), %llu MiB moved\n", mib, backing,
	       (unsigned long long)(f->moved >> (20 - PAGE_SHIFT)));
	side_print("compaction", &f->ours_ns);
	side_print("plain copy", &f->peer_ns);
	printf("  speed to that of the copy %.2f  [%.2f-%.2f]\n", 1 / ratio.median, 1 / ratio.max,
	       1 / ratio.min);
	if (!strcmp(backing, "hugetlb"))
		summary_target("compaction, time to that of a plain copy", "ratio", 2, ratio);
}

int main(int argc, char **argv)
{
	unsigned mib = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2048;
	unsigned rounds = CLAMP(env_number("ROUNDS", 9), 1u, ROUNDS_MAX);
	struct figures f = { 0 };

	if (argc < 2 || mib < 64) {
		fprintf(stderr, "usage: huge_compact hugetlb|sparse [MIB]\n");
		return 2;
	}
	machine_start(argv[1], mib);
	f.other_bytes = (size_t)mib << 20;
	f.other = malloc(f.other_bytes);
	if (!f.other)
		bench_fail("no memory");
	memset(f.other, 1, f.other_bytes);
	cpu_pin(1);
	for (unsigned r = 0; r < rounds; r++)
		round_run(&f);
	boot_fini(&booted);
	free(f.other);
	figures_print(&f, argv[1], mib);
	return 0;
}
