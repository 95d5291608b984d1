/* SPDX-License-Identifier: MIT */
#ifndef VIEW_SMBIOS_H
#define VIEW_SMBIOS_H

/*
 * Records of an SMBIOS table (DMTF DSP0134, 3.3): a header of type, length and
 * handle, fields at fixed offsets, then the strings that fields name by number.
 * Numbers are little-endian.
 */

#include "base/text.h"

#define SMBIOS_MAJOR 3
#define SMBIOS_MINOR 3
#define SMBIOS_ENTRY_BYTES 0x18u
#define SMBIOS_RECORD_MAX 0x5cu
#define SMBIOS_NO_HANDLE 0xffffu

struct smbios { /* a table being written */
	struct text *text; /* NULL: only counted */
	size_t bytes;
	uint16_t next_handle;
};

struct smbios_record {
	uint8_t field[SMBIOS_RECORD_MAX];
	unsigned len;
	char string[256]; /* one after the other, each with its NUL */
	size_t string_len;
	unsigned nr_strings;
};

/* A record of len bytes, all zero but the header. Returns its handle: they count from 0. */
uint16_t smbios_begin(struct smbios *s, struct smbios_record *r, uint8_t type, unsigned len);
void smbios_end(struct smbios *s, const struct smbios_record *r); /* write it */

/* Fields, by their offset in the record. */
void smbios_u8(struct smbios_record *r, unsigned at, uint8_t v);
void smbios_u16(struct smbios_record *r, unsigned at, uint16_t v);
void smbios_u32(struct smbios_record *r, unsigned at, uint32_t v);
void smbios_u64(struct smbios_record *r, unsigned at, uint64_t v);
/* A field that names a string; the record's strings take at most 256 bytes together. */
void smbios_string(struct smbios_record *r, unsigned at, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The 64-bit entry point of a table of that many bytes at most, at that address. */
void smbios_entry_point(struct text *t, uint32_t table_bytes, uint64_t address);

#endif
