/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What happened, for the administrator: one line an event, "event=NAME key=value ...", to DESCRIPTOR_LOG. A line that finds no
 * room there is dropped: a reader who stopped reading must not stop the helper. */

/* Makes writes to DESCRIPTOR_LOG never wait, without a change for others who write there too. -errno. */
int log_open(void);

/* Writes a line; @format begins with the event's name. Whatever is not printable ASCII becomes '?'. Allowed by the filter. */
__attribute__((format(__printf__, 1, 2))) void log_event(const char *format, ...);
