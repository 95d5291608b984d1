/* SPDX-License-Identifier: MIT */
/*
 * Knobs that are in the tree because the capture has them: each row that has a
 * slot is asked for by its path. What can only be written was in the archive's
 * kernel, too, but is in no archive; any other knob of proc/sys/vm stands for it.
 * Runs before the knobs that act are set.
 */
#include "daemon/import_capture.h"

#include "knob/knob_loaded.h"

#include <string.h>

#define VM_DIR "proc/sys/vm/"

/* NULL: not there. A file that cannot be read now was there when the capture was listed; it counts as missing. */
static const char *row_text(const struct capture *c, const struct knob *k, char *line, size_t size)
{
	struct why why = { "" };
	size_t dir = strlen(VM_DIR);
	if (!strncmp(k->path, VM_DIR, dir))
		return cap_knob_value(c, k->path + dir);
	return cap_first_line(c, k->path, line, size, &why) ? NULL : line;
}

static void row_load(struct capture *c, struct vm *vm, const struct knob *k)
{
	char line[256];
	const char *text = k->show ? row_text(c, k, line, sizeof(line)) : NULL;
	if (k->show ? !text : !c->nr_knobs)
		return;
	const char *slash = strrchr(k->path, '/');
	if (knob_load(k, vm, text))
		cap_note(c, NOTE_CORRECTED, slash + 1, "%s: \"%.40s\" is not a value of %s; left out",
			 k->path, text, c->version->name);
}

void import_loaded_set(struct capture *c, struct vm *vm)
{
	for (unsigned i = 0; i < nr_knobs; i++)
		if (knob_table[i].loaded && knob_fits(&knob_table[i], &vm->machine, 0))
			row_load(c, vm, &knob_table[i]);
}
