/* SPDX-License-Identifier: MIT */
/* What an import found, and what it had to make up: a summary line, then the notes. */
#include "daemon/import.h"

#include "daemon/import_capture.h"

#include <errno.h>
#include <string.h>

static const char *const note_word[NOTE_KINDS] = {
	[NOTE_MISSING] = "missing",
	[NOTE_GUESSED] = "guessed",
	[NOTE_CORRECTED] = "corrected",
};

/* Each name once, in the order of the notes. */
static void names_print(const struct capture *c, enum cap_note_kind kind, struct text *out)
{
	bool any = false;
	for (unsigned i = 0; i < c->nr_notes; i++) {
		bool again = c->note[i].kind != kind;
		for (unsigned j = 0; j < i && !again; j++)
			again = c->note[j].kind == kind && !strcmp(c->note[j].what, c->note[i].what);
		if (again)
			continue;
		text_str(out, any ? ", " : "");
		text_str(out, c->note[i].what);
		any = true;
	}
	if (!any)
		text_str(out, "nothing");
}

static void shape_print(const struct capture *c, struct text *out)
{
	unsigned nodes = 0, zones = 0, cpus = 0;
	uint64_t managed = 0;
	for (unsigned n = 0; n < c->nr_nodes; n++)
		nodes += c->node[n].seen;
	for (unsigned i = 0; i < c->nr_zones; i++) {
		zones += cap_zone_populated(&c->zone[i]);
		cpus = MAX(cpus, c->zone[i].nr_pagesets);
		managed += c->zone[i].managed;
	}
	text_printf(out, "%s: %u node%s, %u zone%s, %u CPU%s, %lu MiB", *c->state ? c->state : "/",
		    nodes, nodes == 1 ? "" : "s", zones, zones == 1 ? "" : "s", cpus,
		    cpus == 1 ? "" : "s", managed >> (20 - PAGE_SHIFT));
}

void import_report(const struct capture *c, struct text *out)
{
	shape_print(c, out);
	for (unsigned kind = 0; kind < NOTE_KINDS; kind++) {
		text_printf(out, "; %s: ", note_word[kind]);
		names_print(c, (enum cap_note_kind)kind, out);
	}
	text_char(out, '\n');
	for (unsigned kind = 0; kind < NOTE_KINDS; kind++)
		for (unsigned i = 0; i < c->nr_notes; i++)
			if (c->note[i].kind == kind)
				text_printf(out, "%s: %s\n", note_word[kind], c->note[i].text);
	if (c->notes_lost)
		text_printf(out, "%u more notes\n", c->notes_lost);
}

int import_strict(const struct capture *c, struct why *why)
{
	for (unsigned i = 0; i < c->nr_notes; i++)
		if (c->note[i].kind == NOTE_CORRECTED)
			return why_set(why, -EINVAL, "%s: refused by -o strict: %s",
				       *c->state ? c->state : "/", c->note[i].text);
	return 0;
}
