# With STRATA_UNITY, compiles the target's sources together, but for those after it: two files
# that use one name for different things of their own (unnamed namespaces) cannot share a unit.
function(strata_unity target)
  if(STRATA_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
    if(ARGN)
      set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endif()
endfunction()

# One static library per room; DEPS mirrors the arrows of ARCHITECTURE.md.
#   strata_room(<room> SOURCES … DEPS rooms… LIBS … ALONE sources that strata_unity() leaves out…)
function(strata_room room)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS;ALONE" ${ARGN})
  set(kind PUBLIC)
  if(ARG_SOURCES)
    add_library(strata_${room} STATIC ${ARG_SOURCES})
    if(STRATA_SANITIZE)  # what ships is compiled one file at a time
      strata_unity(strata_${room} ${ARG_ALONE})
    endif()
  else()
    add_library(strata_${room} INTERFACE)  # headers only
    set(kind INTERFACE)
  endif()
  target_link_libraries(strata_${room} ${kind} strata_options)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(strata_${room} ${kind} strata_${dep})
  endforeach()
  target_link_libraries(strata_${room} ${kind} ${ARG_LIBS})
  # The rooms whose readers the fuzz targets feed report coverage.
  if(STRATA_FUZZ AND room MATCHES "^(storage|data|train|serving)$")
    target_compile_options(strata_${room} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(ARG_SOURCES AND STRATA_SANITIZE AND room STREQUAL "kernels")
    target_compile_options(strata_${room} PRIVATE -O1)
  endif()
endfunction()

# The environment of every test: no spinning OpenMP threads, reports that end in a failure.
set(STRATA_TEST_ENVIRONMENT
  "OMP_WAIT_POLICY=passive"
  "ASAN_OPTIONS=strict_string_checks=1:malloc_context_size=8"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp:halt_on_error=1")

# In a sanitizer tree tests are called asan.base, tsan.base, …
set(STRATA_TEST_PREFIX "")
if(STRATA_SANITIZE MATCHES "address")
  set(STRATA_TEST_PREFIX "asan.")
elseif(STRATA_SANITIZE MATCHES "thread")
  set(STRATA_TEST_PREFIX "tsan.")
endif()

# One test program per room: tests/<room>/*_test.cc mirror <room>/*.cc.
#   strata_test(<name> SOURCES … DEPS rooms… LIBS … LABELS … TIMEOUT seconds ALONE sources…)
# Label `release` keeps a test out of the sanitizer trees (a golden of many minutes, say).
function(strata_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LIBS;LABELS;ALONE" ${ARGN})
  if(STRATA_TEST_PREFIX AND "release" IN_LIST ARG_LABELS)
    return()
  endif()
  add_executable(${name}_test ${ARG_SOURCES})
  strata_unity(${name}_test ${ARG_ALONE})
  target_link_libraries(${name}_test PRIVATE strata_options GTest::gmock GTest::gtest_main)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(${name}_test PRIVATE strata_${dep})
  endforeach()
  target_link_libraries(${name}_test PRIVATE ${ARG_LIBS})
  # Tests spend their time in the rooms' code; optimising the tests themselves only costs minutes.
  target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
  target_compile_definitions(${name}_test PRIVATE STRATA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${STRATA_TEST_PREFIX}${name} COMMAND ${name}_test --gtest_brief=1)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(STRATA_TEST_PREFIX)
    math(EXPR ARG_TIMEOUT "3 * ${ARG_TIMEOUT}")
  endif()
  set_tests_properties(${STRATA_TEST_PREFIX}${name} PROPERTIES
    TIMEOUT ${ARG_TIMEOUT} COST ${ARG_TIMEOUT}  # the longest first
    LABELS "unit;${ARG_LABELS}" ENVIRONMENT "${STRATA_TEST_ENVIRONMENT}")
endfunction()

# A libFuzzer target and its short run as a test:
#   strata_fuzz(<name> SOURCES tests/fuzz/<name>_fuzz.cc DEPS … CORPUS folder-of-seeds)
# Inputs found by the run stay in the build tree; a crash leaves its input there.
set(STRATA_FUZZ_SECONDS 10 CACHE STRING "How long each fuzz target runs as a test")
function(strata_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPS;LIBS" ${ARGN})
  if(NOT STRATA_FUZZ)
    return()
  endif()
  add_executable(fuzz_${name} ${ARG_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE strata_options)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(fuzz_${name} PRIVATE strata_${dep})
  endforeach()
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_LIBS})
  target_compile_definitions(fuzz_${name} PRIVATE STRATA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  set(found ${CMAKE_CURRENT_BINARY_DIR}/found_${name})
  file(MAKE_DIRECTORY ${found})
  get_filename_component(corpus "${ARG_CORPUS}" ABSOLUTE)
  if(NOT ARG_CORPUS)
    set(corpus "")
  endif()
  add_test(NAME fuzz.${name} COMMAND fuzz_${name} -max_total_time=${STRATA_FUZZ_SECONDS}
    -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -artifact_prefix=${found}_crash_
    ${found} ${corpus})
  math(EXPR timeout "${STRATA_FUZZ_SECONDS} + 120")
  set_tests_properties(fuzz.${name} PROPERTIES
    TIMEOUT ${timeout} LABELS fuzz ENVIRONMENT "${STRATA_TEST_ENVIRONMENT}")
endfunction()
