# Language level, warnings, hardening, sanitizers and ccache for every room.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# -O2 of g++ 12 does not vectorise usefully; row kernels need -O3.
set(CMAKE_CXX_FLAGS_RELEASE "-O3")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -D_GLIBCXX_ASSERTIONS")

find_program(STRATA_CCACHE ccache)
if(STRATA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths relative to the checkout: every clone and work tree shares one cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${STRATA_CCACHE})
endif()

# What every room's sources are compiled with.
add_library(strata_options INTERFACE)
target_include_directories(strata_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(strata_options INTERFACE
  -Wall -Wextra
  $<$<CXX_COMPILER_ID:GNU>:-Werror>  # the project's compiler; others build, and may warn
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false on "text" + std::string in g++ 12 (bug 105651)
  # Loops that -O1 does not vectorise, and `#pragma GCC ivdep`, are no news.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-pass-failed> $<$<CXX_COMPILER_ID:Clang>:-Wno-unknown-pragmas>
  -fno-math-errno      # sqrtf would otherwise block vectorisation (10x on AdaGrad)
  -fstack-protector-strong)
target_compile_definitions(strata_options INTERFACE
  STRATA_VERSION="${PROJECT_VERSION}"
  $<$<CONFIG:Release>:_GLIBCXX_ASSERTIONS>)

if(STRATA_SANITIZE)
  # For tests that assert memory or time, which instrumented code does not keep.
  target_compile_definitions(strata_options INTERFACE STRATA_SANITIZED=1)
  target_compile_options(strata_options INTERFACE
    -fsanitize=${STRATA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # What AddressSanitizer or a plain fault shows as well, and doubles the compile time.
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=null,vptr,object-size>
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=nonnull-attribute,returns-nonnull-attribute>)
  target_link_options(strata_options INTERFACE -fsanitize=${STRATA_SANITIZE})
  # -O0 compiles twice as fast as -O1; strata_room() gives kernels/ its -O1 back. Reports
  # give addresses, which llvm-symbolizer turns into functions; line numbers cost a third more time:
  # -DCMAKE_CXX_FLAGS=-g1 when one is wanted.
  set(CMAKE_CXX_FLAGS_DEBUG "-O0 -D_GLIBCXX_ASSERTIONS")
else()
  target_compile_definitions(strata_options INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
  target_link_options(strata_options INTERFACE -Wl,-z,relro,-z,now)
endif()

if(STRATA_FUZZ AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "STRATA_FUZZ needs clang: cmake --preset asan")
endif()
