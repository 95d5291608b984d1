/* SPDX-License-Identifier: MIT */
/*
 * README at the top of the mount: what is in the tree, how tasks are written,
 * and five experiments to paste. It speaks about the machine that is mounted:
 * names of knobs come from their table, sizes and node files from the machine.
 */
#include "knob/knob.h"
#include "view/views.h"

#include <string.h>

#define VM_KNOBS "proc/sys/vm/"
#define COLUMNS 78

static const char intro[] =
	"This directory is a Linux memory manager. It runs nodes, zones, a buddy system,\n"
	"per-CPU lists, watermarks, slab caches, a page cache with writeback, reclaim, an\n"
	"OOM killer and a huge page pool over real memory, and shows them as a small\n"
	"Linux root. Put the mount point in front of a path you know, as in\n"
	"cat MOUNT/proc/zoneinfo.  Numbers, text and errors are those of Linux %s. The\n"
	"commands below are typed with MOUNT as the current directory.\n"
	"\n";

static const char tree_proc[] =
	"THE TREE\n"
	"proc/zoneinfo buddyinfo pagetypeinfo\n"
	"                        zones, free blocks by order, and by migrate type\n"
	"proc/slabinfo           slab caches, the newest first; writing NAME LIMIT\n"
	"                        BATCHCOUNT SHARED sets what CPUs keep of one\n"
	"proc/meminfo vmstat swaps\n"
	"                        the machine in kB, its counters, its swap (none yet)\n"
	"proc/sys/vm/            the knobs; writing one has the effect it has in Linux:\n";

static const char tree_node[] =
	"sys/devices/system/node/\n"
	"                        online, possible, has_*; nodeN/ has cpulist, cpumap,\n"
	"                        distance, meminfo, numastat, vmstat, hugepages/\n";

static const char tree_sys[] =
	"sys/devices/system/cpu/ online, possible, ...; cpuN/topology/\n"
	"sys/kernel/mm/hugepages/hugepages-%ukB/\n"
	"                        the pool of %u MiB pages\n"
	"sys/kernel/slab/NAME/   a slab cache: objects, slabs, partial, full, shrink ...\n"
	"sys/kernel/slab/new_cache delete_cache\n"
	"                        NAME SIZE [align=N] [flags=hwcache_align,...]; NAME\n"
	"sys/firmware/dmi/tables/DMI smbios_entry_point\n"
	"                        which DIMM is on which socket: dmidecode reads them\n"
	"sys/kernel/debug/extfrag/\n"
	"                        unusable_index, extfrag_index: how fragmented zones are\n";

static const char tree_clock[] =
	"sys/kernel/debug/ummfs/clock\n"
	"                        time stands still: writing +250ms moves it that far\n";

static const char tree_rest[] =
	"files/                  a file tree whose content is in the machine's page cache\n"
	"                        and whose names are in its slab caches; what is written\n"
	"                        goes on to the folder given as -o source=\n"
	"state.tar               the whole machine at this instant, tasks and their bytes\n"
	"                        included; ummfs --from takes it\n"
	"dev/hugepages/          files made of huge pages of the pool; the attribute\n"
	"                        user.ummfs.pfn of one says where in dev/mem they are\n"
	"dev/mem                 the machine's physical memory: a link to the file behind\n"
	"                        it; page frame N is at offset N * 4096\n"
	"dev/kmsg                the machine's log: allocations that failed, drop_caches\n"
	"                        and others; cat follows it\n"
	"tasks/                  memory that you hold: mkdir makes a task, rmdir frees\n"
	"                        all that it holds\n"
	"proc/PID/status statm numa_maps comm oom_score oom_score_adj\n"
	"                        a task as proc shows it; tasks/NAME/pid says its number\n"
	"\n";

static const char tasks[] =
	"TASKS\n"
	"tasks/NAME/anon         bytes of anonymous memory: 512M\n"
	"           mem          those bytes themselves: read, write, seek\n"
	"           file         bytes of clean page cache it has read; drop_caches and\n"
	"                        kswapd may take them, and the number falls\n"
	"           pages        ORDER GFP COUNT, blocks from the buddy system:\n"
	"                        3 GFP_KERNEL 100\n"
	"           slab         CACHE COUNT, objects of a slab cache: TCP 288\n"
	"           kmalloc      SIZE[ GFP] COUNT, memory by size: 200 10\n"
	"           hugetlb      SIZE COUNT, pages from the pool: %uM 10\n"
	"           mempolicy    on which nodes its memory lies: default, local,\n"
	"                        preferred:1, bind:0,2, interleave:0-3; 'bind:1 move'\n"
	"                        moves what is elsewhere. proc/PID/numa_maps: where it is\n"
	"           cpu          the emulated CPU it runs on; memory comes from its node\n"
	"           procs        real processes: when the last of them has ended the task\n"
	"                        goes. PID adds one, -PID strikes one off\n"
	"           oom_score_adj  who is to die sooner or later when memory runs out:\n"
	"                        -1000 (never) to 1000\n"
	"           pid, events  its number in proc; how often memory was refused, and\n"
	"                        how often all that it held was taken (oom_kill)\n"
	"Reading a file tells what is held. A write changes it by the line: COUNT sets,\n"
	"+N and -N add and take, 0 drops the line's key, other keys stay, and > and >> do\n"
	"the same. A line that cannot be met whole fails with ENOMEM and changes nothing;\n"
	"but when anon has no room, the task with the highest proc/PID/oom_score dies: it\n"
	"loses all that it holds but file, and dev/kmsg has the report.\n"
	"When they get less (all but anon), a random choice goes, so holes appear.\n"
	"\n";

