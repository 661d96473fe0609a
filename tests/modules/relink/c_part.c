// SPDX-License-Identifier: GPL-2.0
/* The second part of relink_c. */
int provider_twin(void);
int relink_c_twin(void);

int relink_c_twin(void)
{
	return provider_twin();
}
