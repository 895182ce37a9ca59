# cmake --install: the command, its configs, data sets and documents.
# cpack: a .deb that depends on Debian's libraries, and a relocatable .tar.gz that carries its own.
#
# Component `program` is everything but the libraries; `libraries` (tarball only) are the shared
# libraries the program loads, glibc excepted: the machine's own.
include(GNUInstallDirs)

# DT_RPATH and not DT_RUNPATH: it also holds for the libraries of the libraries (oneDNN's libgomp).
set_target_properties(strata PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
target_link_options(strata PRIVATE -Wl,--disable-new-dtags -pie)

install(TARGETS strata RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
foreach(folder configs datasets)
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${folder})
    install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_DATADIR}/strata COMPONENT program)
  endif()
endforeach()
if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/docs)
  install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
endif()
foreach(file README.md LICENSE NOTICE THIRD_PARTY.md SECURITY.md)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${file})
    install(FILES ${file} DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
  endif()
endforeach()
# Debian's policy: the licence terms of a package are in its `copyright`.
install(FILES packaging/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)

configure_file(packaging/bundle_libraries.cmake.in ${CMAKE_BINARY_DIR}/bundle_libraries.cmake @ONLY)
install(SCRIPT ${CMAKE_BINARY_DIR}/bundle_libraries.cmake COMPONENT libraries EXCLUDE_FROM_ALL)

set(CPACK_PACKAGE_NAME strata)
set(CPACK_PACKAGE_VENDOR "The Strata authors")
set(CPACK_PACKAGE_CONTACT "The Strata authors")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_FILE_NAME
  strata-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
string(TOLOWER "${CPACK_PACKAGE_FILE_NAME}" CPACK_PACKAGE_FILE_NAME)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 2)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/packaging/components.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
