// SPDX-License-Identifier: GPL-2.0
#define PROVIDER 2
#include "provider.h"

MODULE_DESCRIPTION("The second of two providers, for the bench of kimport");
