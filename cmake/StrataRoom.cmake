# One static library per room; DEPS mirrors the arrows of ARCHITECTURE.md.
function(strata_room room)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  set(kind PUBLIC)
  if(ARG_SOURCES)
    add_library(strata_${room} STATIC ${ARG_SOURCES})
  else()
    add_library(strata_${room} INTERFACE)  # headers only
    set(kind INTERFACE)
  endif()
  target_link_libraries(strata_${room} ${kind} strata_options)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(strata_${room} ${kind} strata_${dep})
  endforeach()
  target_link_libraries(strata_${room} ${kind} ${ARG_LIBS})
  if(ARG_SOURCES AND STRATA_FUZZ)
    target_compile_options(strata_${room} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(ARG_SOURCES AND STRATA_SANITIZE AND room STREQUAL "kernels")
    target_compile_options(strata_${room} PRIVATE -O1)
  endif()
endfunction()

# The environment of every test: no spinning OpenMP threads, reports that end in a failure.
set(STRATA_TEST_ENVIRONMENT
  "OMP_WAIT_POLICY=passive"
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp:halt_on_error=1")

# In a sanitizer tree tests are called asan.base, tsan.base, …; build/ runs all trees at once.
set(STRATA_TEST_PREFIX "")
if(STRATA_SANITIZE MATCHES "address")
  set(STRATA_TEST_PREFIX "asan.")
elseif(STRATA_SANITIZE MATCHES "thread")
  set(STRATA_TEST_PREFIX "tsan.")
endif()

# One test program per room: tests/<room>/*_test.cc mirror <room>/*.cc.
#   strata_test(<name> SOURCES … DEPS rooms… LIBS … LABELS … TIMEOUT seconds)
# Label `release` keeps a test out of the sanitizer trees (a golden of many minutes, say).
function(strata_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LIBS;LABELS" ${ARGN})
  if(STRATA_TEST_PREFIX AND "release" IN_LIST ARG_LABELS)
    return()
  endif()
  add_executable(${name}_test ${ARG_SOURCES})
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
  set_tests_properties(${STRATA_TEST_PREFIX}${name} PROPERTIES
    TIMEOUT ${ARG_TIMEOUT} LABELS "unit;${ARG_LABELS}" ENVIRONMENT "${STRATA_TEST_ENVIRONMENT}")
endfunction()

# A libFuzzer target and its short run as a test:
#   strata_fuzz(<name> SOURCES tests/fuzz/<name>_fuzz.cc DEPS … CORPUS folder-of-seeds)
# Inputs found by the run stay in the build tree; a crash leaves its input there.
set(STRATA_FUZZ_SECONDS 20 CACHE STRING "How long each fuzz target runs as a test")
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
