# SPDX-FileCopyrightText: The multiping authors
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone: for each, a source file that includes nothing else (twice, for #pragma once). A new
# header is seen by the next configuration; ./check configures each time.
file(GLOB_RECURSE headers RELATIVE ${CMAKE_SOURCE_DIR}
  ${CMAKE_SOURCE_DIR}/protocol/*.h ${CMAKE_SOURCE_DIR}/helper/*.h ${CMAKE_SOURCE_DIR}/client/*.h ${CMAKE_SOURCE_DIR}/tests/*.h)
set(sources)
foreach(header IN LISTS headers)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${header}.c)
  file(CONFIGURE OUTPUT ${source} CONTENT
    "#include \"@header@\"\n#include \"@header@\"\ntypedef int not_empty;\n" @ONLY)
  list(APPEND sources ${source})
endforeach()
add_library(headers OBJECT ${sources})
target_link_libraries(headers PRIVATE PkgConfig::MSGPACK)
