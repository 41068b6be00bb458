# Everything from outside, found once, under names that say which of our rooms may use it.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libmount REQUIRED IMPORTED_TARGET mount>=2.38)
pkg_check_modules(libblkid REQUIRED IMPORTED_TARGET blkid>=2.38)
pkg_check_modules(libudev REQUIRED IMPORTED_TARGET libudev)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(ext2fs REQUIRED IMPORTED_TARGET ext2fs)

# Asio and Beast are compiled once, not in every file that includes them. The library itself is in backends/asio.cpp.
add_library(mooring_asio_headers INTERFACE)
target_compile_definitions(mooring_asio_headers INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(mooring_asio_headers INTERFACE Boost::headers Threads::Threads)
if(TARGET yaml-cpp::yaml-cpp)
  set(MOORING_YAML yaml-cpp::yaml-cpp)
else()
  set(MOORING_YAML yaml-cpp)
endif()
