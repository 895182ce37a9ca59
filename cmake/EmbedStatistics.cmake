# Compiles datasets/criteo_statistics.json into the program, so that the generator needs no file.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/datasets/criteo_statistics.json)
file(READ ${PROJECT_SOURCE_DIR}/datasets/criteo_statistics.json STRATA_CRITEO_STATISTICS)
configure_file(${PROJECT_SOURCE_DIR}/data/criteo_statistics_json.cc.in
  ${CMAKE_CURRENT_BINARY_DIR}/criteo_statistics_json.cc @ONLY)
