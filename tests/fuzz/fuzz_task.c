/* SPDX-License-Identifier: MIT */
/*
 * Writes to the files of tasks: pieces of the input (0xff cuts), of each the
 * low bits of the first byte pick the file, bit 6 one of two tasks, bit 7 a
 * knob instead of a file (huge pages, overcommit, drop_caches), the rest is
 * written. `mem` takes its offset from the next three bytes and must read
 * back. At the end the tasks go, and every zone has its free pages again.
 */
#include "fuzz/fuzz.h"

#include "knob/knob.h"
#include "mm/stat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WRITES_MOST 64u
#define LIMIT_BYTES                                                                                \
	((uint64_t)8 << 20) /* less than the machine has: the host's limit is met, too */
#define ZONES_MOST 16u

struct run {
	struct vm *vm;
	struct task *task[2];
};

struct free_state {
	int64_t zone[ZONES_MOST];
};

static struct free_state free_state(struct vm *vm)
{
	struct free_state f = { { 0 } };
	unsigned i = 0;
	FOR_EACH_POPULATED_ZONE(z, &vm->machine) {
		FUZZ_REQUIRE(i < ZONES_MOST, "too many zones");
		f.zone[i] = zone_stat_sum(z, NR_FREE_PAGES);
		MASK_FOR_EACH(c, &vm->machine.cpus_online)
			f.zone[i] += vm->machine.cpu[c].zone[z->id].pcp.count;
		i++;
	}
	return f;
}

static void knob_poke(struct vm *vm, const char *name, const char *bytes, size_t len)
{
	const struct knob *k = knob_find(name);
	FUZZ_REQUIRE(k, "no knob %s", name);
	ssize_t ret = knob_write(k, vm, 0, bytes, len);
	FUZZ_REQUIRE(ret <= (ssize_t)len, "%s: %zd of %zu", name, ret, len);
}

static const struct knob *action_find(const char *path)
{
	for (unsigned i = 0; i < nr_knobs; i++)
		if (!strcmp(knob_table[i].path, path))
			return &knob_table[i];
	fuzz_fail(__FILE__, __LINE__, "no knob %s", path);
}

static void knob_piece(struct vm *vm, unsigned pick, const char *bytes, size_t len)
{
	static const char *const names[] = { "nr_hugepages", "nr_overcommit_hugepages",
					     "overcommit_memory", "overcommit_ratio", "min_free_kbytes" };
	if (pick % (ARRAY_LEN(names) + 1) < ARRAY_LEN(names)) {
		knob_poke(vm, names[pick % (ARRAY_LEN(names) + 1)], bytes, len);
		return;
	}
	ssize_t ret = knob_write(action_find("proc/sys/vm/drop_caches"), vm, 0, "1\n", 2);
	FUZZ_REQUIRE(ret == 2, "drop_caches: %zd", ret);
}

static void mem_piece(struct task *t, const char *bytes, size_t len)
{
	uint64_t offset = 0, end = task_mem_bytes(t);
	for (unsigned i = 0; i < 3 && len; i++, len--)
		offset = offset << 8 | (uint8_t)*bytes++;
	char *back = malloc(len + 1);
	FUZZ_REQUIRE(back, "no memory");
	ssize_t wrote = task_mem_write(t, bytes, len, offset);
	FUZZ_REQUIRE(wrote <= (ssize_t)len, "mem: wrote %zd of %zu", wrote, len);
	FUZZ_REQUIRE(wrote >= 0 || wrote == -ENOSPC || wrote == -ENOMEM, "mem: %zd", wrote);
	FUZZ_REQUIRE(wrote <= 0 || offset + (uint64_t)wrote <= end, "mem: %zd bytes at %lu of %lu",
		     wrote, offset, end);
	ssize_t got = task_mem_read(t, back, len + 1, offset);
	FUZZ_REQUIRE(got >= (wrote > 0 ? wrote : 0), "mem: read %zd of %zd", got, wrote);
	FUZZ_REQUIRE(wrote <= 0 || !memcmp(back, bytes, (size_t)wrote), "mem: other bytes come back");
	free(back);
}

