# Every library Strata uses, found in one place. THIRD_PARTY.md says why each was chosen.
find_package(Threads REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(zstd CONFIG QUIET)
find_package(RocksDB CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

# Debian's dnnl package configuration demands OpenCL; the library itself does not.
find_path(DNNL_INCLUDE_DIR dnnl.hpp)
find_library(DNNL_LIBRARY dnnl)
add_library(strata_dnnl INTERFACE)
if(NOT STRATA_DNNL)
  message(STATUS "oneDNN is off: matrix products use the plain fallback")
elseif(DNNL_INCLUDE_DIR AND DNNL_LIBRARY)
  target_include_directories(strata_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
  target_link_libraries(strata_dnnl INTERFACE ${DNNL_LIBRARY} gomp)  # gomp: its CPU runtime
  target_compile_definitions(strata_dnnl INTERFACE STRATA_HAVE_DNNL=1)
else()
  message(WARNING "oneDNN not found: matrix products use the plain fallback (slow)")
endif()

# The system's Python first: Debian's python3-numpy (tests only) belongs to it.
find_program(STRATA_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(STRATA_PYTHON python3)
