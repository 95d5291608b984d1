/* SPDX-License-Identifier: MIT */
/*
 * proc/sys/vm of every capture: each file of it is a knob of the machine that
 * was loaded and says the same, byte for byte; so it is, with values written
 * since, on the machine that the frame record of that one boots to. A machine
 * that was configured has none of those that are there for the loaded value.
 */
#include "support/golden.h"
#include "support/knob_fixture.h"
#include "support/state_dir.h"
#include "vm/record.h"

#include <dirent.h>
#include <stdlib.h>

#define VM_DIR "proc/sys/vm"

static void name_compare(struct state_vm *s, const struct state_dir *d, const char *capture, const char *name)
{
	char path[512];
	unsigned arg;
	snprintf(path, sizeof(path), VM_DIR "/%s", name);
	const struct knob *k = knob_at(&s->vm, path, &arg);
	if (!k)
		fail_msg("%s: no %s", capture, path);
	char *kernel = state_dir_read(d, path);
	const char *ours = knob_cat(&s->vm, path);
	if (strcmp(kernel, ours))
		fail_msg("%s, %s: kernel \"%s\", ours \"%s\"", capture, path, kernel, ours);
	free(kernel);
}

static unsigned directory_compare(struct state_vm *s, const struct state_dir *d, const char *capture)
{
	char path[512];
	unsigned files = 0;
	snprintf(path, sizeof(path), "%s/" VM_DIR, d->path);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir));) {
		if (*e->d_name == '.')
			continue;
		name_compare(s, d, capture, e->d_name);
		files++;
	}
	closedir(dir);
	return files;
}

static unsigned loaded_count(struct vm *vm)
{
	unsigned n = 0;
	for (unsigned i = 0; i < nr_knobs; i++)
		n += knob_table[i].loaded && knob_shown(&knob_table[i], &vm->machine, 0);
	return n;
}

/* Nothing but the record: what it does not carry is lost. */
static struct state_vm *record_boot(struct state_vm *s)
{
	struct state_dir d;
	struct text t;
	state_dir_make(&d, NULL);
	text_init(&t, 0);
	record_write(&t, &s->vm);
	assert_int_equal(text_error(&t), 0);
	state_dir_write(&d, "ummfs/frames", text_cstr(&t));
	text_fini(&t);
	struct state_vm *again = state_boot(&d);
	state_dir_remove(&d);
	return again;
}

static void record_compare(struct state_vm *s, const struct state_dir *d, const char *capture)
{
	struct state_vm *again = record_boot(s);
	assert_int_equal(directory_compare(again, d, capture), directory_compare(s, d, capture));
	assert_int_equal(loaded_count(&again->vm), loaded_count(&s->vm));
	state_end(again);
}

static void test_captures(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++) {
		const char *capture = strchr(golden_captures[i], '/') + 1;
		struct state_dir d;
		state_dir_make(&d, capture);
		struct state_vm *s = state_boot(&d);
		assert_true(directory_compare(s, &d, capture) > 40);
		record_compare(s, &d, capture);
		state_end(s);
		state_dir_remove(&d);
	}
}

static void test_written_values(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(knob_echo(&s->vm, VM_DIR "/swappiness", "33\n"), 3);
	assert_int_equal(knob_echo(&s->vm, VM_DIR "/dirty_writeback_centisecs", "-5\n"), 3);
	assert_int_equal(knob_echo(&s->vm, VM_DIR "/mmap_min_addr", "18446744073709551615\n"), 21);
	assert_int_equal(knob_echo(&s->vm, VM_DIR "/dirty_bytes", "8192\n"), 5);
	assert_int_equal(knob_echo(&s->vm, "sys/kernel/mm/transparent_hugepage/defrag", "defer\n"), 6);
	struct state_vm *again = record_boot(s);
	assert_string_equal(knob_cat(&again->vm, VM_DIR "/swappiness"), "33\n");
	assert_string_equal(knob_cat(&again->vm, VM_DIR "/dirty_writeback_centisecs"), "-5\n");
	assert_string_equal(knob_cat(&again->vm, VM_DIR "/mmap_min_addr"), "18446744073709551615\n");
	assert_string_equal(knob_cat(&again->vm, VM_DIR "/dirty_bytes"), "8192\n");
	assert_string_equal(knob_cat(&again->vm, VM_DIR "/dirty_ratio"), "0\n");
	assert_string_equal(knob_cat(&again->vm, "sys/kernel/mm/transparent_hugepage/defrag"),
			    "always [defer] defer+madvise madvise never\n");
	state_end(again);
	state_end(s);
	state_dir_remove(&d);
}

static void test_configured(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	unsigned arg;
	assert_int_equal(loaded_count(vm), 0);
	assert_null(knob_at(vm, VM_DIR "/mmap_min_addr", &arg));
	assert_non_null(knob_at(vm, VM_DIR "/min_free_kbytes", &arg));
	vm_release(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
		cmocka_unit_test(test_written_values),
		cmocka_unit_test(test_configured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
