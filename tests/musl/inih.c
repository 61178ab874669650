/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* For Debian's libinih.a, which is linked as it is: how glibc's <ctype.h> finds out what is white space. */
#include <ctype.h>

const unsigned short **__ctype_b_loc(void);
const unsigned short **__ctype_b_loc(void) {
	static unsigned short table[384];
	static const unsigned short *zero = table + 128; /* characters may be negative */

	for (int character = 0; character < 256; character++) {
		table[128 + character] =
			isspace(character) ? 1 << 13 : 0; /* _ISspace, of a little-endian machine */
	}
	return &zero;
}
