/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include "base/fault.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A size of 0 gets a real, if tiny, block: NULL only ever means "none available". */
static size_t at_least_one(size_t bytes)
{
	return bytes ? bytes : 1;
}

void *mem_zalloc(size_t bytes)
{
	if (fault_fails(FAULT_HOST_MALLOC))
		return NULL;
	return calloc(1, at_least_one(bytes));
}

void *mem_zalloc_aligned(size_t bytes, size_t align)
{
	void *p;
	ASSERT(align && !(align & (align - 1)));
	if (fault_fails(FAULT_HOST_MALLOC))
		return NULL;
	if (posix_memalign(&p, MAX(align, sizeof(void *)), at_least_one(bytes)))
		return NULL;
	return memset(p, 0, bytes);
}

void *mem_realloc(void *p, size_t bytes)
{
	if (fault_fails(FAULT_HOST_MALLOC))
		return NULL;
	return realloc(p, at_least_one(bytes));
}

char *mem_strdup(const char *s)
{
	size_t bytes = strlen(s) + 1;
	char *copy = mem_zalloc(bytes);
	return copy ? memcpy(copy, s, bytes) : NULL;
}

void mem_free(void *p)
{
	free(p);
}

void *mem_map(size_t bytes)
{
	if (fault_fails(FAULT_HOST_MALLOC))
		return NULL;
	void *p = mmap(NULL, at_least_one(bytes), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void mem_unmap(void *p, size_t bytes)
{
	if (!p)
		return;
	int error = munmap(p, at_least_one(bytes));
	ASSERT(!error);
}

/* Hosts before 5.14 do not know this; what is not there when it is written comes then. */
void mem_populate(void *p, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ALIGN_DOWN((uintptr_t)p, page), end = ALIGN_UP((uintptr_t)p + bytes, page);
	int errno_before = errno;
	if (madvise((void *)start, end - start, MADV_POPULATE_WRITE))
		errno = errno_before;
#else
	(void)p;
	(void)bytes;
#endif
}
