/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The TUN device: what the kernel routes there can be read, what is written arrives from there. */

/* Opens the device of this name, and makes it if there is none; it goes with the descriptor. Its queue is long: a packet that the
 * simulator is too slow for would look like one that the network lost. Returns a descriptor that does not block, or -errno. */
int device_open(const char *name);
