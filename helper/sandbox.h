/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the helper cannot do any more once it serves: reach a file, use up the machine, make any system call but those of
 * sandbox_table.c. Nothing in here can be undone by the process itself. */

#include <stdbool.h>

#include "helper/config.h"
#include "helper/reason.h"

/* Nothing new is to be had by execve(2) any more. -errno. */
int sandbox_forbid_new_privileges(void);

/* Goes to a folder that is empty, cannot be written to and is part of nobody's tree; and later, makes it the root: nothing has a
 * name after that. -errno; SANDBOX_E_UNSUPPORTED: the first needs CAP_SYS_ADMIN and Linux 5.2. The second needs
 * CAP_SYS_CHROOT. */
enum { SANDBOX_E_UNSUPPORTED = 1 };
int sandbox_prepare_empty_root(void);
int sandbox_enter_empty_root(void);

/* Takes away every right on the file system (Landlock). After sandbox_forbid_new_privileges(). -errno;
 * SANDBOX_E_UNSUPPORTED: this kernel has no Landlock; the filter, which allows no call that opens a file, must do. */
int sandbox_leave_files(void);

/* Sets what this process may use: no child, no file growing, no core dump, descriptors and memory as @config needs. -errno. */
int sandbox_limit_resources(bool is_private, const struct config *config);

/* Loads the system-call filter: what it does not allow ends the process. Free descriptors below DESCRIPTOR_FIRST_CLIENT must have
 * been filled. @peeks: clients could send descriptors, which client_socket.h guards against. -errno. */
int sandbox_load_filter(bool is_private, bool peeks);
