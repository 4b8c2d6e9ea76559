# SPDX-License-Identifier: Apache-2.0
# RISC-V 32 with multiplication and compressed instructions, no C library.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_AR riscv64-unknown-elf-gcc-ar)
set(CMAKE_RANLIB riscv64-unknown-elf-gcc-ranlib)
# There is no start-up code to link CMake's own trials with.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT
    "-march=rv32imc -mabi=ilp32 -ffreestanding -nostdlib -ffunction-sections -fdata-sections -fstack-usage")
# Small: what one file knows of another is used; what is called once stays a
# function, whose branches are short; no code is doubled to save a jump,
# and a loop's constants are not moved out into registers that are few.
# Objects are code as well, for those who link without -flto.
set(CMAKE_C_FLAGS_MINSIZEREL_INIT
    "-Os -flto -ffat-lto-objects -fno-inline-functions-called-once -fno-thread-jumps -fno-move-loop-invariants")
