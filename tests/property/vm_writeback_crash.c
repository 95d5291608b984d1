/* SPDX-License-Identifier: MIT */
/*
 * Nothing that fsync or sync confirmed is lost: a child works on files over a
 * real folder, tells through a pipe what has been confirmed, and is killed at a
 * random moment. Whatever it told must then be in the folder. Each file has a
 * version for each of its blocks; a block may be newer than what was confirmed,
 * never older, and is never a mixture.
 */
#include "support/vm_fixture.h"
#include "vm/file.h"
#include "vm/filemap.h"
#include "vm/writeback.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 200u
#define FILES 3u
#define BLOCKS 24u
#define BLOCK_BYTES 6000u /* of one page and a half, so blocks share pages */

struct confirmed { /* by file: the version of each block that is safe; 0: none */
	uint32_t file, version[BLOCKS];
};

struct child {
	struct fixture *f;
	struct files *files;
	struct file_inode *inode[FILES];
	uint32_t version[FILES][BLOCKS];
	int pipe;
	struct rng rng;
};

static void block_fill(char *buf, uint32_t file, uint32_t block, uint32_t version)
{
	for (uint32_t k = 0; k < BLOCK_BYTES; k += 4) {
		uint32_t word = version << 10 | file << 6 | block;
		memcpy(buf + k, &word, 4);
	}
}

static void report(struct child *c, uint32_t file)
{
	struct confirmed told = { .file = file };
	memcpy(told.version, c->version[file], sizeof(told.version));
	if (write(c->pipe, &told, sizeof(told)) != sizeof(told))
		_exit(1);
}

static void step(struct child *c, uint32_t serial)
{
	char buf[BLOCK_BYTES];
	uint32_t file = (uint32_t)rng_below(&c->rng, FILES), block = (uint32_t)rng_below(&c->rng, BLOCKS);
	uint64_t what = rng_below(&c->rng, 20);
	if (what == 0 && !file_fsync(c->inode[file], false)) {
		report(c, file);
	} else if (what == 1 && !files_sync(c->files, true)) {
		for (uint32_t n = 0; n < FILES; n++)
			report(c, n);
	} else if (what > 1) {
		block_fill(buf, file, block, serial);
		if (file_write(c->inode[file], buf, BLOCK_BYTES, (uint64_t)block * BLOCK_BYTES) == BLOCK_BYTES)
			c->version[file][block] = serial;
	}
}

static void child_main(const char *folder, int pipe, uint64_t seed)
{
	static struct child c;
	struct file_inode *root;
	const struct file_who who = { 0, 0 };
	struct region_config rc = { .backing = BACKING_SPARSE, .limit_bytes = 64ul << 20 };
	const struct region_range range = { 1, 2 * NODE_PAGES, -1 };
	static struct region region;
	static struct vm vm;
	struct machine_spec spec;
	struct why why;
	rng_init(&c.rng, seed);
	c.pipe = pipe;
	if (region_open(&region, &rc, &range, 1, &why))
		_exit(2);
	fixture_spec(&spec);
	const struct vm_config vc = { .region = &region, .source = folder, .no_caches = true };
	if (vm_boot(&vm, &spec, &vc, &why) || vm_start(&vm))
		_exit(3);
	WRITE_RELAXED(&vm.dirty.writeback_centisecs, 1);
	WRITE_RELAXED(&vm.dirty.expire_centisecs, 1);
	WRITE_RELAXED(&vm.dirty.background_bytes, 20 * PAGE_SIZE);
	WRITE_RELAXED(&vm.dirty.bytes, 60 * PAGE_SIZE);
	c.files = &vm.files;
	files_enter(c.files);
	if (file_root(c.files, &root))
		_exit(4);
	for (unsigned n = 0; n < FILES; n++) {
		char name[8];
		snprintf(name, sizeof(name), "f%u", n);
		if (file_create(root, name, 0644, O_RDWR, &who, &c.inode[n]))
			_exit(5);
	}
	files_leave(c.files);
	for (uint32_t serial = 1;; serial++) {
		files_enter(c.files);
		step(&c, serial);
		files_leave(c.files);
	}
}

/* The version that a block has, whole; 0: none. */
static uint32_t version_at(int fd, uint32_t file, uint32_t block)
{
	char buf[BLOCK_BYTES] = { 0 }, want[BLOCK_BYTES];
	uint32_t word;
	ssize_t got = pread(fd, buf, sizeof(buf), (off_t)block * BLOCK_BYTES);
	memcpy(&word, buf, 4);
	if (got <= 0 || !word)
		return 0;
	block_fill(want, file, block, word >> 10);
	return got == BLOCK_BYTES && !memcmp(buf, want, sizeof(buf)) ? word >> 10 : 0;
}

/*
 * A block that was overwritten after its fsync may be half new: its pages go
 * separately. So each word is looked at, and must be of that version or a newer one.
 */
static void block_check(int fd, uint32_t file, uint32_t block, uint32_t version, uint64_t seed)
{
	uint32_t word[BLOCK_BYTES / 4] = { 0 };
	if (!version || version_at(fd, file, block) >= version)
		return;
	ssize_t got = pread(fd, word, sizeof(word), (off_t)block * BLOCK_BYTES);
	for (unsigned k = 0; k < BLOCK_BYTES / 4; k++)
		if (got != (ssize_t)sizeof(word) || word[k] >> 10 < version ||
		    (word[k] & 1023) != (file << 6 | block))
			fail_msg("seed %lu: file %u, block %u, word %u is %#x; version %u was confirmed",
				 (unsigned long)seed, file, block, k, word[k], version);
}

static unsigned folder_check(const char *folder, struct confirmed *safe, uint64_t seed)
{
	unsigned blocks = 0;
	for (uint32_t n = 0; n < FILES; n++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/f%u", folder, n);
		int fd = open(path, O_RDONLY);
		for (uint32_t b = 0; b < BLOCKS; b++) {
			if (safe[n].version[b])
				assert_true(fd >= 0);
			block_check(fd, n, b, safe[n].version[b], seed);
			blocks += safe[n].version[b] != 0;
		}
		if (fd >= 0)
			close(fd);
		unlink(path);
	}
	return blocks;
}

static unsigned round_run(uint64_t seed)
{
	char folder[] = "/tmp/ummfs-crash-XXXXXX";
	struct confirmed told, safe[FILES] = { { 0 } };
	int ends[2], status;
	struct rng rng;
	rng_init(&rng, seed);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (!pid) {
		close(ends[0]);
		child_main(folder, ends[1], seed);
	}
	close(ends[1]);
	/* a pipe holds 64 KiB: the child waits for us when we are slow */
	usleep((useconds_t)(5000 + rng_below(&rng, 60000)));
	uint64_t left = rng_below(&rng, 40);
	while (left-- && read(ends[0], &told, sizeof(told)) == sizeof(told))
		safe[told.file] = told;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &told, sizeof(told)) == sizeof(told))
		safe[told.file] = told;
	close(ends[0]);
	unsigned blocks = folder_check(folder, safe, seed);
	assert_int_equal(rmdir(folder), 0);
	return blocks;
}

static void test_kill(void **state)
{
	unsigned long blocks = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		blocks += round_run(seed);
	print_message("%u rounds, %lu confirmed blocks were there\n", ROUNDS, blocks);
	assert_true(blocks > ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
