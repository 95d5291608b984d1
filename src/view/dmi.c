/* SPDX-License-Identifier: MIT */
/*
 * sys/firmware/dmi/tables (drivers/firmware/dmi_scan.c, 6.1): what the firmware
 * of such a machine would tell about its sockets and DIMMs, as SMBIOS 3.3. Per
 * socket there is a processor and, when its nodes have memory, an array of
 * memory devices; DIMM A1 is the first one of the first channel.
 *
 * A node's DIMMs hold its memory one after the other, lowest addresses first
 * (mainboards mostly interleave them), so that every address belongs to one
 * DIMM; holes of less than a MiB are counted in. What the machine does not have
 * (caches, clocks, serial numbers) is told as unknown or left out.
 */
#include "mm/socket.h"
#include "view/smbios.h"
#include "view/views.h"

#define MAKER "ummfs"
#define CHANNELS_MAX 8u /* of one node */
#define ARRAY_KB_MAX 0x80000000u /* larger ones are told in the extended field */
#define DEVICE_MIB_MAX 0x7fffu
#define MAPPED_KB_MAX 0xffffffffu
/* Ranges that would take more handles than these are not told: the rest is for devices. */
#define MAPPED_HANDLES_END 0xc000u
/* Where PCs have their table: in the frames below 1 MiB that are firmware's. Readers of sysfs do not look there. */
#define TABLE_ADDRESS 0xf0000u

enum record_type {
	TYPE_BIOS = 0,
	TYPE_SYSTEM = 1,
	TYPE_PROCESSOR = 4,
	TYPE_ARRAY = 16,
	TYPE_DEVICE = 17,
	TYPE_ARRAY_ADDRESS = 19,
	TYPE_DEVICE_ADDRESS = 20,
	TYPE_END = 127
};

static const struct {
	const char *name;
	uint8_t code;
	uint16_t millivolts;
} dimm_types[] = {
	[DIMM_DDR4] = { "DDR4", 0x1a, 1200 },
	[DIMM_DDR5] = { "DDR5", 0x22, 1100 },
};

static void bios_write(struct smbios *s)
{
	struct smbios_record r;

	smbios_begin(s, &r, TYPE_BIOS, 0x1a);
	smbios_string(&r, 0x04, MAKER);
	smbios_string(&r, 0x05, "SMBIOS %d.%d", SMBIOS_MAJOR, SMBIOS_MINOR);
	smbios_u16(&r, 0x06, TABLE_ADDRESS >> 4); /* segment */
	smbios_u64(&r, 0x0a, 1u << 3); /* no characteristics are told */
	smbios_u8(&r, 0x13, 1u << 4); /* but this: the machine is a virtual one */
	for (unsigned at = 0x14; at <= 0x17; at++) /* releases of BIOS and controller: none */
		smbios_u8(&r, at, 0xff);
	smbios_end(s, &r);
}

static void system_write(struct smbios *s, const struct machine *m)
{
	struct smbios_record r;

	smbios_begin(s, &r, TYPE_SYSTEM, 0x1b);
	smbios_string(&r, 0x04, MAKER);
	smbios_string(&r, 0x05, "%u-bit machine", m->bits);
	for (unsigned at = 0x08; at < 0x18; at++) /* it has no UUID */
		smbios_u8(&r, at, 0xff);
	smbios_u8(&r, 0x18, 0x06); /* woken by its power switch */
	smbios_end(s, &r);
}

/* ---- Sockets ---- */

static const struct node *socket_node_next(const struct machine *m, int socket, const struct node *after)
{
	const struct node *n = node_next_online(m, after);
	while (n && n->socket != socket)
		n = node_next_online(m, n);
	return n;
}
#define FOR_EACH_NODE_OF_SOCKET(n, m, socket)                                                      \
	for (const struct node *n = socket_node_next(m, socket, NULL); n;                          \
	     n = socket_node_next(m, socket, n))

/* A count in one byte, and whole in a word further on. */
static void count_put(struct smbios_record *r, unsigned at, unsigned at_word, unsigned v)
{
	smbios_u8(r, at, (uint8_t)MIN(v, 0xffu));
	smbios_u16(r, at_word, (uint16_t)MIN(v, 0xffffu));
}

static unsigned node_nr_online(const struct node *n)
{
	unsigned nr = 0;
	MASK_FOR_EACH(cpu, &n->cpus)
		nr += n->machine->cpu[cpu].online;
	return nr;
}

static void processor_counts(struct smbios_record *r, const struct machine *m, int socket)
{
	unsigned threads = 0, enabled = 0, per_core = cpu_threads_per_core(m);

	FOR_EACH_NODE_OF_SOCKET(n, m, socket) {
		threads += mask_count(&n->cpus);
		enabled += node_nr_online(n);
	}
	smbios_u8(r, 0x18, threads ? 0x41 : 0); /* populated and enabled; else an empty socket */
	count_put(r, 0x23, 0x2a, threads / per_core);
	count_put(r, 0x24, 0x2c, enabled / per_core);
	count_put(r, 0x25, 0x2e, threads);
	smbios_u16(r, 0x26,
		   (uint16_t)((m->bits == 64) << 2 | (threads / per_core > 1) << 3 | (per_core > 1) << 4));
}

