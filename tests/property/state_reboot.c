/* SPDX-License-Identifier: MIT */
/*
 * A state is the machine: after random work its state.tar boots to a machine
 * that says the same in every file, down to the frame record, and whose future
 * is the same: the same operations give the same answers, the same text and
 * the same bytes in both. mm_verify agrees all the way.
 */
#include "daemon/boot.h"
#include "fs/state.h"
#include "knob/knob.h"
#include "mm/verify.h"
#include "support/random_machine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define STEPS_BEFORE 400
#define STEPS_AFTER 1000
#define COMPARE_EVERY 250
#define TASKS 6

struct world {
	struct booted b;
	struct fs fs;
};

static void world_boot(struct world *w, const char *config, const char *from)
{
	const struct boot_options o = { .config = config,
					.from = from,
					.has_backing = true,
					.region = { .backing = BACKING_SPARSE },
					.deterministic = true,
					.seed = 3 };
	const struct fs_options fo = { .uid = 0, .gid = 0 };
	struct why why = { "" };
	if (boot_machine(&w->b, &o, &why))
		fail_msg("%s", why.text);
	assert_int_equal(fs_init(&w->fs, &w->b.vm, &fo), 0);
}

static void world_end(struct world *w)
{
	fs_fini(&w->fs);
	boot_fini(&w->b);
}

/* ---- One operation: what it answers ---- */

static ssize_t attr_write(struct vm *vm, const char *task, const char *name, const char *text)
{
	struct task *t = task_find(vm, task);
	ssize_t ret = -ENOENT;
	for (unsigned i = 0; t && i < nr_task_attrs; i++)
		if (!strcmp(task_attr_table[i].name, name))
			ret = task_attr_write(t, &task_attr_table[i], text, strlen(text));
	if (t)
		task_put(t);
	return ret;
}

static ssize_t task_toggle(struct vm *vm, const char *task, bool make)
{
	struct task *t;
	if (!make)
		return task_remove(vm, task);
	int error = task_create(vm, task, 1000, 1001, &t);
	if (!error)
		task_put(t);
	return error;
}

static ssize_t content_write(struct vm *vm, const char *task, struct rng *r)
{
	char bytes[9000];
	struct task *t = task_find(vm, task);
	if (!t)
		return -ENOENT;
	memset(bytes, (int)rng_below(r, 256), sizeof(bytes));
	ssize_t ret = task_mem_write(t, bytes, 1 + rng_below(r, sizeof(bytes)), rng_below(r, 40ul << 20));
	task_put(t);
	return ret;
}

static ssize_t knob_random(struct vm *vm, struct rng *r)
{
	static const struct {
		const char *name;
		uint64_t from, to;
	} knobs[] = {
		{ "min_free_kbytes", 1000, 300000 },
		{ "watermark_scale_factor", 1, 600 },
		{ "nr_hugepages", 0, 200 },
		{ "nr_overcommit_hugepages", 0, 20 },
		{ "percpu_pagelist_high_fraction", 8, 90 },
		{ "overcommit_ratio", 10, 90 },
	};
	unsigned i = (unsigned)rng_below(r, ARRAY_LEN(knobs));
	char text[32];
	snprintf(text, sizeof(text), "%llu\n",
		 (unsigned long long)(knobs[i].from + rng_below(r, knobs[i].to - knobs[i].from)));
	return knob_write(knob_find(knobs[i].name), vm, 0, text, strlen(text));
}

static ssize_t drop_caches(struct vm *vm)
{
	for (unsigned i = 0; i < nr_knobs; i++)
		if (!strcmp(knob_table[i].path, "proc/sys/vm/drop_caches"))
			return knob_write(&knob_table[i], vm, 0, "1\n", 2);
	return -ENOENT;
}

