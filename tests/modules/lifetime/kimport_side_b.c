// SPDX-License-Identifier: GPL-2.0
#define SIDE 2
#include "side.h"

MODULE_DESCRIPTION("The second of two providers, for the tests of kimport");