static void attr_read_all(struct task *t)
{
	for (unsigned i = 0; i < nr_task_attrs; i++) {
		struct text out;
		text_init(&out, 0);
		int error = task_attr_table[i].is_mem ? 0 : task_attr_read(t, &task_attr_table[i], &out);
		FUZZ_REQUIRE(!error, "%s: read: %d", task_attr_table[i].name, error);
		text_fini(&out);
	}
}

/* procs looks at processes of the host: what an input does must not depend on them. */
static void attr_piece(struct task *t, const struct task_attr *a, const char *bytes, size_t len)
{
	if (a->is_mem) {
		mem_piece(t, bytes, len);
		return;
	}
	if (!strcmp(a->name, "procs") && memchr("0123456789", len ? *bytes : 'x', 10))
		return;
	char *exact = malloc(len);
	FUZZ_REQUIRE(exact || !len, "no memory");
	if (len)
		memcpy(exact, bytes, len);
	ssize_t ret = task_attr_write(t, a, exact, len);
	free(exact);
	FUZZ_REQUIRE(ret <= (ssize_t)len && ret > -4096, "%s: write of %zu: %zd", a->name, len, ret);
	attr_read_all(t);
}

static void piece_write(struct run *r, const char *bytes, size_t len)
{
	unsigned pick = (uint8_t)*bytes;
	if (pick & 0x80)
		knob_piece(r->vm, pick & 0x7f, bytes + 1, len - 1);
	else
		attr_piece(r->task[pick >> 6 & 1], &task_attr_table[(pick & 0x3f) % nr_task_attrs],
			   bytes + 1, len - 1);
}

static void tasks_end(struct run *r)
{
	for (unsigned i = 0; i < 2; i++) {
		FUZZ_REQUIRE(!task_remove(r->vm, r->task[i]->name), "rmdir %s", r->task[i]->name);
		task_put(r->task[i]);
	}
}

/* Slabs that the reserve is in: tasks and mappings may have been beside it. */
static uint64_t own_pages(struct vm *vm)
{
	uint64_t pages = 0;
	for (unsigned kind = 0; kind < OWN_KINDS; kind++) {
		struct kmem_cache *s = vm->own.of[kind].cache;
		for (unsigned n = 0; n < vm->machine.nr_nodes; n++)
			pages += s->node[n].nr_slabs << s->layout.order;
	}
	return pages;
}

/* Nothing is left but what the knobs hold. */
static void given_back(struct run *r, const struct free_state *before)
{
	knob_poke(r->vm, "nr_hugepages", "0", 1);
	for (struct kmem_cache *c = r->vm->slabs.newest; c; c = c->older)
		kmem_cache_shrink(c); /* each keeps some slabs for the next request */
	FUZZ_REQUIRE(!r->vm->hugetlb->nr, "%lu huge pages stay", r->vm->hugetlb->nr);
	FUZZ_REQUIRE(r->vm->region->used_pages <= own_pages(r->vm), "%lu frames stay charged",
		     r->vm->region->used_pages);
	FUZZ_REQUIRE(!r->vm->overcommit.committed_pages, "%ld pages stay committed",
		     r->vm->overcommit.committed_pages);
	struct free_state after = free_state(r->vm);
	for (unsigned i = 0; i < ZONES_MOST; i++)
		FUZZ_REQUIRE(after.zone[i] == before->zone[i], "zone %u: %ld free pages before, %ld after",
			     i, before->zone[i], after.zone[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_pieces pieces = { data, data + len };
	struct booted b;
	const char *bytes;
	size_t n;

	fuzz_boot(&b, LIMIT_BYTES);
	struct run r = { .vm = &b.vm };
	struct free_state before = free_state(&b.vm);
	FUZZ_REQUIRE(!task_create(&b.vm, "a", 0, 0, &r.task[0]), "mkdir a");
	FUZZ_REQUIRE(!task_create(&b.vm, "b", 1000, 1000, &r.task[1]), "mkdir b");
	for (unsigned i = 0; i < WRITES_MOST && fuzz_piece(&pieces, &bytes, &n); i++)
		if (n)
			piece_write(&r, bytes, n);
	fuzz_verify(&b.vm);
	fuzz_views(&b.vm);
	tasks_end(&r);
	given_back(&r, &before);
	fuzz_verify(&b.vm);
	boot_fini(&b);
	return 0;
}
