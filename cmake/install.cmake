include(CMakePackageConfigHelpers)
set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/bcstore")

install(TARGETS bcstore EXPORT bcstoreTargets)
install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT bcstoreTargets NAMESPACE bcstore:: DESTINATION "${config_dir}")
configure_package_config_file(cmake/bcstoreConfig.cmake.in
  "${PROJECT_BINARY_DIR}/bcstoreConfig.cmake" INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/bcstoreConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/bcstoreConfig.cmake"
  "${PROJECT_BINARY_DIR}/bcstoreConfigVersion.cmake" DESTINATION "${config_dir}")

# The prefix is found from where the .pc file lies, so that the installed tree can be moved.
file(RELATIVE_PATH PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" PC_PREFIX "${PC_PREFIX}")
set(PC_REQUIRES "rocksdb fmt simdjson libzstd libcrypto")
set(PC_REQUIRES_PRIVATE "")
if(BUILD_SHARED_LIBS)
  set(PC_REQUIRES_PRIVATE "${PC_REQUIRES}")
  set(PC_REQUIRES "")
endif()
configure_file(cmake/bcstore.pc.in "${PROJECT_BINARY_DIR}/bcstore.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/bcstore.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/bcstore")

if(BCSTORE_BUILD_CLI)
  install(TARGETS bcstore_cli)
endif()
