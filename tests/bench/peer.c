/* SPDX-License-Identifier: MIT */
/* libfuse's own multi-threaded loop with its defaults: see peer.h. */
#include "peer.h"

static int session_serve(struct fuse_session *session, const char *mountpoint)
{
	if (fuse_set_signal_handlers(session) || fuse_session_mount(session, mountpoint))
		return 1;
	fuse_daemonize(0);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	fuse_session_loop_mt(session, config);
	fuse_loop_cfg_destroy(config);
	fuse_session_unmount(session);
	fuse_remove_signal_handlers(session);
	return 0;
}

int peer_serve(struct fuse_session *session, const char *mountpoint)
{
	if (!session)
		return 1;
	int status = session_serve(session, mountpoint);
	fuse_session_destroy(session);
	return status;
}