static void processor_write(struct smbios *s, const struct machine *m, int socket)
{
	struct smbios_record r;

	smbios_begin(s, &r, TYPE_PROCESSOR, 0x30);
	smbios_string(&r, 0x04, "CPU%d", socket);
	smbios_u8(&r, 0x05, 0x03); /* central processor */
	smbios_u8(&r, 0x06, 0x02); /* of unknown family */
	smbios_string(&r, 0x07, MAKER);
	smbios_string(&r, 0x10, "emulated");
	smbios_u8(&r, 0x19, 0x02); /* unknown socket type */
	for (unsigned at = 0x1a; at <= 0x1e; at += 2)
		smbios_u16(&r, at, SMBIOS_NO_HANDLE); /* caches */
	processor_counts(&r, m, socket);
	smbios_u16(&r, 0x28, 0x02);
	smbios_end(s, &r);
}

/* ---- Memory ---- */

static uint16_t array_write(struct smbios *s, uint64_t mib, unsigned nr_dimms)
{
	struct smbios_record r;
	bool large = mib << 10 >= ARRAY_KB_MAX;

	uint16_t handle = smbios_begin(s, &r, TYPE_ARRAY, 0x17);
	smbios_u8(&r, 0x04, 0x03); /* on the system board */
	smbios_u8(&r, 0x05, 0x03); /* system memory */
	smbios_u8(&r, 0x06, 0x03); /* no error correction */
	smbios_u32(&r, 0x07, large ? ARRAY_KB_MAX : (uint32_t)(mib << 10));
	smbios_u16(&r, 0x0b, SMBIOS_NO_HANDLE - 1); /* errors are not reported */
	smbios_u16(&r, 0x0d, (uint16_t)nr_dimms);
	smbios_u64(&r, 0x0f, large ? mib << 20 : 0);
	smbios_end(s, &r);
	return handle;
}

static void device_size(struct smbios_record *r, const struct dimm_spec *d)
{
	bool large = d->mib >= DEVICE_MIB_MAX;

	smbios_u16(r, 0x0c, (uint16_t)(large ? DEVICE_MIB_MAX : d->mib));
	smbios_u32(r, 0x1c, large ? d->mib : 0);
	smbios_u64(r, 0x3c, (uint64_t)d->mib << 20); /* all of it volatile */
}

static void device_kind(struct smbios_record *r, const struct dimm_spec *d)
{
	smbios_u8(r, 0x12, dimm_types[d->type].code);
	smbios_u16(r, 0x13, 1u << 7); /* synchronous */
	smbios_u16(r, 0x15, d->speed_mts);
	smbios_string(r, 0x17, MAKER);
	bool gib = d->mib % 1024 == 0;
	smbios_string(r, 0x1a, "%s-%u-%u%c", dimm_types[d->type].name, d->speed_mts,
		      gib ? d->mib / 1024 : d->mib, gib ? 'G' : 'M');
	smbios_u16(r, 0x20, d->speed_mts);
	for (unsigned at = 0x22; at <= 0x26; at += 2)
		smbios_u16(r, at, dimm_types[d->type].millivolts);
	smbios_u8(r, 0x28, 0x03); /* DRAM */
	smbios_u16(r, 0x29, 1u << 3); /* volatile memory */
}

/* A, B, ... Z, AA, ...: channels of a socket, counted from 0. */
static const char *channel_letters(unsigned channel, char buf[8])
{
	char *at = buf + 7;

	*at = '\0';
	for (unsigned n = channel + 1; n; n = (n - 1) / 26)
		*--at = (char)('A' + (n - 1) % 26);
	return at;
}

/* DIMM i of the node: neighbours are on different channels. */
static void device_write(struct smbios *s, const struct node *n, unsigned i, uint16_t array,
			 unsigned channels_before)
{
	const struct dimm_spec *d = &n->dimms;
	unsigned channel = i % CHANNELS_MAX, slot = i / CHANNELS_MAX;
	struct smbios_record r;
	char letters[8];

	smbios_begin(s, &r, TYPE_DEVICE, 0x5c);
	smbios_u16(&r, 0x04, array);
	smbios_u16(&r, 0x06, SMBIOS_NO_HANDLE - 1); /* errors are not reported */
	smbios_u16(&r, 0x08, 64); /* bits, none for error correction */
	smbios_u16(&r, 0x0a, 64);
	smbios_u8(&r, 0x0e, 0x09); /* DIMM */
	smbios_string(&r, 0x10, "CPU%d_DIMM_%s%u", n->socket,
		      channel_letters(channels_before + channel, letters), slot + 1);
	smbios_string(&r, 0x11, "NODE %u CHANNEL %u DIMM %u", n->id, channel, slot);
	device_kind(&r, d);
	device_size(&r, d);
	smbios_u64(&r, 0x34, 0); /* nothing of it persistent */
	smbios_end(s, &r);
}

