/* SPDX-License-Identifier: MIT */
#include "daemon/boot.h"

#include "base/mem.h"
#include "daemon/config_caches.h"
#include "knob/knob.h"
#include "vm/vm_slab.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The steps from a source to a machine: shape, memory, frames, then what the
 * source says about them (free lists of a state, [vm] of a configuration).
 * Each step has its way back in boot_fini, so a failure anywhere ends there.
 */

#define CONFIG_DEFAULT "/etc/ummfs.conf"

/* What is read before the machine exists and needed once it does. */
struct source {
	struct config config;
	struct capture *capture; /* --from; else NULL and config counts */
	struct machine_spec spec; /* of the capture */
};

static const struct machine_spec *source_spec(const struct source *s)
{
	return s->capture ? &s->spec : &s->config.spec;
}

static int config_load(struct config *c, const struct boot_options *o, struct why *why)
{
	if (o->config)
		return config_read(c, o->config, why);
	if (!access(CONFIG_DEFAULT, F_OK))
		return config_read(c, CONFIG_DEFAULT, why);
	return config_builtin(c, why);
}

static void source_fini(struct source *s)
{
	if (s->capture) {
		machine_spec_fini(&s->spec);
		import_free(s->capture);
	} else {
		config_fini(&s->config);
	}
}

static int source_read(struct source *s, const struct boot_options *o, struct why *why)
{
	memset(s, 0, sizeof(*s));
	if (!o->from)
		return config_load(&s->config, o, why);
	int err = import_read(&s->capture, o->from, why);
	if (err)
		return err;
	machine_spec_init(&s->spec);
	err = import_spec(s->capture, &s->spec, why);
	if (err)
		source_fini(s);
	return err;
}

/* ---- Memory ---- */

static struct region_config region_merge(const struct source *s, const struct boot_options *o)
{
	struct region_config c = { 0 };

	if (!s->capture)
		c = s->config.region;
	if (o->has_backing)
		c.backing = o->region.backing;
	if (o->has_limit)
		c.limit_bytes = o->region.limit_bytes;
	if (o->has_reserve)
		c.reserve = o->region.reserve;
	if (o->region.state_dir)
		c.state_dir = o->region.state_dir;
	return c;
}

static size_t ranges_count(const struct machine_spec *spec)
{
	size_t nr = 0;

	for (unsigned n = 0; n < spec->nr_nodes; n++)
		for (unsigned z = 0; z < MM_ZONE_TYPES_MAX; z++)
			nr += spec->node[n].zone[z].nr_ranges;
	return nr;
}

static void ranges_fill(const struct machine_spec *spec, struct region_range *to)
{
	for (unsigned n = 0; n < spec->nr_nodes; n++) {
		const struct node_spec *node = &spec->node[n];
		for (unsigned z = 0; z < MM_ZONE_TYPES_MAX; z++)
			for (unsigned i = 0; i < node->zone[z].nr_ranges; i++)
				*to++ = (struct region_range){ node->zone[z].range[i].start,
							       node->zone[z].range[i].end,
							       node->host_node };
	}
}

static int memory_open(struct booted *b, const struct source *s, const struct boot_options *o,
		       struct why *why)
{
	struct region_config c = region_merge(s, o);
	size_t nr = ranges_count(source_spec(s));
	struct region_range *range = mem_zalloc(nr * sizeof(*range));
	if (!range)
		return why_set(why, -ENOMEM, "out of memory");
	ranges_fill(source_spec(s), range);

	uint64_t back = region_recover(&c);
	if (back)
		log_notice("gave back %llu huge pages that a killed daemon had reserved",
			   (unsigned long long)back);
	int err = region_open(&b->region, &c, range, nr, why);
	mem_free(range);
	if (err)
		return err;
	b->has_region = true;
	if (fchmod(b->region.fd, b->dev_mem_mode))
		log_warning("dev/mem keeps its mode: %s", strerror(errno));
	return 0;
}

/* ---- Knobs ---- */

static int config_knob_apply(struct vm *vm, const char *path, const struct config_knob *line,
			     struct why *why)
{
	const struct knob *k = knob_find(line->name);
	if (!k)
		return why_set(why, -EINVAL, "%s:%d: unknown key %s in [vm]", path, line->line, line->name);
	int err = knob_set(k, vm, 0, line->value);
	if (err)
		why_set(why, err, "%s:%d: %s=%s: %s", path, line->line, line->name, line->value,
			strerror(-err));
	return err;
}

