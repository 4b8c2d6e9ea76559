# SPDX-License-Identifier: Apache-2.0
# cmake -DIN=FILE -DOUT=FILE.c -DNAME=SYMBOL -P embed.cmake
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "#include \"server/api/openapi.h\"
const unsigned char ${NAME}[] = {${bytes}0};
const size_t ${NAME}_len = sizeof ${NAME} - 1;
")
