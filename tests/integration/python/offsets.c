/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Prints where each field lies that multiping.h declares, one line each: "structure field offset bytes". */

#include <multiping.h>
#include <stdio.h>

#define SHOW(structure, field)                                                                     \
	printf(#structure " " #field " %zu %zu\n", offsetof(struct multiping_##structure, field),  \
	       sizeof(((struct multiping_##structure *)NULL)->field))

int main(void) {
#include "fields.h"
	return 0;
}