static ssize_t step(struct vm *vm, struct rng *r)
{
	static const char *const gfp[] = { "GFP_KERNEL", "GFP_ATOMIC", "GFP_HIGHUSER_MOVABLE", "GFP_DMA32" };
	char task[16], text[64];
	unsigned long n = (unsigned long)rng_below(r, 200);
	snprintf(task, sizeof(task), "task %u", (unsigned)rng_below(r, TASKS));
	switch (rng_below(r, 16)) {
	case 0:
		return task_toggle(vm, task, true);
	case 1:
		return rng_below(r, 4) ? 0 : task_toggle(vm, task, false);
	case 2:
	case 3:
		snprintf(text, sizeof(text), "%luM\n", n / 2);
		return attr_write(vm, task, "anon", text);
	case 4:
	case 5:
	case 6:
		snprintf(text, sizeof(text), "%c%luK\n", rng_below(r, 2) ? '+' : '-', n * 60);
		return attr_write(vm, task, "file", text);
	case 7:
	case 8:
	case 9:
		snprintf(text, sizeof(text), "%u %s %c%lu\n",
			 (unsigned)rng_below(r, rng_below(r, 3) ? 4 : 11),
			 gfp[rng_below(r, ARRAY_LEN(gfp))], rng_below(r, 5) < 3 ? '+' : '-', n);
		return attr_write(vm, task, "pages", text);
	case 10:
		snprintf(text, sizeof(text), "2M %lu\n", n / 20);
		return attr_write(vm, task, "hugetlb", text);
	case 11:
		snprintf(text, sizeof(text), "%lu\n", n % 4);
		return attr_write(vm, task, "cpu", text);
	case 12:
		return content_write(vm, task, r);
	case 13:
		return knob_random(vm, r);
	case 14:
		return rng_below(r, 20) ? 0 : drop_caches(vm);
	default:
		vm_advance(vm, rng_below(r, 3000000000u));
		return 0;
	}
}

/* ---- Comparing ---- */

static void verified(struct vm *vm)
{
	struct text found;
	text_init(&found, 0);
	if (mm_verify(&vm->machine, &found))
		fail_msg("mm_verify:\n%s", text_cstr(&found));
	text_fini(&found);
}

static void texts_same(const char *name, const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i = 0;
	while (i < a_len && i < b_len && a[i] == b[i])
		i++;
	if (i == a_len && i == b_len)
		return;
	size_t from = i < 100 ? 0 : i - 100;
	fail_msg("%s differs at %zu:\n%.*s\n--- the other:\n%.*s", name, i,
		 (int)MIN(a_len - from, 200), a + from, (int)MIN(b_len - from, 200), b + from);
}

static void same(struct world *a, struct world *b)
{
	struct state x, y;
	assert_int_equal(state_collect(&x, &a->fs, STATE_FRAMES), 0);
	assert_int_equal(state_collect(&y, &b->fs, STATE_FRAMES), 0);
	texts_same("ummfs/frames", x.frames.buf, x.frames.len, y.frames.buf, y.frames.len);
	assert_int_equal(x.nr, y.nr);
	for (unsigned i = 0; i < x.nr; i++) {
		assert_string_equal(x.member[i].path, y.member[i].path);
		texts_same(x.member[i].path, state_text(&x, &x.member[i]), x.member[i].len,
			   state_text(&y, &y.member[i]), y.member[i].len);
	}
	state_fini(&x);
	state_fini(&y);
}

static void tars_same(struct world *a, struct world *b)
{
	char x[65536], y[65536];
	int fa = state_tar_open(&a->fs), fb = state_tar_open(&b->fs);
	assert_true(fa >= 0 && fb >= 0);
	ssize_t n;
	for (off_t at = 0; (n = pread(fa, x, sizeof(x), at)) > 0; at += n) {
		assert_int_equal(pread(fb, y, sizeof(y), at), n);
		assert_memory_equal(x, y, (size_t)n);
	}
	close(fa);
	close(fb);
}

static void reboot(struct world *from, struct world *to)
{
	char path[32];
	int fd = state_tar_open(&from->fs);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	world_boot(to, NULL, path);
	close(fd);
}

static void once(uint64_t seed)
{
	const char *root = getenv("SRCDIR");
	char config[512];
	struct world *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	struct rng r, again;
	assert_true(a && b);
	snprintf(config, sizeof(config), "%s/conf/builtin.conf", root ? root : ".");
	world_boot(a, config, NULL);
	rng_init(&r, seed);
	for (unsigned i = 0; i < STEPS_BEFORE; i++)
		step(&a->b.vm, &r);
	reboot(a, b);
	same(a, b);
	again = r;
	for (unsigned i = 1; i <= STEPS_AFTER; i++) {
		assert_int_equal(step(&a->b.vm, &r), step(&b->b.vm, &again));
		if (i % COMPARE_EVERY)
			continue;
		same(a, b);
		verified(&a->b.vm);
		verified(&b->b.vm);
	}
	tars_same(a, b);
	world_end(a);
	world_end(b);
	free(a);
	free(b);
}

static void test_reboot(void **state)
{
	(void)state;
	uint64_t seed = property_seed();
	for (unsigned i = 0; i < property_rounds(3); i++)
		once(seed + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_reboot) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
