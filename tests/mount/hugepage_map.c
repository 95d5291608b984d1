/* SPDX-License-Identifier: MIT */
/*
 * The worked example of ummfs(8), "Files of huge pages": a file in
 * dev/hugepages and the same memory through dev/mem, written on one side and
 * read on the other.
 *
 *   cc -o hugepage_map hugepage_map.c && ./hugepage_map MOUNT
 *
 * Says "ok" and the frames, or what went wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PAGES 4
#define FRAME_BYTES 4096

static void die(const char *what)
{
	fprintf(stderr, "hugepage_map: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void wrong(const char *what)
{
	fprintf(stderr, "hugepage_map: %s\n", what);
	exit(1);
}

/* Addresses that are a multiple of a huge page, so that the host can use one of its own for each. */
static char *reserve(size_t bytes, size_t align)
{
	char *p = mmap(NULL, bytes + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("address space");
	return (char *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
}

/* The pages of the file, one after the other, wherever in the machine they lie. */
static char *file_map(int file, int mem, size_t huge)
{
	char frames[4096], *rest = NULL, *base = reserve(PAGES * huge, huge);
	ssize_t n = fgetxattr(file, "user.ummfs.pfn", frames, sizeof(frames) - 1);
	unsigned page = 0;
	if (n < 0)
		die("user.ummfs.pfn");
	frames[n] = 0;
	printf("frames %s\n", frames);
	for (char *word = strtok_r(frames, " ", &rest); word; word = strtok_r(NULL, " ", &rest), page++) {
		off_t at = (off_t)strtoull(word, NULL, 10) * FRAME_BYTES;
		if (*word == '-' || page == PAGES)
			wrong("the file has a hole, or too many pages");
		if (at % (off_t)huge)
			wrong("a huge page is not aligned");
		if (mmap(base + page * huge, huge, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 mem, at) == MAP_FAILED)
			die("mmap of dev/mem");
	}
	if (page != PAGES)
		wrong("pages are missing");
	return base;
}

int main(int argc, char **argv)
{
	char path[4096], word[32], want[32];
	struct statvfs fs;
	if (argc != 2)
		wrong("give the mount point");
	snprintf(path, sizeof(path), "%s/dev/mem", argv[1]);
	int mem = open(path, O_RDWR);
	if (mem < 0)
		die(path);
	snprintf(path, sizeof(path), "%s/dev/hugepages/example", argv[1]);
	int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (file < 0 || fstatvfs(file, &fs))
		die(path);
	size_t huge = fs.f_bsize;
	if (fallocate(file, 0, 0, (off_t)(PAGES * huge))) /* the pages are taken here, and stay where they are */
		die("fallocate");

	char *base = file_map(file, mem, huge);
	for (unsigned page = 0; page < PAGES; page++) {
		char *there = base + page * huge + 4242;
		off_t at = (off_t)(page * huge + 4242);
		for (size_t k = 0; k < huge; k += 512)
			if (base[page * huge + k])
				wrong("a fresh page is not zero");
		snprintf(want, sizeof(want), "mapping to file %u", page);
		memcpy(there, want, sizeof(want));
		if (pread(file, word, sizeof(word), at) != sizeof(word) || strcmp(word, want))
			wrong("the file does not have what the mapping was given");
		snprintf(want, sizeof(want), "file to mapping %u", page);
		if (pwrite(file, want, sizeof(want), at) != sizeof(want) || strcmp(there, want))
			wrong("the mapping does not have what the file was given");
	}
	munmap(base, PAGES * huge);
	if (unlink(path))
		die("unlink");
	printf("ok\n");
	return 0;
}
