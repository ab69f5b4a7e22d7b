/*
 * What rows that seal leave in zmm16 to zmm31 and in the upper halves of ymm0 to ymm15, which nothing clears on return: each is run with
 * two keys and two texts, and whatever differs afterwards tells of them.
 *
 *     registers_driver gcm      each row of AES-256-GCM that carries messages on, sealing and opening
 *     registers_driver fused    each row of the fused pass that seals
 *
 * Prints how many rows ran, and how many registers told, one "name: number" a line.
 */
#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "cpu/features.h"
#include "fused/fused.h"
#include "gcm/gcm.h"
#include "kernels/answers.h"

enum { REGISTERS = 16, REGISTER_SIZE = 64, HALF_SIZE = 16, TEXT_MAX = 4096 };

struct registers {
    uint8_t bytes[REGISTERS][REGISTER_SIZE], halves[REGISTERS][HALF_SIZE];
};

struct secrets {
    uint8_t key[ENGINE_KEY_SIZE], text[TEXT_MAX];
};

/* From one block to many, and not whole ones. */
static const size_t sizes[] = {64, 128, 256, 512, 1024, 4096}, odd_sizes[] = {1, 15, 100, 300, 4095};

enum { SIZES = sizeof sizes / sizeof sizes[0], ODD_SIZES = sizeof odd_sizes / sizeof odd_sizes[0] };

static struct secrets one, other;

static int rows, telling;

#define EACH_HALF ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
#define EACH_REGISTER ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"

static inline __attribute__((always_inline)) void clear_registers(void)
{
    __asm__ volatile(EACH_REGISTER "vpxord %%zmm\\n, %%zmm\\n, %%zmm\\n\n\t.endr\n\tvzeroupper" ::);
}

static inline __attribute__((always_inline)) void read_registers(struct registers *out)
{
    __asm__ volatile(EACH_REGISTER "vmovdqu64 %%zmm\\n, (\\n - 16) * 64(%0)\n\t.endr" ::"r"(out->bytes) : "memory");
    __asm__ volatile(EACH_HALF "vextracti128 $1, %%ymm\\n, \\n * 16(%0)\n\t.endr" ::"r"(out->halves) : "memory");
}

static void compare(const struct registers *by_one, const struct registers *by_other)
{
    for (int i = 0; i < REGISTERS; i++) {
        telling += memcmp(by_one->bytes[i], by_other->bytes[i], REGISTER_SIZE) != 0;
        telling += memcmp(by_one->halves[i], by_other->halves[i], HALF_SIZE) != 0;
    }
}

static const uint8_t nonce[ENGINE_NONCE_SIZE];

static void run_gcm(const struct gcm_row *row, const struct secrets *secrets, bool is_sealing, size_t size, struct registers *left)
{
    union gcm_state state = {0};
    uint8_t out[TEXT_MAX];
    ENGINE_ASSERT(row->begin(&state, secrets->key) == ENGINE_OK);
    row->pieces->begin(&state.x86, nonce, NULL, 0);
    clear_registers();
    row->pieces->carry_on(&state.x86, is_sealing, secrets->text, size, out);
    read_registers(left);
}

static void compare_gcm(const struct gcm_row *row, size_t size)
{
    struct registers by_one, by_other;
    for (int is_sealing = 0; is_sealing < 2; is_sealing++) {
        run_gcm(row, &one, is_sealing, size, &by_one);
        run_gcm(row, &other, is_sealing, size, &by_other);
        compare(&by_one, &by_other);
    }
}

static void look_at_gcm(void)
{
    static const struct gcm_row *const all[] = {&gcm_row_x86_vaes_avx512, &gcm_row_x86_vaes_avx2, &gcm_row_x86_aesni};
    for (int i = 0; i < 3; i++) {
        if ((all[i]->needs & ~cpu_features_usable()) != 0)
            continue;
        rows++;
        for (int j = 0; j < SIZES; j++)
            compare_gcm(all[i], sizes[j]);
        for (int j = 0; j < ODD_SIZES; j++)
            compare_gcm(all[i], odd_sizes[j]);
    }
}

static void run_fused(const struct fused_row *row, const struct secrets *secrets, size_t size, struct registers *left)
{
    union gcm_state state = {0};
    uint32_t md5[4] = {0}, sha256[8] = {0};
    uint64_t crc64 = 0;
    uint8_t out[TEXT_MAX];
    const struct fused fused = {.md5 = md5, .sha256 = sha256, .crc64 = &crc64, .gcm = &state.x86};
    ENGINE_ASSERT(gcm_chosen_row()->begin(&state, secrets->key) == ENGINE_OK);
    gcm_chosen_row()->pieces->begin(&state.x86, nonce, NULL, 0);
    clear_registers();
    row->blocks(&fused, secrets->text, size / FUSED_BLOCK, out);
    read_registers(left);
}

static void look_at_fused(void)
{
    struct registers by_one, by_other;
    for (int i = 0; i < FUSED_ROWS_X86; i++) {
        const struct fused_row *const row = &fused_rows_x86[i];
        if (!row->seals || (row->needs & ~cpu_features_usable()) != 0)
            continue;
        rows++;
        for (int j = 0; j < SIZES; j++) {
            run_fused(row, &one, sizes[j], &by_one);
            run_fused(row, &other, sizes[j], &by_other);
            compare(&by_one, &by_other);
        }
    }
}

int main(int argc, char **argv)
{
    ENGINE_ASSERT(argc == 2 && engine_init() == ENGINE_OK);
    fill_with_pattern((uint8_t *)&one, sizeof one);
    for (size_t i = 0; i < sizeof other; i++)
        ((uint8_t *)&other)[i] = (uint8_t) ~((uint8_t *)&one)[i];
    if (strcmp(argv[1], "gcm") == 0)
        look_at_gcm();
    else
        look_at_fused();
    printf("rows: %d\ntelling: %d\n", rows, telling);
    return 0;
}