static int config_knobs_apply(struct vm *vm, const struct config *c, struct why *why)
{
	int err = 0;

	for (unsigned i = 0; i < c->nr_knobs && !err; i++)
		err = config_knob_apply(vm, c->path, &c->knob[i], why);
	return err;
}

int boot_reload(struct vm *vm, const struct boot_options *o, struct why *why)
{
	struct config config = { 0 };

	if (o->from)
		return why_set(why, -EINVAL,
			       "the machine was booted from a state: there is no configuration to read again");
	int err = config_load(&config, o, why);
	if (err)
		return err;
	err = config_knobs_apply(vm, &config, why);
	config_fini(&config);
	return err;
}

/* ---- Report ---- */

static void node_report(struct text *t, const struct machine *m, unsigned n)
{
	const struct node *node = &m->node[n];

	text_printf(t, "node %u: CPUs ", n);
	mask_print_list(t, &node->cpus);
	if (mask_empty(&node->cpus))
		text_str(t, "none");
	text_str(t, ", distances");
	for (unsigned i = 0; i < m->nr_nodes; i++)
		if (m->node[i].online)
			text_printf(t, " %u", node->distance[i]);
	text_str(t, "; managed pages by zone:");
	for (unsigned z = 0; z < m->nr_zone_types; z++)
		if (zone_populated(node->zone[z]))
			text_printf(t, " %s %llu", node->zone[z]->name,
				    (unsigned long long)node->zone[z]->managed);
	text_char(t, '\n');
}

static void config_report(struct text *t, const struct config *c, const struct machine *m)
{
	unsigned nodes = 0;

	for (unsigned n = 0; n < m->nr_nodes; n++)
		nodes += m->node[n].online;
	text_printf(t, "%s: %u-bit machine, %u node%s, %u CPU%s, %llu MiB managed, backing %s, %u knob%s set\n",
		    c->path, m->bits, nodes, nodes == 1 ? "" : "s", m->nr_cpus_online,
		    m->nr_cpus_online == 1 ? "" : "s",
		    (unsigned long long)PAGES_TO_KB(m->managed_pages) / 1024,
		    backing_name[c->region.backing], c->nr_knobs, c->nr_knobs == 1 ? "" : "s");
	for (unsigned n = 0; n < m->nr_nodes; n++)
		if (m->node[n].online)
			node_report(t, m, n);
}

/* ---- All of it ---- */

static int machine_fill(struct booted *b, struct source *s, bool strict, struct why *why)
{
	if (s->capture) {
		int err = import_apply(s->capture, &b->vm, why);
		if (!err && strict)
			err = import_strict(s->capture, why);
		if (import_is_exact(s->capture))
			import_frames_report(s->capture, &b->vm.machine, &b->report);
		else
			import_report(s->capture, &b->report);
		return err;
	}
	int err = config_caches_apply(&s->config, &b->vm, why);
	if (!err)
		err = config_knobs_apply(&b->vm, &s->config, why);
	config_report(&b->report, &s->config, &b->vm.machine);
	return err;
}

static int machine_start(struct booted *b, struct source *s, const struct boot_options *o, struct why *why)
{
	struct vm_config c = { .deterministic = o->deterministic, .seed = o->seed, .slab_debug = o->slab_debug };

	b->dev_mem_mode = s->capture ? 0600 : s->config.dev_mem_mode;
	int err = o->no_region ? 0 : memory_open(b, s, o, why);
	if (err)
		return err;
	c.region = b->has_region ? &b->region : NULL;
	c.no_caches = s->capture;
	c.source = o->source;
	if (!c.source && !s->capture)
		c.source = s->config.source;
	err = vm_boot(&b->vm, source_spec(s), &c, why);
	if (err)
		return err;
	b->has_vm = true;
	b->vm.oom_sigkill = !s->capture && s->config.oom_sigkill;
	err = machine_fill(b, s, o->strict, why);
	return err ? err : vm_slab_start(&b->vm);
}

int boot_machine(struct booted *b, const struct boot_options *o, struct why *why)
{
	struct source s;

	memset(b, 0, sizeof(*b));
	text_init(&b->report, 0);
	int err = source_read(&s, o, why);
	if (!err) {
		err = machine_start(b, &s, o, why);
		source_fini(&s);
	}
	if (err) {
		why_set(why, err, "%s", strerror(-err));
		boot_fini(b);
	}
	return err;
}

void boot_fini(struct booted *b)
{
	if (b->has_vm)
		vm_shutdown(&b->vm);
	if (b->has_region)
		region_close(&b->region);
	text_fini(&b->report);
	b->has_vm = b->has_region = false;
}
