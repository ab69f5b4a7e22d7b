/*
 * Detection on a processor that has every feature, under a system that saves the registers it is told to: for the assembler, cpuid and
 * xgetbv are macros here.
 *
 *     xcr0_driver XCR0    the features detected if xgetbv gives this (hexadecimal), one a line; "none": the system has no xgetbv
 */
#include <stdint.h>

uint32_t cpuid_ecx = UINT32_MAX, xcr0;

__asm__(".macro cpuid\n\t"
        "movl $-1, %eax\n\tmovl $-1, %ebx\n\tmovl cpuid_ecx(%rip), %ecx\n\tmovl $-1, %edx\n\t"
        ".endm\n\t"
        ".macro xgetbv\n\t"
        "movl xcr0(%rip), %eax\n\txorl %edx, %edx\n\t"
        ".endm");

#include "cpu/features.c"

#include <stdio.h>

int main(int argc, char **argv)
{
    ENGINE_ASSERT(argc == 2);
    if (strcmp(argv[1], "none") == 0)
        cpuid_ecx &= ~(1u << 27);
    xcr0 = strcmp(argv[1], "none") == 0 ? UINT32_MAX : (uint32_t)strtoul(argv[1], NULL, 16);
    ENGINE_ASSERT(cpu_features_init());
    for (int i = 0; i < engine_cpu_feature_count(); i++)
        if (engine_cpu_feature_detected(i) && engine_cpu_feature_usable(i))
            puts(engine_cpu_feature_name(i));
    return 0;
}