/* What each shows is told before it, so that the reader knows what to look for. */
static const char experiments[] =
	"FIVE EXPERIMENTS\n"
	"1. Take memory and give it back. MemFree falls by 128 MiB, there are fewer\n"
	"   blocks of the highest order (the last column), and after rmdir they are back,\n"
	"   but for a few that the CPU keeps on its own lists (count in proc/zoneinfo).\n"
	"       mkdir tasks/a; cat proc/buddyinfo\n"
	"       echo 128M > tasks/a/anon; cat proc/buddyinfo; grep MemFree proc/meminfo\n"
	"       rmdir tasks/a; cat proc/buddyinfo\n"
	"2. What you write is in the machine's memory.\n"
	"       mkdir tasks/b; echo 1M > tasks/b/anon; echo needle > tasks/b/mem\n"
	"       head -c 7 tasks/b/mem; grep -c needle dev/mem; rmdir tasks/b\n"
	"3. Page cache goes when it is told to. Cached grows by 200 MiB and is 0 again.\n"
	"       mkdir tasks/c; echo 200M > tasks/c/file; grep ^Cached proc/meminfo\n"
	"       echo 1 > proc/sys/vm/drop_caches; cat tasks/c/file; rmdir tasks/c\n"
	"4. Huge pages come out of free blocks of order %u%s.\n"
	"       echo 16 > proc/sys/vm/nr_hugepages; grep -i huge proc/meminfo\n"
	"       mkdir tasks/d; echo '%uM 3' > tasks/d/hugetlb; grep -i huge proc/meminfo\n"
	"       rmdir tasks/d; echo 0 > proc/sys/vm/nr_hugepages\n"
	"5. Fragmentation. A task takes 390 MiB in single pages and gives half of them\n"
	"   back, a random choice: that memory is free, but of no use to large requests\n"
	"   (1.000 in unusable_index would be all of a zone), and a huge page pool cannot\n"
	"   have it. Ask for more than there is room for, and read what it became.\n"
	"       mkdir tasks/e; echo '0 GFP_KERNEL 100000' > tasks/e/pages\n"
	"       echo '0 GFP_KERNEL 50000' > tasks/e/pages\n"
	"       cat proc/buddyinfo sys/kernel/debug/extfrag/unusable_index\n"
	"       echo 100000 > proc/sys/vm/nr_hugepages; cat proc/sys/vm/nr_hugepages\n"
	"       echo 0 > proc/sys/vm/nr_hugepages; rmdir tasks/e\n";

/* The knobs' names, broken into lines. */
static void knob_names(struct text *t, const struct machine *m)
{
	const size_t indent = 24;
	size_t column = 0;
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		if (strncmp(k->path, VM_KNOBS, strlen(VM_KNOBS)) || !knob_shown(k, m, 0))
			continue;
		const char *name = k->path + strlen(VM_KNOBS);
		if (!column || column + 1 + strlen(name) > COLUMNS) {
			text_str(t, column ? "\n" : "");
			text_str_right(t, "", indent);
			column = indent;
		} else {
			text_char(t, ' ');
			column++;
		}
		text_str(t, name);
		column += strlen(name);
	}
	text_char(t, '\n');
}

void view_readme(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	const struct machine *m = s->machine;
	unsigned huge_kb = (unsigned)PAGES_TO_KB(1u << m->pageblock_order);
	unsigned huge_mb = huge_kb / 1024;
	text_printf(t, intro, s->machine->version->name);
	text_str(t, tree_proc);
	knob_names(t, m);
	if (m->numa)
		text_str(t, tree_node);
	text_printf(t, tree_sys, huge_kb, huge_mb);
	if (m->clock.manual)
		text_str(t, tree_clock);
	text_str(t, tree_rest);
	text_printf(t, tasks, huge_mb);
	text_printf(t, experiments, m->pageblock_order, m->numa ? ", from the nodes in turn" : "", huge_mb);
}
