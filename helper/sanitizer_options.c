/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Only in builds with sanitizers. A search for leaks at the end would attach to the process, which the filter does not let happen,
 * and nothing is freed at the end anyway: the unit tests look for leaks. A symbolizer would have to be started: a report gives
 * addresses, for addr2line(1). */

#define EXPORT __attribute__((visibility("default")))

EXPORT const char *__asan_default_options(void);
EXPORT const char *__ubsan_default_options(void);
EXPORT int __lsan_is_turned_off(void);

const char *__asan_default_options(void) {
	return "detect_leaks=0:symbolize=0:color=never";
}

const char *__ubsan_default_options(void) {
	return "symbolize=0:color=never";
}

int __lsan_is_turned_off(void) {
	return 1;
}
