/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* if (defence_is_on(NAME)): always, in what is installed. One build for tests can switch a defence off, to show that the test which
 * attacks the helper there would see it missing (tests/integration/attack). */
#ifdef MULTIPING_WITHOUT_DEFENCE
#include <stdbool.h>

bool defence_is_on_named(const char *name);
#define defence_is_on(name) defence_is_on_named(#name)
#else
#define defence_is_on(name) true
#endif
