/* SPDX-License-Identifier: MIT */
/*
 * Every generated file of the tree that is no knob: one row, one file, or one
 * for each node, CPU or task. None can be written but slabinfo. Modes are those of a running 6.1 (its
 * files that name node states or CPUs are 0444; pagetypeinfo is for its owner
 * alone). A row asks for no more parts of the snapshot than it prints.
 */
#include "knob/slab_control.h"
#include "view/views.h"

#define NODES "sys/devices/system/node/"
#define NODE NODES "node%u/"
#define CPUS "sys/devices/system/cpu/"
#define CPU CPUS "cpu%u/"
#define TOPOLOGY CPU "topology/"
#define DMI "sys/firmware/dmi/tables/"

#define ONCE(style_, path_, mode_, parts_, render_)                                                \
	{                                                                                          \
		.path = path_, .mode = mode_, .scope = VIEW_ONCE, .style = style_,                 \
		.parts = parts_, .render = render_                                                 \
	}
#define OF_NODES(file, shown_, render_)                                                            \
	{                                                                                          \
		.path = NODES file, .mode = 0444, .scope = VIEW_ONCE, .style = VIEW_SYSFS,         \
		.shown = shown_, .render = render_                                                 \
	}
#define OF_NODE(file, parts_, render_)                                                             \
	{                                                                                          \
		.path = NODE file, .mode = 0444, .scope = VIEW_NODE, .style = VIEW_SYSFS,          \
		.parts = parts_, .shown = machine_numa, .render = render_                          \
	}
#define OF_CPU(path_, shown_, render_)                                                             \
	{                                                                                          \
		.path = path_, .mode = 0444, .scope = VIEW_CPU, .style = VIEW_SYSFS,               \
		.shown = shown_, .render = render_                                                 \
	}
#define OF_TASK(file, render_)                                                                     \
	{                                                                                          \
		.path = "proc/%u/" file, .mode = 0444, .scope = VIEW_TASK, .style = VIEW_PROC,     \
		.render_task = render_                                                             \
	}

static bool machine_numa(const struct machine *m, unsigned arg)
{
	(void)arg;
	return m->numa;
}

static bool machine_numa_high(const struct machine *m, unsigned arg)
{
	(void)arg;
	return m->numa && m->bits == 32;
}

const struct view view_table[] = {
	ONCE(VIEW_PLAIN, "README", 0444, 0, view_readme),

	ONCE(VIEW_PROC, "proc/zoneinfo", 0444, SNAP_ZONES | SNAP_PAGESETS | SNAP_NODES, view_zoneinfo),
	ONCE(VIEW_PROC, "proc/buddyinfo", 0444, SNAP_FREE, view_buddyinfo),
	ONCE(VIEW_PROC, "proc/pagetypeinfo", 0400, SNAP_FREE, view_pagetypeinfo),
	{ .path = "proc/slabinfo",
	  .mode = 0400,
	  .scope = VIEW_ONCE,
	  .style = VIEW_PROC,
	  .parts = SNAP_SLABS,
	  .render = view_slabinfo,
	  .store = slabinfo_write },
	ONCE(VIEW_PROC, "proc/meminfo", 0444, SNAP_ZONES | SNAP_NODES | SNAP_HUGETLB | SNAP_COMMIT,
	     view_meminfo),
	ONCE(VIEW_PROC, "proc/vmstat", 0444, SNAP_ZONES | SNAP_NODES | SNAP_EVENTS, view_vmstat),
	ONCE(VIEW_PROC, "proc/swaps", 0444, 0, view_swaps),

	OF_TASK("status", view_task_status),
	OF_TASK("statm", view_task_statm),
	OF_TASK("numa_maps", view_task_numa_maps),
	OF_TASK("comm", view_task_comm),
	OF_TASK("oom_score", view_task_oom_score),
	{ .path = "proc/%u/oom_score_adj",
	  .mode = 0644,
	  .scope = VIEW_TASK,
	  .style = VIEW_PROC,
	  .render_task = view_task_oom_score_adj,
	  .task_attr = "oom_score_adj" },

	OF_NODES("online", machine_numa, view_nodes_online),
	OF_NODES("possible", machine_numa, view_nodes_possible),
	OF_NODES("has_cpu", machine_numa, view_nodes_has_cpu),
	OF_NODES("has_memory", machine_numa, view_nodes_has_memory),
	OF_NODES("has_normal_memory", machine_numa, view_nodes_has_normal_memory),
	OF_NODES("has_high_memory", machine_numa_high, view_nodes_has_high_memory),
	OF_NODES("has_generic_initiator", machine_numa, view_nodes_has_generic_initiator),
	OF_NODE("cpulist", 0, view_node_cpulist),
	OF_NODE("cpumap", 0, view_node_cpumap),
	OF_NODE("distance", 0, view_node_distance),
	OF_NODE("meminfo", SNAP_ZONES | SNAP_NODES | SNAP_HUGETLB, view_node_meminfo),
	OF_NODE("numastat", SNAP_ZONES, view_node_numastat),
	OF_NODE("vmstat", SNAP_ZONES | SNAP_NODES, view_node_vmstat),

	ONCE(VIEW_SYSFS, CPUS "online", 0444, 0, view_cpus_online),
	ONCE(VIEW_SYSFS, CPUS "possible", 0444, 0, view_cpus_possible),
	ONCE(VIEW_SYSFS, CPUS "present", 0444, 0, view_cpus_possible),
	ONCE(VIEW_SYSFS, CPUS "offline", 0444, 0, view_cpus_offline),
	ONCE(VIEW_SYSFS, CPUS "isolated", 0444, 0, view_cpus_isolated),
	ONCE(VIEW_SYSFS, CPUS "kernel_max", 0444, 0, view_cpus_kernel_max),
	OF_CPU(CPU "online", cpu_online_shown, view_cpu_online),
	OF_CPU(TOPOLOGY "physical_package_id", cpu_topology_shown, view_cpu_package_id),
	OF_CPU(TOPOLOGY "core_id", cpu_topology_shown, view_cpu_core_id),
	OF_CPU(TOPOLOGY "thread_siblings", cpu_topology_shown, view_cpu_core_map),
	OF_CPU(TOPOLOGY "thread_siblings_list", cpu_topology_shown, view_cpu_core_list),
	OF_CPU(TOPOLOGY "core_cpus", cpu_topology_shown, view_cpu_core_map),
	OF_CPU(TOPOLOGY "core_cpus_list", cpu_topology_shown, view_cpu_core_list),
	OF_CPU(TOPOLOGY "core_siblings", cpu_topology_shown, view_cpu_package_map),
	OF_CPU(TOPOLOGY "core_siblings_list", cpu_topology_shown, view_cpu_package_list),
	OF_CPU(TOPOLOGY "package_cpus", cpu_topology_shown, view_cpu_package_map),
	OF_CPU(TOPOLOGY "package_cpus_list", cpu_topology_shown, view_cpu_package_list),

	ONCE(VIEW_PLAIN, DMI "smbios_entry_point", 0400, 0, view_dmi_entry_point),
	ONCE(VIEW_PLAIN, DMI "DMI", 0400, 0, view_dmi_table),

	ONCE(VIEW_PROC, "sys/kernel/debug/extfrag/extfrag_index", 0444, SNAP_FREE, view_extfrag_index),
	ONCE(VIEW_PROC, "sys/kernel/debug/extfrag/unusable_index", 0444, SNAP_FREE, view_unusable_index),
};

const unsigned nr_views = ARRAY_LEN(view_table);
