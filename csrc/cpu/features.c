/*
 * Detects features by CPUID on x86-64, and obeys ENGINE_CPU_DISABLE: a list of feature names, separated by commas, that
 * are treated as absent. Tests use it, and an operator can switch off a suspect kernel without a new build.
 *
 * Source: Intel SDM volume 2, CPUID, and volume 1, 13.3 (XCR0); the names are those of
 * arch/x86/include/asm/cpufeatures.h in Linux.
 */
#include "cpu/features.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "cpu/target.h"
#include "engine.h"

enum cpuid_register { EBX, ECX };

/* Which vector registers the operating system must save for a feature to be safe, as XCR0 bits. */
enum xcr0 { XCR0_NONE = 0, XCR0_YMM = 0x06, XCR0_ZMM = 0xe6 };

struct feature {
    const char *name;
    unsigned leaf;
    enum cpuid_register reg;
    int bit;
    enum xcr0 saved;
};

enum { BY_MODEL = 0 };

/* In the order of enum cpu_feature. A feature without a leaf is known by the processor's model. */
static const struct feature features[] = {
    {"ssse3", 1, ECX, 9, XCR0_NONE},
    {"sse4_1", 1, ECX, 19, XCR0_NONE},
    {"sse4_2", 1, ECX, 20, XCR0_NONE},
    {"pclmulqdq", 1, ECX, 1, XCR0_NONE},
    {"aes", 1, ECX, 25, XCR0_NONE},
    {"bmi2", 7, EBX, 8, XCR0_NONE},
    {"avx2", 7, EBX, 5, XCR0_YMM},
    {"sha_ni", 7, EBX, 29, XCR0_NONE},
    {"avx512f", 7, EBX, 16, XCR0_ZMM},
    {"avx512bw", 7, EBX, 30, XCR0_ZMM},
    {"avx512vl", 7, EBX, 31, XCR0_ZMM},
    {"vaes", 7, ECX, 9, XCR0_YMM},
    {"vpclmulqdq", 7, ECX, 10, XCR0_YMM},
    {"bmi1", 7, EBX, 3, XCR0_NONE},
    {"one_cycle_vectors", BY_MODEL, EBX, 0, XCR0_NONE},
};

enum { FEATURE_COUNT = sizeof features / sizeof features[0] };

_Static_assert(1 << (FEATURE_COUNT - 1) == FEATURE_ONE_CYCLE_VECTORS, "the table follows enum cpu_feature");

static uint32_t detected;
static uint32_t usable;

#if defined(TARGET_X86_64)
#include <cpuid.h>

static uint64_t read_xcr0(void)
{
    const unsigned osxsave = 1u << 27;
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & osxsave))
        return 0;
    /* The intrinsic would need a target attribute; the instruction is safe once OSXSAVE is set. */
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (uint64_t)edx << 32 | eax;
}

static bool feature_present(const struct feature *feature, uint64_t xcr0)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(feature->leaf, 0, &eax, &ebx, &ecx, &edx))
        return false;
    const unsigned value = feature->reg == EBX ? ebx : ecx;
    return (value >> feature->bit & 1) != 0 && (xcr0 & feature->saved) == feature->saved;
}

static bool vendor_is(const char *name)
{
    unsigned eax, text[3];
    return __get_cpuid(0, &eax, &text[0], &text[2], &text[1]) && memcmp(text, name, sizeof text) == 0;
}

/* Whether MD5 in AVX-512VL's registers is faster than in general ones: on all of Intel's processors so far. On Zen 5
 * additions and rotations take two cycles; on Zen 4 one, and yet a block took 105 ns beside 79. Of unknown processors
 * we expect the same. Source: A. Fog, "Instruction tables"; uops.info; benchmarks/kernels.py. */
static bool vectors_take_one_cycle(void)
{
    return vendor_is("GenuineIntel");
}

static uint32_t detect(void)
{
    const uint64_t xcr0 = read_xcr0();
    uint32_t found = 0;
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (features[i].leaf != BY_MODEL && feature_present(&features[i], xcr0))
            found |= 1u << i;
    if ((found & FEATURE_AVX512VL) != 0 && vectors_take_one_cycle())
        found |= FEATURE_ONE_CYCLE_VECTORS;
    return found;
}
#else
static uint32_t detect(void)
{
    return 0;
}
#endif

static uint32_t feature_named(const char *name, size_t length)
{
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (strlen(features[i].name) == length && memcmp(features[i].name, name, length) == 0)
            return 1u << i;
    return 0;
}

/* Returns false if a name in the list is unknown; empty names are ignored. */
static bool parse_feature_list(const char *list, uint32_t *named)
{
    *named = 0;
    while (*list != '\0') {
        const size_t length = strcspn(list, ",");
        const uint32_t feature = feature_named(list, length);
        if (length > 0 && feature == 0)
            return false;
        *named |= feature;
        list += length;
        list += *list == ',';
    }
    return true;
}

bool cpu_features_init(void)
{
    const char *list = getenv("ENGINE_CPU_DISABLE");
    uint32_t disabled = 0;
    if (list != NULL && !parse_feature_list(list, &disabled))
        return false;
    detected = detect();
    usable = detected & ~disabled;
    return true;
}

uint32_t cpu_features_usable(void)
{
    return usable;
}

int engine_cpu_feature_count(void)
{
    return FEATURE_COUNT;
}

const char *engine_cpu_feature_name(int feature)
{
    ENGINE_ASSERT(feature >= 0 && feature < FEATURE_COUNT);
    return features[feature].name;
}

bool engine_cpu_feature_detected(int feature)
{
    ENGINE_ASSERT(feature >= 0 && feature < FEATURE_COUNT);
    return (detected >> feature & 1) != 0;
}

bool engine_cpu_feature_usable(int feature)
{
    ENGINE_ASSERT(feature >= 0 && feature < FEATURE_COUNT);
    return (usable >> feature & 1) != 0;
}
