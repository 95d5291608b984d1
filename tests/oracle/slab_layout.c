/* SPDX-License-Identifier: MIT */
/*
 * The layout of every cache that a captured kernel had, computed anew from
 * what its creator asked for; and for each of those kernels its whole boot:
 * which caches it creates, which share slabs, and the order of slabinfo.
 *
 * tests/oracle/slab: sys/kernel/slab of each capture, one file for those that
 * agree in all rows. "line" is the row of proc/slabinfo, - for who has none.
 */
#include "mm/slab_known.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROWS_MAX 512
#define FILES_LEAST 14

struct row {
	char name[40], link[40];
	int line; /* of slabinfo; -1: none */
	uint32_t object_size, size, align, order, objects, min_partial, cpu_partial, usersize;
	uint32_t flags; /* that sysfs tells */
	bool seen;
};

struct captured_slab {
	const char *file;
	struct slab_layout_of of;
	unsigned nr_nodes, nr_rows;
	struct row row[ROWS_MAX];
};

static struct captured_slab captured;

static void row_read(struct row *r, const char *text)
{
	char line[16];
	unsigned reclaim, dma, hwcache, rcu;
	*r = (struct row){ .line = -1 };
	if (sscanf(text, "%15s %39s %39s", line, r->name, r->link) != 3)
		fail_msg("%s: odd row %s", captured.file, text);
	if (strcmp(line, "-") != 0)
		r->line = atoi(line);
	if (strcmp(r->link, "-") != 0)
		return;
	r->link[0] = '\0';
	if (sscanf(text, "%*s %*s %*s %u %u %u %u %u %u %u %u %u %u %u %u", &r->object_size,
		   &r->size, &r->align, &r->order, &r->objects, &r->min_partial, &r->cpu_partial,
		   &reclaim, &dma, &hwcache, &rcu, &r->usersize) != 12)
		fail_msg("%s: odd row %s", captured.file, text);
	r->flags = (reclaim ? SLAB_RECLAIM_ACCOUNT : 0) | (dma ? SLAB_CACHE_DMA : 0) |
		   (hwcache ? SLAB_HWCACHE_ALIGN : 0) | (rcu ? SLAB_TYPESAFE_BY_RCU : 0);
}

static void captured_read(const char *dir, const char *file)
{
	char path[1024], text[512], kernel[16];
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	captured = (struct captured_slab){ .file = file };
	while (fgets(text, sizeof(text), f)) {
		if (text[0] == '#')
			continue;
		if (sscanf(text, "kernel %15s bits %u cpus %u nodes %u", kernel, &captured.of.bits,
			   &captured.of.nr_cpus, &captured.nr_nodes) == 4) {
			captured.of.version = kernel_version_find(kernel);
			continue;
		}
		assert_true(captured.nr_rows < ROWS_MAX);
		row_read(&captured.row[captured.nr_rows++], text);
	}
	fclose(f);
	assert_non_null(captured.of.version);
	assert_true(captured.nr_rows > 100);
}

static unsigned for_each_capture(void (*check)(void))
{
	char dir[512];
	unsigned n = 0;
	const char *root = getenv("SRCDIR");
	snprintf(dir, sizeof(dir), "%s/tests/oracle/slab", root ? root : ".");
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (!strstr(e->d_name, ".tsv"))
			continue;
		captured_read(dir, e->d_name);
		check();
		n++;
	}
	closedir(d);
	return n;
}

static void layout_check(const struct row *r, const struct slab_layout *l)
{
	if (l->size != r->size || l->align != r->align || l->order != r->order || l->objects != r->objects ||
	    l->min_partial != r->min_partial || l->cpu_partial != r->cpu_partial)
		fail_msg("%s %s: size %u (%u) align %u (%u) order %u (%u) objects %u (%u) partial %u (%u) cpu %u (%u)",
			 captured.file, r->name, l->size, r->size, l->align, r->align, l->order,
			 r->order, l->objects, r->objects, l->min_partial, r->min_partial,
			 l->cpu_partial, r->cpu_partial);
}

