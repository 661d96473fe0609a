// SPDX-License-Identifier: GPL-2.0
#include "c_macro.h"
