# SPDX-License-Identifier: Apache-2.0
# Cortex-M4 without its floating point unit: a common module and host.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_AR arm-none-eabi-gcc-ar)
set(CMAKE_RANLIB arm-none-eabi-gcc-ranlib)
# There is no start-up code to link CMake's own trials with.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_FLAGS_INIT
    "-mcpu=cortex-m4 -mthumb -ffunction-sections -fdata-sections -fstack-usage")
# Small: what one file knows of another is used; what is called once stays a
# function, whose branches are short; no code is doubled to save a jump,
# and a loop's constants are not moved out into registers that are few.
# Objects are code as well, for those who link without -flto.
set(CMAKE_C_FLAGS_MINSIZEREL_INIT
    "-Os -flto -ffat-lto-objects -fno-inline-functions-called-once -fno-thread-jumps -fno-move-loop-invariants")
