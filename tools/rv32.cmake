# SPDX-License-Identifier: Apache-2.0
# RISC-V 32 with multiplication and compressed instructions, no C library.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
# There is no start-up code to link CMake's own trials with.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT
    "-march=rv32imc -mabi=ilp32 -ffreestanding -nostdlib -ffunction-sections -fdata-sections -fstack-usage")
set(CMAKE_C_FLAGS_MINSIZEREL_INIT "-Os")
