/*
 * The names of the outcomes are all the text that C has about them. Python writes the sentences.
 */
#include "engine.h"

#define NAMED(status) \
    case status:      \
        return #status

const char *engine_status_name(int status)
{
    switch (status) {
        NAMED(ENGINE_OK);
        NAMED(ENGINE_E_MEMORY);
        NAMED(ENGINE_E_LIBCRYPTO);
        NAMED(ENGINE_E_READ);
        NAMED(ENGINE_E_WRITE);
        NAMED(ENGINE_E_STREAM_FINISHED);
        NAMED(ENGINE_E_STREAM_BROKEN);
        NAMED(ENGINE_E_CPU_FEATURE);
        NAMED(ENGINE_E_SELF_TEST);
        NAMED(ENGINE_E_KERNEL_UNUSABLE);
        NAMED(ENGINE_E_FILE_SYSTEM);
        NAMED(ENGINE_E_KEY_TEXT);
        NAMED(ENGINE_E_KEY_MISMATCH);
        NAMED(ENGINE_E_SEALED_FORMAT);
        NAMED(ENGINE_E_SEALED_DAMAGED);
    }
    return NULL;
}