static void rows_check(void)
{
	for (unsigned i = 0; i < captured.nr_rows; i++) {
		const struct row *r = &captured.row[i];
		struct slab_layout l;
		if (r->link[0])
			continue;
		uint32_t flags = r->flags | (slab_known_flags(r->name) & SLAB_CTOR);
		assert_int_equal(slab_layout_compute(&l, &captured.of, r->object_size, r->align, flags), 0);
		layout_check(r, &l);
		assert_true(l.min_order <= l.order);
	}
}

static void test_every_row(void **state)
{
	(void)state;
	assert_true(for_each_capture(rows_check) >= FILES_LEAST);
}

/* ---- A whole boot ---- */

struct made {
	char name[32];
	uint32_t flags;
	struct slab_layout l;
};

static struct made made[ROWS_MAX];
static unsigned nr_made;

static struct row *row_find(const char *name)
{
	for (unsigned i = 0; i < captured.nr_rows; i++)
		if (!strcmp(captured.row[i].name, name))
			return &captured.row[i];
	fail_msg("%s: no cache %s", captured.file, name);
	return NULL;
}

static struct made *made_shared(const struct slab_boot *b)
{
	for (unsigned i = 0; i < nr_made; i++)
		if (slab_layout_shares(&made[i].l, made[i].flags, &captured.of, b->object_size,
				       b->align, b->flags))
			return &made[i];
	return NULL;
}

static void cache_make(const struct slab_boot *b)
{
	char id[SLAB_ID_MAX];
	struct made *into = made_shared(b);
	struct row *r = row_find(b->name);
	assert_false(r->seen);
	r->seen = true;
	if (into) {
		slab_layout_admit(&into->l, &captured.of, b->object_size);
	} else {
		assert_true(nr_made < ROWS_MAX);
		into = &made[nr_made++];
		snprintf(into->name, sizeof(into->name), "%s", b->name);
		into->flags = b->flags;
		assert_int_equal(slab_layout_compute(&into->l, &captured.of, b->object_size,
						     b->align, b->flags),
				 0);
	}
	assert_int_equal(r->usersize, b->usersize);
	slab_layout_id(&into->l, into->flags, id);
	assert_string_equal(r->link, slab_flags_shareable(b->flags) ? id : "");
}

/* The row of a cache that was made: its own, or that of its shared slabs. */
static void made_check(struct made *c, unsigned line)
{
	struct row *r = row_find(c->name);
	if (r->line != (int)line)
		fail_msg("%s %s: line %d, made for line %u", captured.file, c->name, r->line, line);
	if (r->link[0])
		r = row_find(r->link);
	r->seen = true;
	layout_check(r, &c->l);
	if (r->object_size != c->l.object_size)
		fail_msg("%s %s: %u bytes, not %u", captured.file, c->name, r->object_size, c->l.object_size);
	const uint32_t told =
		SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU;
	assert_int_equal(r->flags, c->flags & told);
}

static void boot_check(void)
{
	if (strstr(captured.file, "nopae"))
		return; /* its sizes are those of another kernel than the table's */
	bool merges = !strstr(captured.file, "nomerge");
	struct slab_boot b = { 0 };
	nr_made = 0;
	while (slab_known_boot(&b, captured.of.version, captured.of.bits, captured.nr_nodes)) {
		if (!merges)
			b.flags |= SLAB_NO_MERGE;
		cache_make(&b);
	}
	for (unsigned i = 0; i < nr_made; i++)
		made_check(&made[i], nr_made - 1 - i);
	for (unsigned i = 0; i < captured.nr_rows; i++)
		if (!captured.row[i].seen)
			fail_msg("%s: %s was not created", captured.file, captured.row[i].name);
}

static void test_every_boot(void **state)
{
	(void)state;
	for_each_capture(boot_check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_every_boot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
