/* SPDX-License-Identifier: MIT */
/*
 * Our own side: kmem_cache_alloc and kmem_cache_free on a machine of 4 GiB, as
 * the daemon boots one, with its background threads and real memory behind its
 * frames; thread n is inside emulated CPU n.
 *
 * Where a load writes to objects, their cache has a constructor, so that the
 * host is charged for each slab and gets its memory back when the slab goes.
 */
#include "bench.h"
#include "bench_machine.h"
#include "daemon/boot.h"
#include "objects.h"

#include <string.h>
#include <unistd.h>

static struct booted booted;
static struct kmem_cache *plain, *written;

struct place {
	struct kmem_cache *cache;
	struct cpu *cpu;
};

static void object_init(void *object)
{
	(void)object;
}

static struct kmem_cache *cache_create(const char *name, size_t size, void (*ctor)(void *))
{
	struct cache_spec spec = {
		.name = name, .object_size = (uint32_t)size, .flags = SLAB_HWCACHE_ALIGN, .ctor = ctor
	};
	struct kmem_cache *s;

	if (kmem_cache_create(&booted.vm.slabs, &spec, &s))
		bench_fail("no cache of %zu bytes", size);
	return s;
}

static const char *objects_init(const struct allocator *a, size_t size)
{
	static struct why why;
	char path[32];
	struct boot_options o = { .config = path };
	int fd = bench_config_file("[machine]\nbacking=thp\n[node 0]\nmemory=4G\ncpus=0-3\n", path);

	(void)a;
	if (boot_machine(&booted, &o, &why) || vm_start(&booted.vm))
		return *why.text ? why.text : "the machine does not start";
	close(fd);
	plain = cache_create("plain", size, NULL);
	written = cache_create("written", size, object_init);
	return NULL;
}

static uint64_t slab_bytes(void)
{
	struct cache_usage u;

	lock_take(&booted.vm.slabs.lock);
	kmem_cache_usage(written, -1, &u);
	lock_drop(&booted.vm.slabs.lock);
	return u.slabs * (PAGE_SIZE << written->layout.order);
}

static struct place place_of(const struct worker *w)
{
	bool writes = w->load == LOAD_LIVE || w->load == LOAD_FILL;

	return (struct place){ writes ? written : plain, &booted.vm.machine.cpu[w->id] };
}

static inline void *inside_take(struct place p)
{
	return kmem_cache_alloc(p.cache, p.cpu, GFP_KERNEL);
}

static inline void inside_give(struct place p, void *object)
{
	kmem_cache_free(p.cache, p.cpu, object);
}

static inline void *entry_take(struct place p)
{
	cpu_enter(p.cpu);
	void *object = kmem_cache_alloc(p.cache, p.cpu, GFP_KERNEL);
	cpu_leave(p.cpu);
	return object;
}

static inline void entry_give(struct place p, void *object)
{
	cpu_enter(p.cpu);
	kmem_cache_free(p.cache, p.cpu, object);
	cpu_leave(p.cpu);
}

#define LOAD_CONTEXT struct place
#define LOAD_CONTEXT_OF(w) place_of(w)
#define LOAD_FILE "objects_load.h"
#include "ummfs_loads.h"

static void inside_once(struct worker *w)
{
	struct cpu *c = &booted.vm.machine.cpu[w->id];

	cpu_enter(c);
	inside_run(w);
	cpu_leave(c);
}

const struct allocator objects_inside = { "inside", NULL, objects_init, inside_once, slab_bytes };
const struct allocator objects_entry = { "entry", NULL, objects_init, entry_run, slab_bytes };
