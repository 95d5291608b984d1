/* SPDX-License-Identifier: MIT */
#ifndef BASE_DEFS_H
#define BASE_DEFS_H

/* Small words used everywhere: arithmetic, attributes, asserts, relaxed access. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CLAMP(x, lo, hi) MIN(MAX(x, lo), hi)
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define ALIGN_UP(x, a) (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NOINLINE                                                                                   \
	__attribute__((noinline)) /* rare halves: their registers and frame stay out of the common path */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define CACHE_ALIGNED __attribute__((aligned(64)))

/* ASSERT stays in release builds and is cheap; DEBUG_ASSERT may walk lists. Never for input. */
#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (UNLIKELY(!(cond)))                                                             \
			assert_failed(#cond, __FILE__, __LINE__);                                  \
	} while (0)
#ifdef UMMFS_DEBUG
#define DEBUG_ASSERT(cond) ASSERT(cond)
#else
#define DEBUG_ASSERT(cond) ((void)0)
#endif

_Noreturn void assert_failed(const char *cond, const char *file, int line);

/*
 * A value with one writer (inside its CPU or under its lock) and readers that
 * take none: relaxed atomics compile to plain moves and keep TSan informed.
 */
#define READ_RELAXED(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define WRITE_RELAXED(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
/* For a pointer: who reads it sees what it points to as the writer left it. */
#define READ_ACQUIRE(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define WRITE_RELEASE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define ADD_OWNED(p, d) WRITE_RELAXED(p, READ_RELAXED(p) + (d))

/* The same for a counter, as one instruction: the shortest paths count several things. */
static inline void counter_add(uint64_t *counter, uint64_t d)
{
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
	__asm__("addq %1, %0" : "+m"(*counter) : "er"(d));
#else
	ADD_OWNED(counter, d);
#endif
}

/* 1 + index of the highest set bit; 0 for 0 (Linux fls). */
static inline unsigned fls64(uint64_t x)
{
	return x ? 64u - (unsigned)__builtin_clzll(x) : 0;
}

/* Integer square root, rounded down. */
static inline uint64_t isqrt64(uint64_t x)
{
	uint64_t root = 0;
	for (uint64_t bit = 1ull << 62; bit; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else {
			root >>= 1;
		}
	}
	return root;
}

#endif
