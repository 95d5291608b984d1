/* SPDX-License-Identifier: MIT */
/*
 * Making files as somebody else: the thread takes the client's user and group
 * for the one call, so that what it makes is the client's from its first
 * instant, and the host applies the rules of a setgid directory.
 *
 * Whether the client may do it at all was checked by the host kernel before we
 * were asked, with groups that we do not know. So the rights that root has by
 * passing permission bits are kept, and those alone: making devices is not
 * among them.
 *
 * A daemon that is not root makes everything as itself.
 */
#include "vm/source.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPS_KEPT (1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH)

/* After the change of user took them out of use. A host that grants none goes on without. */
static void caps_keep(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &head, caps))
		return;
	caps[0].effective |= caps[0].permitted & CAPS_KEPT;
	if (syscall(SYS_capset, &head, caps))
		return;
}

/* These tell what was set before, and never whether they succeeded. */
static bool user_set(uid_t uid)
{
	setfsuid(uid);
	return (uid_t)setfsuid((uid_t)-1) == uid;
}

static bool group_set(gid_t gid)
{
	setfsgid(gid);
	return (gid_t)setfsgid((gid_t)-1) == gid;
}

int source_who_begin(const struct source *s, const struct file_who *who, struct source_who *was)
{
	*was = (struct source_who){ .uid = geteuid(), .gid = getegid() };
	if (!s->as_others || (who->uid == was->uid && who->gid == was->gid))
		return 0;
	was->changed = true;
	if (group_set(who->gid) && user_set(who->uid)) {
		if (who->uid != was->uid)
			caps_keep();
		return 0;
	}
	source_who_end(was);
	return -EPERM;
}

void source_who_end(const struct source_who *was)
{
	if (!was->changed)
		return;
	bool back = user_set(was->uid) && group_set(was->gid);
	ASSERT(back);
}