/* First and last address, in kB where that fits, else in bytes further on. */
static void addresses_put(struct smbios_record *r, unsigned at_bytes, const struct node_span *mib)
{
	uint64_t first_kb = mib->start << 10, last_kb = (mib->end << 10) - 1;
	bool large = last_kb >= MAPPED_KB_MAX;

	smbios_u32(r, 0x04, large ? MAPPED_KB_MAX : (uint32_t)first_kb);
	smbios_u32(r, 0x08, large ? MAPPED_KB_MAX : (uint32_t)last_kb);
	smbios_u64(r, at_bytes, large ? mib->start << 20 : 0);
	smbios_u64(r, at_bytes + 8, large ? (mib->end << 20) - 1 : 0);
}

static uint16_t array_address_write(struct smbios *s, uint16_t array, const struct node_span *span)
{
	struct smbios_record r;

	uint16_t handle = smbios_begin(s, &r, TYPE_ARRAY_ADDRESS, 0x1f);
	addresses_put(&r, 0x0f, span);
	smbios_u16(&r, 0x0c, array);
	smbios_u8(&r, 0x0e, 1); /* one DIMM wide */
	smbios_end(s, &r);
	return handle;
}

static void device_address_write(struct smbios *s, uint16_t device, uint16_t array_address,
				 const struct node_span *span)
{
	struct smbios_record r;

	smbios_begin(s, &r, TYPE_DEVICE_ADDRESS, 0x23);
	addresses_put(&r, 0x13, span);
	smbios_u16(&r, 0x0c, device);
	smbios_u16(&r, 0x0e, array_address);
	smbios_u8(&r, 0x10, 1); /* row position; not interleaved */
	smbios_end(s, &r);
}

/* Every stretch of the node, and the DIMMs it lies in: the DIMM that is full is followed by the next. */
static void node_addresses_write(struct smbios *s, const struct node *n, uint16_t array, uint16_t first_device)
{
	uint64_t size = n->dimms.mib, filled = 0; /* MiB of the node that have their DIMM */

	for (struct node_span span = { 0, 0 };
	     s->next_handle < MAPPED_HANDLES_END && node_span_next(n, span.end, &span);) {
		uint16_t handle = array_address_write(s, array, &span);
		for (uint64_t at = span.start; at < span.end;) {
			uint64_t end = MIN(span.end, at + size - filled % size);
			device_address_write(s, (uint16_t)(first_device + filled / size), handle,
					     &(struct node_span){ at, end });
			filled += end - at;
			at = end;
		}
	}
}

static void devices_write(struct smbios *s, const struct machine *m, int socket, uint16_t array)
{
	unsigned channels = 0;

	FOR_EACH_NODE_OF_SOCKET(n, m, socket) {
		for (unsigned i = 0; i < n->dimms.nr; i++)
			device_write(s, n, i, array, channels);
		channels += MIN(n->dimms.nr, CHANNELS_MAX);
	}
}

static void socket_write(struct smbios *s, const struct machine *m, int socket)
{
	uint64_t mib = 0;
	unsigned nr_dimms = 0;

	processor_write(s, m, socket);
	FOR_EACH_NODE_OF_SOCKET(n, m, socket) {
		nr_dimms += n->dimms.nr;
		mib += (uint64_t)n->dimms.nr * n->dimms.mib;
	}
	if (!nr_dimms)
		return;
	uint16_t array = array_write(s, mib, nr_dimms);
	uint16_t device = s->next_handle;
	devices_write(s, m, socket, array);
	FOR_EACH_NODE_OF_SOCKET(n, m, socket) {
		node_addresses_write(s, n, array, device);
		device = (uint16_t)(device + n->dimms.nr);
	}
}

static void table_write(struct smbios *s, const struct machine *m)
{
	struct smbios_record end;

	bios_write(s);
	system_write(s, m);
	for (int socket = 0; socket < (int)MM_NODES_MAX; socket++)
		if (socket_node_next(m, socket, NULL))
			socket_write(s, m, socket);
	smbios_begin(s, &end, TYPE_END, 4);
	smbios_end(s, &end);
}

void view_dmi_table(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct smbios out = { .text = t };
	table_write(&out, s->machine);
}

void view_dmi_entry_point(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct smbios counted = { .text = NULL };
	table_write(&counted, s->machine);
	smbios_entry_point(t, (uint32_t)counted.bytes, TABLE_ADDRESS);
}
