/* SPDX-License-Identifier: MIT */
/*
 * A state for --from. An input that begins with 'A' is a list of files, each
 * "NAME NUL TEXT NUL", which become the members of a tar; anything else is
 * the file itself: a tar, a compressed one, or what claims to be one. What is
 * accepted boots when it is small; then every count is right, every view
 * prints, and the imported memory can be given back.
 */
#include "fuzz/fuzz.h"

#include "vm/vm_slab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512u
#define PAGES_MOST ((uint64_t)1 << 22)
#define CPUS_MOST 256u

/* ---- A list of files as a tar ---- */

struct tar_text {
	char *bytes;
	size_t len;
};

static void tar_header(char block[BLOCK], const char *name, size_t name_len, size_t size)
{
	unsigned sum = 0;
	memset(block, 0, BLOCK);
	memcpy(block, name, MIN(name_len, 99));
	snprintf(block + 100, 8, "%07o", 0644u);
	snprintf(block + 108, 8, "%07o", 0u);
	snprintf(block + 116, 8, "%07o", 0u);
	snprintf(block + 124, 12, "%011lo", (unsigned long)size);
	snprintf(block + 136, 12, "%011o", 0u);
	memset(block + 148, ' ', 8);
	block[156] = '0';
	memcpy(block + 257, "ustar\00000", 8);
	for (unsigned i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 7, "%06o", sum);
}

static void tar_member(struct tar_text *t, const char *name, size_t name_len, const char *text, size_t len)
{
	size_t padded = (len + BLOCK - 1) / BLOCK * BLOCK;
	t->bytes = realloc(t->bytes, t->len + BLOCK + padded);
	FUZZ_REQUIRE(t->bytes, "no memory for a tar");
	tar_header(t->bytes + t->len, name, name_len, len);
	memset(t->bytes + t->len + BLOCK, 0, padded);
	memcpy(t->bytes + t->len + BLOCK, text, len);
	t->len += BLOCK + padded;
}

/* The text up to the next NUL; *at moves behind that. */
static size_t part_cut(const char **at, const char *end, const char **part)
{
	const char *nul = memchr(*at, 0, (size_t)(end - *at));
	*part = *at;
	*at = nul ? nul + 1 : end;
	return (size_t)((nul ? nul : end) - *part);
}

static void tar_make(struct tar_text *t, const char *at, const char *end)
{
	while (at < end) {
		const char *name, *text;
		size_t name_len = part_cut(&at, end, &name);
		size_t len = part_cut(&at, end, &text);
		tar_member(t, name, name_len, text, len);
	}
	t->bytes = realloc(t->bytes, t->len + 2 * BLOCK);
	FUZZ_REQUIRE(t->bytes, "no memory for a tar");
	memset(t->bytes + t->len, 0, 2 * BLOCK);
	t->len += 2 * BLOCK;
}

static void state_make(struct fuzz_file *f, const uint8_t *data, size_t len)
{
	struct tar_text t = { 0 };
	if (!len || *data != 'A') {
		fuzz_file_make(f, data, len);
		return;
	}
	tar_make(&t, (const char *)data + 1, (const char *)data + len);
	fuzz_file_make(f, t.bytes, t.len);
	free(t.bytes);
}

/* ---- Booting it ---- */

static bool machine_small(const struct machine_spec *s)
{
	uint64_t end = 0;
	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned z = 0; z < MM_ZONE_TYPES_MAX; z++)
			end = MAX(end, s->node[n].zone[z].start_pfn + s->node[n].zone[z].spanned);
	return end <= PAGES_MOST && s->nr_cpu_ids <= CPUS_MOST;
}

static void tasks_end(struct vm *vm)
{
	for (uint32_t id = 0;;) {
		struct task *t = task_next(vm, id);
		if (!t)
			return;
		id = t->id;
		FUZZ_REQUIRE(!task_remove(vm, t->name), "rmdir %s", t->name);
		task_put(t);
	}
}

static void report_try(const struct capture *c, const struct vm *vm)
{
	struct text t;
	text_init(&t, 0);
	if (import_is_exact(c))
		import_frames_report(c, &vm->machine, &t);
	else
		import_report(c, &t);
	FUZZ_REQUIRE(!text_error(&t) && t.len, "no report");
	text_fini(&t);
}

static int vm_try(struct capture *c, const struct machine_spec *spec, struct why *why)
{
	const struct vm_config config = { .deterministic = true, .seed = 1, .no_caches = true };
	struct vm vm;

	int error = vm_boot(&vm, spec, &config, why);
	if (error)
		return error;
	error = import_apply(c, &vm, why);
	if (!error)
		error = vm_slab_start(&vm);
	if (!error) {
		report_try(c, &vm);
		fuzz_verify(&vm);
		fuzz_views(&vm);
		tasks_end(&vm);
		fuzz_verify(&vm);
	}
	vm_shutdown(&vm);
	return error;
}

static int state_try(const char *path, struct why *why)
{
	struct capture *c = NULL;
	struct machine_spec spec;

	int error = import_read(&c, path, why);
	if (error)
		return error;
	error = import_spec(c, &spec, why);
	if (!error) {
		if (machine_small(&spec))
			error = vm_try(c, &spec, why);
		machine_spec_fini(&spec);
	}
	import_free(c);
	return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file f;
	struct why why = { "" };

	state_make(&f, data, len);
	int error = state_try(f.path, &why);
	FUZZ_REQUIRE(!error || (*why.text && !strchr(why.text, '\n')),
		     "error %d, not one line: '%s'", error, why.text);
	fuzz_file_end(&f);
	return 0;
}
