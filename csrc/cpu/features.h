/*
 * What the processor can do, as a bit set. Kernel rows state their needs in it.
 */
#ifndef ENGINE_CPU_FEATURES_H
#define ENGINE_CPU_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

/* A feature's bit is its index in the table in features.c. The names exist on every architecture, so that one
 * ENGINE_CPU_DISABLE serves a mixed fleet; elsewhere they are never detected. */
enum cpu_feature {
    FEATURE_SSSE3 = 1 << 0,
    FEATURE_SSE4_1 = 1 << 1,
    FEATURE_SSE4_2 = 1 << 2,
    FEATURE_PCLMULQDQ = 1 << 3,
    FEATURE_AES = 1 << 4,
    FEATURE_BMI2 = 1 << 5,
    FEATURE_AVX2 = 1 << 6,
    FEATURE_SHA_NI = 1 << 7,
    FEATURE_AVX512F = 1 << 8,
    FEATURE_AVX512BW = 1 << 9,
    FEATURE_AVX512VL = 1 << 10,
    FEATURE_VAES = 1 << 11,
    FEATURE_VPCLMULQDQ = 1 << 12,
    FEATURE_BMI1 = 1 << 13,
    FEATURE_ONE_CYCLE_VECTORS = 1 << 14, /* no bit of CPUID: vector add, rotate, vpternlogd take one cycle */
};

/* Detect, then take away what ENGINE_CPU_DISABLE names. Returns false if it names something unknown. Called once, by
 * engine_init(). */
bool cpu_features_init(void);

uint32_t cpu_features_usable(void);

#endif
