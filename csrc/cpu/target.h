/*
 * Attributes by which a single function is compiled for more of the processor than the rest of its file.
 *
 * They stand on functions and never on files: with flags on a file, the compiler uses the wider registers in the
 * portable functions too, and the fallback dies of an illegal instruction on the very machine that it is for.
 */
#ifndef ENGINE_CPU_TARGET_H
#define ENGINE_CPU_TARGET_H

/* -DTARGET_PORTABLE compiles as for an unknown processor. A test does so, since not every machine has one at hand. */
#if defined(__x86_64__) && !defined(TARGET_PORTABLE)
#define TARGET_X86_64 1
#define TARGET_PCLMUL __attribute__((target("pclmul")))
#define TARGET_VPCLMUL_AVX2 __attribute__((target("vpclmulqdq,avx2,pclmul")))
#define TARGET_VPCLMUL_AVX512 __attribute__((target("vpclmulqdq,avx512f,pclmul")))
#define TARGET_AESNI __attribute__((target("aes,pclmul,ssse3,sse4.1")))
#define TARGET_VAES_AVX2 __attribute__((target("vaes,vpclmulqdq,avx2,aes,pclmul")))
#define TARGET_VAES_AVX512 __attribute__((target("vaes,vpclmulqdq,avx512f,avx512bw,avx512vl,aes,pclmul")))
#define TARGET_SHA __attribute__((target("sha,ssse3,sse4.1")))
#define TARGET_AVX2 __attribute__((target("avx2")))
#define TARGET_AVX512F __attribute__((target("avx512f")))
#define TARGET_AVX512BW __attribute__((target("avx512f,avx512bw")))
/* The fused pass keeps the upper sixteen vector registers for itself (fused/wide_x86.h). A compiler that may use
 * AVX-512 anywhere would use them too; then the fused pass is left out. */
#if !defined(__AVX512F__)
#define TARGET_FUSED __attribute__((target("aes,pclmul,sha,ssse3,sse4.1")))
#endif
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

#endif
