// SPDX-License-Identifier: GPL-2.0
/*
 * Calls in interrupts. The callers wait until the called function has returned. Only one task at a
 * time may use call_in_nmi().
 */
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/module.h>

typedef void (*function_t)(void *argument);

struct request {
	struct irq_work work;
	function_t function;
	void *argument;
};

static void interrupted(struct irq_work *work)
{
	struct request *request = container_of(work, struct request, work);

	request->function(request->argument);
}

/* Calls in a hard interrupt of this CPU. */
void call_in_interrupt(function_t function, void *argument);
void call_in_interrupt(function_t function, void *argument)
{
	struct request request = {
		.work = IRQ_WORK_INIT_HARD(interrupted),
		.function = function,
		.argument = argument,
	};

	irq_work_queue(&request.work);
	irq_work_sync(&request.work);
}
EXPORT_SYMBOL_GPL(call_in_interrupt);

#ifdef CONFIG_X86
#include <asm/apic.h>
#include <asm/nmi.h>

static function_t nmi_function;
static void *nmi_argument;

/* The CPU that is to make the call; -1: none. */
static int nmi_cpu = -1;

/* Calls in a non-maskable interrupt of the next CPU, whatever that is doing. */
void call_in_nmi(function_t function, void *argument);
void call_in_nmi(function_t function, void *argument)
{
	static int cpu;

	cpu = cpumask_next(cpu, cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	nmi_function = function;
	nmi_argument = argument;
	smp_store_release(&nmi_cpu, cpu);
	__apic_send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
	while (smp_load_acquire(&nmi_cpu) >= 0)
		cpu_relax();
}
EXPORT_SYMBOL_GPL(call_in_nmi);

static int handle_nmi(unsigned int type, struct pt_regs *regs)
{
	if (smp_load_acquire(&nmi_cpu) != raw_smp_processor_id())
		return NMI_DONE;
	nmi_function(nmi_argument);
	smp_store_release(&nmi_cpu, -1);
	return NMI_HANDLED;
}

static int __init interrupts_init(void)
{
	return register_nmi_handler(NMI_LOCAL, handle_nmi, 0, KBUILD_MODNAME);
}
module_init(interrupts_init);

static void __exit interrupts_exit(void)
{
	unregister_nmi_handler(NMI_LOCAL, KBUILD_MODNAME);
}
module_exit(interrupts_exit);
#endif

MODULE_DESCRIPTION("Calls in interrupts, for the tests of kimport");
MODULE_LICENSE("GPL");
