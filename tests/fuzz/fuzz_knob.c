/* SPDX-License-Identifier: MIT */
/*
 * Writes to knobs: pieces of the input (0xff cuts), of each the first byte
 * picks the row and the node, the rest is written. After each the knob can be
 * read; what is refused leaves its text as it was, and what was read can be
 * written back. Now and then, and at the end, every count is right.
 */
#include "fuzz/fuzz.h"
#include "knob/knob_loaded.h"
#include "knob/knob_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WRITES_MOST 64u
#define VERIFY_EVERY 8u

/* 0: may not be read. The caller frees the text. */
static char *text_of(const struct knob *k, struct vm *vm, unsigned arg)
{
	struct text t;
	text_init(&t, 0);
	int error = knob_read(k, vm, arg, &t);
	FUZZ_REQUIRE(error == 0 || ((error == -EACCES || error == -EIO) && !(k->mode & 0444)),
		     "%s: read: %d", k->path, error);
	char *copy = error ? NULL : strdup(text_cstr(&t));
	text_fini(&t);
	return copy;
}

/* A copy that ends where the write ends, for AddressSanitizer to see who looks past it. */
static ssize_t knob_try(const struct knob *k, struct vm *vm, unsigned arg, const char *bytes, size_t len)
{
	char *exact = malloc(len);
	FUZZ_REQUIRE(exact || !len, "no memory");
	if (len)
		memcpy(exact, bytes, len);
	ssize_t ret = knob_write(k, vm, arg, exact, len);
	free(exact);
	FUZZ_REQUIRE(ret <= (ssize_t)len && ret > -4096, "%s: write of %zu: %zd", k->path, len, ret);
	FUZZ_REQUIRE(ret != -EACCES || !(k->mode & 0222), "%s: %zd in spite of its mode", k->path, ret);
	return ret;
}

/*
 * A choice is shown with all its words; a limit in bytes reads 0 when percent count, and takes no 0. There are no
 * surplus pages of 1 GiB, whatever is asked for.
 */
static bool takes_its_own(const struct vm *vm, const struct knob *k)
{
	if (k->store == knob_store_nr_overcommit_hugepages && hugetlb_gigantic(&vm->hugetlb[k->pool]))
		return false;
	return !k->choice && (k->set != knob_set_dirty_bytes && k->set != knob_set_dirty_background_bytes);
}

/* Rows that look at memory may change between two reads; a number that was stored may not. */
static void piece_write(struct vm *vm, const char *bytes, size_t len)
{
	const struct knob *k = &knob_table[(uint8_t)*bytes % nr_knobs];
	unsigned arg = k->scope == KNOB_NODE ? (uint8_t)*bytes / nr_knobs % vm->machine.nr_nodes : 0;

	if (!knob_shown(k, &vm->machine, arg))
		return;
	char *before = text_of(k, vm, arg);
	ssize_t ret = knob_try(k, vm, arg, bytes + 1, len - 1);
	char *after = text_of(k, vm, arg);
	if (ret < 0 && before)
		FUZZ_REQUIRE(!strcmp(before, after), "%s: refused (%zd), but '%s' became '%s'",
			     k->path, ret, before, after);
	if (before && !k->action && (k->mode & 0222) && takes_its_own(vm, k))
		FUZZ_REQUIRE(knob_try(k, vm, arg, after, strlen(after)) > 0,
			     "%s: refuses its own '%s'", k->path, after);
	free(before);
	free(after);
}

/* As if imported with every knob there is, each at the lower end of its range. */
static void knobs_load(struct vm *vm)
{
	struct loaded *l = &vm->machine.loaded;
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		if (!k->loaded || !knob_fits(k, &vm->machine, 0))
			continue;
		l->present |= 1ull << k->loaded;
		l->value[k->loaded] = MAX(k->min, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_pieces pieces = { data, data + len };
	struct booted b;
	const char *bytes;
	size_t n;

	fuzz_boot(&b, 0);
	knobs_load(&b.vm);
	for (unsigned i = 1; i <= WRITES_MOST && fuzz_piece(&pieces, &bytes, &n); i++) {
		if (n)
			piece_write(&b.vm, bytes, n);
		if (i % VERIFY_EVERY == 0)
			fuzz_verify(&b.vm);
	}
	fuzz_verify(&b.vm);
	fuzz_views(&b.vm);
	boot_fini(&b);
	return 0;
}
